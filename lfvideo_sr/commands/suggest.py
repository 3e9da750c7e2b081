"""`lfvideo-sr refs suggest`: the frames of a clip whose sharp versions would help most, as pictures to work on."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..checks import check_positive
from ..frames import Frame
from ..media.bit_rate import bits_per_pixel
from ..media.clock import Timeline, frame_times, seconds_of
from ..media.probe import check_file
from ..media.video import VideoSource
from ..references.opening import ReferenceOptions, find_references, lr_track
from ..references.source import ClipFit
from ..references.suggestion_folder import SuggestionFolder, name_of
from ..stream.suggesting import ClipChoice, Rules, Suggestion
from ..stream.surveying import survey
from .progress import make_progress

_WORTH = 0.05  # dB in the mean: fewer than this is not worth a line


@dataclass(frozen=True)
class SuggestCommand:
    """The options of the command.

    count:      references to suggest.
    output:     folder for the pictures.
    refs:       references that are there already, as `lfvideo-sr stream --refs` takes them.
    index_base: what stills' plain numbers call the first frame, 0 or 1.
    every, causal: as the stream will be told.
    """

    input: Path
    output: Path
    count: int
    refs: str | None = None
    index_base: int = 0
    every: int = 1
    causal: bool = False
    frames: int | None = None
    deinterlace: bool = False
    overwrite: bool = False
    as_json: bool = False
    progress: str = "auto"
    trust_manifest: bool = False

    def __post_init__(self) -> None:
        check_positive("-n", self.count)
        check_positive("--ref-every", self.every)

    def run(self) -> None:
        """Choose the frames, write them as pictures and print their expected gains; raises LFVideoError."""
        check_file(self.input)
        folder = SuggestionFolder(self.output, self.overwrite)
        progress = make_progress("none" if self.as_json else self.progress)
        with self._open() as clip:
            referenced = self._referenced_frames(clip)
            progress.say(f"{clip.info.name} {clip.info.size}: looking how far detail can be carried")
            times: list[Fraction] = []
            frames = _noting_times(progress.over(clip, clip.info.frames), times)
            scenes = survey(frames, referenced, bits_per_pixel(clip.video))
            choice = ClipChoice(scenes, 2 * self.count, Rules(self.every, self.causal))
            suggestions = choice.suggestions(self.count)
            timeline = Timeline(times)
            names = _names(suggestions, timeline)
            kept = folder.start(names.values())
            self._write(folder, suggestions, names, timeline)
        about = self._about(choice, suggestions, names, timeline, kept, len(referenced), clip.warnings)
        folder.finish(about)
        if self.as_json:
            print(json.dumps(about, indent=1))
        for line in self._lines(about):
            progress.say(line)

    def _open(self) -> VideoSource:
        return VideoSource(self.input, track=lr_track(self.input), frames=self.frames, deinterlace=self.deinterlace)

    def _referenced_frames(self, clip: VideoSource) -> set[int]:
        """Indices of the frames on show when the references that are there were taken."""
        if self.refs is None:
            return set()
        options = ReferenceOptions(
            refs=self.refs,
            index_base=self.index_base,
            deinterlace=self.deinterlace,
            trust_manifest=self.trust_manifest,
        )
        references = find_references(self.input, clip.info, options)
        assert references is not None
        times = list(frame_times(clip.video))
        try:
            return {max(bisect_right(times, reference.time) - 1, 0) for reference in references}
        finally:
            references.close()

    def _write(
        self, folder: SuggestionFolder, suggestions: list[Suggestion], names: dict[int, str], timeline: Timeline
    ) -> None:
        """Decode once more, as far as needed, and write the frames chosen."""
        chosen = {suggestion.frame: suggestion for suggestion in suggestions}
        with self._open() as clip:
            fit = ClipFit.to(clip.video, clip.video.size)
            bits = 16 if clip.video.bit_depth > 8 else 8
            for frame in _until(clip, max(chosen, default=-1)):
                if frame.index in chosen:
                    about = asdict(chosen[frame.index]) | {"time": _shown_time(timeline, frame.index)}
                    folder.add(names[frame.index], fit.upright(frame.pixels), bits, about)

    def _about(
        self, choice: ClipChoice, suggestions: list[Suggestion], names: dict[int, str], timeline: Timeline,
        kept: list[str], given: int, warnings: list[str],
    ) -> dict[str, Any]:  # fmt: skip
        """All results, as JSON."""
        rows = [
            {"file": names[suggestion.frame], **asdict(suggestion), "time": _shown_time(timeline, suggestion.frame)}
            for suggestion in suggestions
        ]
        return {
            "input": self.input.name, "frames": choice.frames, "scenes": choice.scenes, "asked": self.count,
            "given": given, "ref_every": self.every, "causal": self.causal, "suggestions": rows,
            "gains": [round(gain, 4) for gain in choice.gains], "kept": kept, "warnings": warnings,
        }  # fmt: skip

    def _lines(self, about: dict[str, Any]) -> Iterator[str]:
        """The table and what to do next, for people."""
        rows = about["suggestions"]
        if not rows:
            yield "nothing to suggest: every place that a reference could take has one"
            return
        widest = max(len(row["file"]) for row in rows)
        yield f"{'file':<{widest}}    frame      time  scene  serves  gain"
        for row in rows:
            time = f"{row['time']:.3f} s"
            yield (
                f"{row['file']:<{widest}}  {row['frame']:>7}  {time:>10}  {row['scene']:>4}  {row['served']:>6}  "
                f"{row['gain']:+.1f} dB"
            )
        yield from _curve(about["gains"], len(rows), about["frames"])
        if len(rows) < self.count:
            yield f"            only {len(rows)} of {self.count} find room: one in {self.every} frames (--ref-every)"
        yield from (f"kept        {name}: changed since it was written" for name in about["kept"])
        yield from (f"warning     {text}" for text in about["warnings"])
        yield f"output      {self.output}: make these sharp, any size, under the same names; then"
        causal = " --causal" if self.causal else ""
        yield f"            lfvideo-sr stream {self.input} --refs {self.output}{causal}"


def _curve(gains: list[float], count: int, frames: int) -> Iterator[str]:
    """What these references bring together, and what more or fewer would."""
    before = f" beside those given ({gains[0]:+.2f} dB)" if gains[0] else ""
    yield f"expected    {gains[count] - gains[0]:+.2f} dB in the mean over {frames} frames{before}"
    fewer = count // 2
    if fewer and count > 1:
        yield f"            {fewer} of them alone, chosen anew: {gains[fewer] - gains[0]:+.2f} dB"
    more = min(len(gains) - 1, count + max(5, count // 2)) - count
    if more <= 0:
        yield "            there is no room for more"
    elif gains[count + more] - gains[count] < _WORTH:
        yield f"            {more} more would add next to nothing"
    else:
        yield f"            {more} more would add about {gains[count + more] - gains[count]:.1f} dB"


def _noting_times(frames: Iterable[Frame], times: list[Fraction]) -> Iterator[Frame]:
    """The same frames, whose times are appended to a list as they pass: so there are as many times as frames."""
    for frame in frames:
        times.append(seconds_of(frame))
        yield frame


def _names(suggestions: list[Suggestion], timeline: Timeline) -> dict[int, str]:
    """File names by frame index."""
    times = timeline.times
    return {
        suggestion.frame: name_of(times[suggestion.frame] - times[0], timeline.length) for suggestion in suggestions
    }


def _until(clip: VideoSource, last: int) -> Iterator[Frame]:
    for frame in clip:
        if frame.index > last:
            return
        yield frame


def _shown_time(timeline: Timeline, index: int) -> float:
    """Seconds since the first frame."""
    return round(float(timeline.times[index] - timeline.times[0]), 6)
