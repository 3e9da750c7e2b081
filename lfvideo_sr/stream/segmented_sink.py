"""An output that survives whatever ends its run: every segment is safe on the disk as soon as it is encoded."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from ..errors import LFVideoError
from ..frames import Frame, Size
from ..media.output_format import OutputPicture, ToPlanes, planes_on_host
from ..media.part import Part
from ..media.partial import partial_of
from ..media.probe import VideoInfo
from ..media.segment_sink import JoinedSink, SegmentSink, Shown
from ..media.streams import EVERYTHING, StreamChoice
from .finished import mark_finished
from .journal import Journal
from .pipeline import ReferenceUse

Uses = Mapping[tuple, ReferenceUse]


class Settings(TypedDict):
    """How a target is encoded; see VideoSink."""

    codec: str
    crf: int
    preset: str
    options: Mapping[str, str]


class SegmentedSink:
    """Writes the pictures of a run, which say what segment they are of, and puts the segments together at the end.

    Whatever fails, segments that are done stay in the journal's folder, and the same run goes on from them.
    """

    def __init__(
        self, target: Path, video: VideoInfo, size: Size, journal: Journal, settings: Settings,
        uses_in: Callable[[int], Uses], *, copy_from: Path | None = None, ends_at: float | None = None,
        overwrite: bool = False, part: Part | None = None, choice: StreamChoice = EVERYTHING,
        check_input: Callable[[], object] = lambda: None,
    ):  # fmt: skip
        """uses_in: what references served in a segment, asked for when it is done. check_input: raises where the input
        is no longer what was opened; then nothing more of it is recorded. Raises what VideoSink raises."""
        self.path, self.size, self._video, self._check_input = target, size, video, check_input
        self._journal, self._settings, self._uses_in = journal, settings, uses_in
        beside: dict[str, Any] = {"copy_from": copy_from, "ends_at": ends_at, "overwrite": overwrite}
        self._beside = beside | {"part": part, "choice": choice}
        self._segment: SegmentSink | None = None
        self._number = self._first = -1
        whole = self._target(target)  # whatever does not fit is said before the first frame
        whole.abort()
        self.format, self.warnings = whole.format, whole.warnings
        self._video = replace(video, alpha=self.format.keeps_alpha)  # which a segment by itself could keep

    def _target(self, path: Path, **changed: Any) -> JoinedSink:
        unfinished = self._journal.folder / f"joined{path.suffix}"
        beside = self._beside | changed
        return JoinedSink(path, self._video, self.size, unfinished=unfinished, **self._settings, **beside)

    def converted(self, frame: Frame, to_planes: ToPlanes = planes_on_host) -> OutputPicture:
        """What `encode` takes; may be asked for in another thread than that runs in."""
        return self.format.converted(frame, to_planes)

    def encode(self, picture: OutputPicture) -> None:
        """Encode the next picture, in the order of their times; a segment's pictures follow each other."""
        if picture.segment != self._number:
            self._end_segment()
            self._number, self._first = picture.segment, picture.number
            path = self._journal.path(self._number)
            unfinished = partial_of(path)  # the folder is ours: what has this name is of a run that was stopped
            self._segment = SegmentSink(path, self._video, self.size, **self._settings, unfinished=unfinished)
        assert self._segment is not None
        self._segment.encode(picture)

    def _end_segment(self) -> None:
        if self._segment is not None:
            self._check_input()
            segment, self._segment = self._segment, None
            segment.close()
            uses = recorded_uses(self._uses_in(self._number))
            self._journal.add(self._number, self._first, segment.shown, uses)

    def close(self, frames: int) -> None:
        """Put the segments together, which have to be so many frames, and give the file its name. The journal stays
        until the report is written too."""
        self._end_segment()
        records = self._journal.whole(frames)
        pieces = [self._journal.path(record.number) for record in records]
        with self._target(self.path) as target:
            target.join(pieces, [record.shown for record in records], partial(mark_finished, self._journal.folder))
        self.warnings += [line for line in target.warnings if line not in self.warnings]

    def leave_partial(self) -> Path | None:
        """Put together what there is, playable, beside the target; None where there is nothing, or no room for it."""
        with suppress(LFVideoError, OSError, MemoryError):
            pieces, shown = self._pieces()
            if not any(shown):
                self._give_up()
                return None
            path = self._journal.partial(partial_of(self.path))
            with self._target(path, overwrite=True) as target:
                target.join(pieces, shown, partial(self._journal.add_partial, path.name))
            return path
        return None

    def _pieces(self) -> tuple[list[Path], list[Shown]]:
        """Every segment that is done, and what there is of the one in the making, with their times."""
        done = sorted(self._journal.done.items())
        pieces = [self._journal.path(number) for number, _ in done]
        shown: list[Shown] = [record.shown for _, record in done]
        if self._segment is not None and not self._segment.finished:
            pieces.append(self._segment.leave_partial())
            shown.append(self._segment.shown)
        return pieces, shown

    def _give_up(self) -> None:
        """Nothing was encoded: leave nothing behind."""
        if self._segment is not None and not self._segment.finished:
            self._segment.abort()
        self._journal.remove()


def recorded_uses(uses: Uses) -> tuple[dict[str, Any], ...]:
    """What references served, as JSON has it."""
    return tuple({"key": list(key), **asdict(use), "time": str(use.time)} for key, use in uses.items())


def uses_of(records: Sequence[dict[str, Any]]) -> dict[tuple, ReferenceUse]:
    """What a journal recorded of the references of a segment."""
    uses = {}
    for record in records:
        values = {name: value for name, value in record.items() if name != "key"}
        uses[tuple(record["key"])] = ReferenceUse(**values | {"time": Fraction(record["time"])})
    return uses
