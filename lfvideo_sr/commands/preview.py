"""`lfvideo-sr stream --preview 5s`: a short piece from the middle of a clip, a picture of it, what the whole takes."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import check_positive
from ..errors import InputError, UsageError
from ..media.sequence_source import clip_info, open_clip
from ..media.video import VideoInfo
from ..references.opening import lr_track
from ..report import is_report
from ..stream.opening import open_source
from .contact_sheet import chosen, write_sheet
from .output_target import default_output
from .progress import make_progress
from .stream import StreamCommand, shown_times
from .targets import beside, check_targets
from .texts import shown_bytes, shown_seconds

_LENGTH = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)s?")
_ON_SHEET = 9  # frames


def parse_length(text: str) -> Fraction:
    """ "5s" or "5" -> seconds; UsageError for anything else."""
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--preview is '{text}'; give seconds, like 5s")
    length = Fraction(match[1])
    check_positive("--preview", float(length))
    return length


@dataclass(frozen=True)
class PreviewCommand:
    """A run over the middle of a clip. length: its seconds. command: the run over the whole clip."""

    command: StreamCommand
    length: Fraction

    def run(self) -> None:
        """Write the piece, its report and the sheet beside it; print what the whole clip takes."""
        options = self.command.options
        if options.start is not None or options.end is not None:
            raise UsageError("--preview chooses the part itself; leave out --from and --to")
        if self.command.dry_run:
            raise UsageError("--dry-run writes nothing, and --preview a piece; give one of them")
        video = clip_info(self.command.input, options.rate, self._track())
        whole = video.seconds
        if not whole:
            raise InputError(f"{self.command.input} does not say how long it is; give --from and --to instead")
        progress = make_progress(self.command.progress)
        output = self._output()
        sheet, report = beside(output, ".png"), self.command.report or beside(output, ".report.json")
        check_targets({"-o": sheet}, [self.command.input], self.command.overwrite or is_report(report))
        piece = replace(self.command, output=output, report=report, options=self._part_of(whole), resume=False)
        piece.run()
        content = json.loads(report.read_text())
        self._write_sheet(sheet, piece, content)
        for line in self._lines(video, whole, output, sheet, content):
            progress.say(line)

    def _track(self) -> int:
        options, path = self.command.options, self.command.input
        return 0 if options.simulate or not path.is_file() else lr_track(path, options.track)

    def _output(self) -> Path:
        """The output's name with "_preview" behind it."""
        whole = self.command.output or default_output(self.command.input, self.command.encoding.codec)
        suffix = whole.suffix if whole.suffix and "%" not in whole.name else ".mkv"
        return beside(whole, f"_preview{suffix}")

    def _part_of(self, whole: float) -> Any:
        """The options for the middle of a clip of so many seconds; of a short clip for all of it."""
        length = min(self.length, Fraction(whole).limit_denominator(1000))
        begin = max(Fraction(0), (Fraction(whole).limit_denominator(1000) - length) / 2)
        start, end = (f"{float(moment):.3f}" for moment in (begin, begin + length))
        return replace(self.command.options, start=start, end=end)

    def _write_sheet(self, sheet: Path, piece: StreamCommand, report: dict[str, Any]) -> None:
        rows = report["per_frame"]
        at = chosen(len(rows), _ON_SHEET, {place: row["passed"] for place, row in enumerate(rows)})
        with closing(open_source(piece.input, piece.options)) as source:
            before = _some((frame.pixels for frame in source if frame.index >= 0), at)
        assert piece.output is not None
        with open_clip(piece.output, detect_cuts=False) as result:
            after = _some((frame.pixels for frame in result), at)
        captions = [f"{rows[place]['time']:.2f} s  {_shown_uses(rows[place])}" for place in at]
        write_sheet(sheet, list(zip(before, after, captions, [rows[place]["passed"] for place in at])))

    def _lines(
        self, video: VideoInfo, whole: float, output: Path, sheet: Path, report: dict[str, Any]
    ) -> Iterator[str]:
        frames, rate = report["frames"], report["frames_per_second"]
        count = video.frames or (round(whole * video.rate) if video.rate else None)
        if count and rate:
            size = output.stat().st_size * count / max(1, frames)
            yield (
                f"whole clip  {count} frames: about {shown_seconds(count / rate)} at {rate:.3g} fps, "
                f"about {shown_bytes(round(size))}"
            )
        times = sorted({use["time"] for use in report["references"]})
        if times:
            yield f"references  used here: {shown_times(times)}"
        yield f"sheet       {sheet}: input on the left, result on the right of each frame"


def _some(pictures: Iterator[np.ndarray], places: list[int]) -> list[np.ndarray]:
    """The pictures at these places of the order in which they come."""
    return [pixels for place, pixels in enumerate(islice(pictures, places[-1] + 1)) if place in places]


def _shown_uses(row: dict[str, Any]) -> str:
    if row["passed"]:
        return "reference"
    relevances = [relevance for relevance in row["relevance"] if relevance is not None]
    count = len(row["references"])
    if not count:
        return "no reference"
    return f"{count} reference{'s' * (count > 1)}, relevance {max(relevances, default=0):.2f}"
