"""References from video: a second track, another file, or the larger frames inside the low-resolution track itself."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av

from ..errors import InputError
from ..frames import Frame, Size
from ..media.clock import FrameClock, frame_times, seconds_of, stamp_of
from ..media.probe import VideoInfo, open_input, video_stream
from ..media.pyav import decoding_in_threads
from ..media.resize import resized
from ..media.video import VideoSource
from .reference import Reference
from .source import EVERY, turned

LARGER = 1.5  # how many times wider than the low-resolution frames a picture has to be to serve as their reference
_PROBED = 48  # frames looked at for a change of size
_RESIZED_ANYWHERE = ("vp9", "av1")  # codecs whose size may change at any frame; others change at key frames


class TrackReferences:
    """Every frame of a high-resolution track, matched by timestamp to the low-resolution track.

    A reference that differs from a low-resolution frame's time by rounding only takes that frame's exact time; it is
    then aligned, if both tracks are of one file or its size is exactly `wanted`. Another size is resampled.

    video:  the track.
    offset: seconds to add to the track's times, for one of another file whose clock is off; frames within a quarter of
            a turn are then the same.
    """

    cadence = EVERY

    def __init__(self, track: VideoSource, beside: VideoInfo, target: Size, kind: str, offset: Fraction | None = None):
        video = track.video
        self.kind = kind
        self.video = video
        self._track = track
        self._beside = beside
        self._target = target
        self._offset = offset
        self._origin = f"{video.path}#v:{video.track}"
        self._turns = turns_between(video, beside)
        self.estimates: list[str] = []
        self.warnings: list[str] = []
        self._registered = is_same_file(video.path, beside.path) or _lying(video.size, self._turns) == target
        self.description = f"video track {self._origin}, {_resampling(_lying(video.size, self._turns), target)}"
        if max(video.size) <= max(beside.size):  # the two may have been given the wrong way round
            self.description += f", no larger than the input's {beside.size}: there is no detail to take from it"
        if video.path != beside.path:
            self.description += _remark(video, beside, offset)

    def __iter__(self) -> Iterator[Reference]:
        clock = FrameClock(self._beside)
        for frame in self._track:
            yield self._reference(frame, clock)

    def _reference(self, frame: Frame, clock: FrameClock) -> Reference:
        stamp = stamp_of(frame)
        time = clock.snap(stamp, self._offset)
        return Reference(
            key=(self.kind, self._origin, stamp.ticks),
            time=stamp.seconds + (self._offset or 0) if time is None else time,
            origin=self._origin,
            load=lambda: resized(turned(frame.pixels, self._turns), self._target),
            aligned=self._registered and time is not None,
        )

    def close(self) -> None:
        self._track.close()


class SameTrackReferences:
    """The larger frames of a track whose pictures change size; each is aligned with itself made small.

    track: opened with `keep_sizes`; its `video.size` is that of the small frames.
    """

    kind = "same-track"
    cadence = EVERY

    def __init__(self, track: VideoSource, large: Size, target: Size):
        self.estimates: list[str] = []
        self.warnings: list[str] = []
        self._track = track
        self._target = target
        self._origin = f"{track.video.path}#v:{track.video.track}"
        self.description = (
            f"larger frames of {self._origin}, {_resampling(large, target)}, among those of {track.video.size}"
        )

    def __iter__(self) -> Iterator[Reference]:
        for frame in self._track:
            if is_larger(frame.size, self._track.video.size):
                yield self._reference(frame)

    def _reference(self, frame: Frame) -> Reference:
        return Reference(
            key=(self.kind, self._origin, frame.index),
            time=seconds_of(frame),
            origin=f"{self._origin} frame {frame.index}",
            load=lambda: resized(frame.pixels, self._target),
        )

    def close(self) -> None:
        self._track.close()


def is_same_file(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file; a pattern of numbered pictures leads to none."""
    return path == other or (path.exists() and other.exists() and path.samefile(other))


def turns_between(video: VideoInfo, beside: VideoInfo) -> int:
    """Quarters, counter-clockwise, from a track's coded frames to those of the low-resolution track."""
    return round((video.rotation - beside.rotation) / 90)


def _remark(video: VideoInfo, beside: VideoInfo, offset: Fraction | None) -> str:
    """A remark on another file's clock; InputError if the two share no moment."""
    start, clip_start = (next(frame_times(each), Fraction(0)) for each in (video, beside))
    start += offset or 0
    ends_before = video.seconds is not None and start + Fraction(video.seconds) < clip_start
    begins_after = beside.seconds is not None and clip_start + Fraction(beside.seconds) < start
    if ends_before or begins_after:
        raise InputError(
            f"{video.path} starts at {float(start):.3f} s, {beside.path} at {float(clip_start):.3f} s, and they share "
            "no moment; say by how much its clock is off with --ref-offset SECONDS, or --ref-offset auto"
        )
    if offset is not None:
        return f", its times {float(offset):+.3f} s"
    early = float(clip_start - start)
    return f", which starts {early:.3f} s before the input; times are taken as they are" if early > 0.1 else ""


def is_larger(size: Size, than: Size) -> bool:
    """Whether a picture of `size` may serve as a reference for frames of size `than`."""
    return size.width >= LARGER * than.width


def larger_frame(video: VideoInfo, thorough: bool = False) -> Size | None:
    """The size of the first larger frame among a track's first 48, or among all if `thorough`; None without one."""
    probed = video.sizes if video.codec not in _RESIZED_ANYWHERE else ()
    for size in _frame_sizes(video) if thorough else probed or islice(_frame_sizes(video), _PROBED):
        if is_larger(size, video.size):
            return size
    return None


def _frame_sizes(video: VideoInfo) -> Iterator[Size]:
    """Sizes of the decoded frames up to the first damage, which is for the reader of the frames to report."""
    with open_input(video.path) as container, suppress(av.FFmpegError):
        stream = video_stream(container, video.stream_index)
        with decoding_in_threads(stream):
            for picture in container.decode(stream):
                yield Size(picture.width, picture.height)


def _lying(size: Size, turns: int) -> Size:
    return Size(size.height, size.width) if turns % 2 else size


def _resampling(size: Size, target: Size) -> str:
    return str(size) if size == target else f"{size} resampled to {target}"
