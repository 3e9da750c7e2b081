"""References for a stream that is read once: which frame each of them belongs to shows when that frame comes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import InputError, ReferencesMissing, UsageError
from ..frames import Frame, Size
from ..media.clock import seconds_of, stamp_of
from ..media.images import read_image, read_size
from ..media.picture_formats import PICTURES, read_or_why, shown_unreadable
from ..media.probe import VideoInfo
from ..media.resize import resized
from ..media.video import VideoSource, video_tracks
from .opening import path_and_track
from .reference import Reference
from .source import EVERY, ClipFit, turned
from .still_names import StillEntry
from .stills import read_places, unreadable_in
from .tracks import turns_between

_ARRAYS = {".h5", ".hdf5"}
_NO_TIME = "has no time or frame in its name, and what is read once cannot be searched for it"


@dataclass(frozen=True)
class ExpectedReference:
    """A reference whose frame has not come yet.

    reference: `aligned` where it shows exactly a frame if its moment is that frame's; `time` on the stream's clock.
    precision: seconds by which its time may differ from its frame's.
    frame:     the index of its frame, where that is known instead of a time.
    """

    reference: Reference
    precision: Fraction = Fraction(0)
    frame: int | None = None


class ArrivingReferences:
    """Gives references as their frames come: a source of references, and the feed of the stream at once."""

    kind = "refs"

    def __init__(
        self, expected: Iterable[ExpectedReference], beside: VideoInfo, description: str, cadence: int,
        warnings: list[str],
    ):  # fmt: skip
        """expected: in the order of their frames. beside: the stream's video. The rest as ReferenceSource has it."""
        self._expected = iter(expected)
        self._next = next(self._expected, None)
        self._turn = 1 / (beside.rate or Fraction(25))  # seconds that a frame is shown, on average so far
        self._first: Frame | None = None
        self.description, self.cadence, self.warnings = description, cadence, warnings
        self.estimates: list[str] = []

    def __iter__(self) -> Iterator[Reference]:
        """None: their times are not known before the frames are there; see `upto`."""
        return iter(())

    def upto(self, frame: Frame) -> list[Reference]:
        """New references with a time up to this frame's."""
        if self._first is None:
            self._first = frame
        elif frame.index > self._first.index:
            self._turn = (seconds_of(frame) - seconds_of(self._first)) / (frame.index - self._first.index)
        references = []
        while self._next is not None and self._is_due(self._next, frame):
            references.append(self._placed(self._next, frame))
            self._next = next(self._expected, None)
        return references

    def rest(self, end: Fraction) -> list[Reference]:
        """Those of the last frame's turn. Later ones have no frame."""
        references = []
        while self._next is not None and self._next.frame is None and self._next.reference.time < end:
            references.append(replace(self._next.reference, aligned=False))
            self._next = next(self._expected, None)
        if self._next is not None and not self.cadence:
            self.warnings.append(f"the stream ended before {self._next.reference.origin}")
        return references

    def none_until(self, time: Fraction) -> bool:
        """Whether it is known that no further reference has a time up to this one: of a frame's index it is not."""
        expected = self._next
        return expected is None or (expected.frame is None and expected.reference.time - expected.precision > time)

    def _is_due(self, expected: ExpectedReference, frame: Frame) -> bool:
        if expected.frame is not None:
            return expected.frame <= frame.index
        return expected.reference.time <= seconds_of(frame) + self._tolerance(expected)

    def _placed(self, expected: ExpectedReference, frame: Frame) -> Reference:
        """At the frame's own time where it is that frame's."""
        reference, time = expected.reference, seconds_of(frame)
        if expected.frame is None:
            same = abs(reference.time - time) <= self._tolerance(expected)
        else:
            same = expected.frame == frame.index
        moment = time if same or expected.frame is not None else reference.time
        return replace(reference, time=moment, aligned=reference.aligned and same)

    def _tolerance(self, expected: ExpectedReference) -> Fraction:
        return min(expected.precision, self._turn / 4)

    def close(self) -> None:
        pass


def arriving_references(
    named: str, beside: VideoInfo, start: Fraction, size: Size, *, index_base: int = 0, offset: Fraction | None = None,
    deinterlace: bool = False,
) -> ArrivingReferences:  # fmt: skip
    """The stills of a folder, a manifest or one picture, or the frames of a video.

    start: when the stream's first frame is shown, seconds. size: of a reference.
    Raises InputError where what is named holds no references, or gives no times to go by.
    """
    where, track = path_and_track(named)
    if not where.exists():
        raise ReferencesMissing(f"no references at {where}; give a folder of stills, a video, or a manifest")
    if where.suffix.lower() in _ARRAYS:
        raise UsageError(f"{where} serves files, and this input is read once; save its pictures as t12.345.png")
    if where.is_dir() or where.suffix.lower() in PICTURES | {".csv"}:
        return _stills(where, beside, start + (offset or 0), ClipFit.to(beside, size), index_base)
    return _track(where, track, beside, size, offset, deinterlace)


def _stills(where: Path, beside: VideoInfo, zero: Fraction, fit: ClipFit, index_base: int) -> ArrivingReferences:
    """zero: what the seconds in names count from, on the stream's clock."""
    entries = read_places(where)
    left_out = unreadable_in(where) | {entry.path: _NO_TIME for entry in entries if not _has_place(entry)}
    sizes = {entry: _size_or_reason(entry.path, fit) for entry in entries if _has_place(entry)}
    left_out |= {entry.path: why for entry, why in sizes.items() if isinstance(why, str)}
    usable = {entry: size for entry, size in sizes.items() if isinstance(size, Size)}
    if not usable:
        raise ReferencesMissing(f"{where} holds no stills that can serve: {'; '.join(shown_unreadable(left_out))}")
    if len({entry.frame is None for entry in usable}) > 1:
        raise InputError(f"{where} mixes frame numbers and times; name all its stills one way")
    expected = [_expected(entry, zero, fit, size, index_base) for entry, size in usable.items()]
    expected.sort(key=lambda each: each.reference.time if each.frame is None else each.frame)
    noun = "still" if len(usable) == 1 else "stills"
    description = f"{len(usable)} {noun} in {where}, {fit.describe(list(usable.values()))}"
    warnings = [f"left out: {line}" for line in shown_unreadable(left_out)]
    return ArrivingReferences(expected, beside, description, 0, warnings)


def _has_place(entry: StillEntry) -> bool:
    return entry.frame is not None or entry.seconds is not None


def _size_or_reason(path: Path, fit: ClipFit) -> Size | str:
    """The size of a still, or why it cannot serve, as text after its name."""
    size = read_or_why(read_size, path)
    if isinstance(size, str):
        return size
    return size if fit.is_larger(size) else f"is {size}, no larger than the stream's frames ({fit.seen})"


def _expected(entry: StillEntry, zero: Fraction, fit: ClipFit, size: Size, index_base: int) -> ExpectedReference:
    reference = Reference(
        key=("refs", str(entry.path)),
        time=zero + (entry.seconds or 0),
        origin=str(entry.path),
        load=partial(_load, entry.path, fit),
        aligned=fit.exact(size),
    )
    return ExpectedReference(reference, entry.precision, None if entry.frame is None else entry.frame - index_base)


def _load(path: Path, fit: ClipFit) -> np.ndarray:
    return fit(read_image(path))


def _track(
    where: Path, track: int | None, beside: VideoInfo, size: Size, offset: Fraction | None, deinterlace: bool
) -> ArrivingReferences:
    """The frames of a video: as it stands, the time of each is the time of its frame."""
    if track is None:
        track = max(video_tracks(where), key=lambda video: video.size.width).track
    clip = VideoSource(where, track=track, detect_cuts=False, deinterlace=deinterlace)
    video, turns = clip.video, turns_between(clip.video, beside)
    lying = Size(video.size.height, video.size.width) if turns % 2 else video.size
    # Its clock is known less exactly than to a tick where the user has moved it, or counts other ticks.
    rounding = Fraction(0) if video.time_base == beside.time_base else (video.time_base + beside.time_base) / 2
    precision = Fraction(1) if offset is not None else rounding
    origin = f"{video.path}#v:{video.track}"

    def expected() -> Iterator[ExpectedReference]:
        for frame in clip:
            stamp = stamp_of(frame)
            load = partial(_turned_to, frame, turns, size)
            time = stamp.seconds + (offset or 0)
            reference = Reference(("refs", origin, stamp.ticks), time, origin, load, aligned=lying == size)
            yield ExpectedReference(reference, precision)

    return ArrivingReferences(expected(), beside, f"video track {origin}, {lying}", EVERY, clip.warnings)


def _turned_to(frame: Frame, turns: int, size: Size) -> np.ndarray:
    return resized(turned(frame.pixels, turns), size)
