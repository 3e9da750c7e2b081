"""The times of a clip's frames, read from its file: what turns a frame index or a name in seconds into a moment.

Times are exact seconds (Fraction) on the file's own clock, start offset included; an index never becomes a time by
dividing by the frame rate, so clips of variable rate are right.
"""

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from fractions import Fraction
from heapq import heappop, heappush
from itertools import islice
from typing import Generic, TypeVar

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import InputError
from ..frames import Frame, TimeStamp
from .decoding import Decoder
from .one_clock import OneClock, shown_jumps
from .probe import VideoInfo, open_input, video_stream
from .pyav import decoding_in_threads
from .stamps import rising, stamped

T = TypeVar("T")

_REORDER = 32  # packets come in decoding order; no codec holds a frame back longer than this
_DECODED = 64  # frames that are decoded to see whether each packet of a track is one


def _ignore(text: str) -> None:
    pass


def frame_times(video: VideoInfo, mended: Callable[[str], None] = _ignore) -> Iterator[Fraction]:
    """Seconds at which each frame of a video track is shown, rising: of frames that decode, as `VideoSource` gives
    them. The first are decoded; where they are those of the packets, the packets alone tell the times of the others.

    mended: gets a line, by the last time at the latest, where these are not the file's own times, so that the file may
            not be searched for them.
    """
    if video.pictures is not None:
        yield from (number * video.time_base for number in range(len(video.pictures)))
        return
    of_packets: list[str] = []
    with closing(_packet_times(video, of_packets.append)) as packets:
        with closing(shown_pictures(video, mended)) as decoded:
            count = 0
            for count, (_, stamp) in enumerate(islice(decoded, _DECODED), 1):
                yield stamp.seconds
                if not _is_next(packets, stamp.seconds, first=count == 1):
                    yield from (stamp.seconds for _, stamp in decoded)
                    return
        if count == _DECODED:
            try:
                for time in packets:
                    yield time
                    count += 1
            except _NoTime:
                with closing(shown_pictures(video, mended)) as decoded:
                    yield from (stamp.seconds for _, stamp in islice(decoded, count, None))
            for line in of_packets:
                mended(line)


class _NoTime(Exception):
    """A packet has no time: its frame has to be decoded to learn when it is shown."""


def _is_next(packets: Iterator[Fraction], time: Fraction, first: bool) -> bool:
    """Whether the next of the packets' times is this one. first: packets before the first picture are passed over."""
    with suppress(_NoTime):
        return next((packet for packet in packets if packet >= time or not first), None) == time
    return False


def shown_pictures(
    video: VideoInfo, mended: Callable[[str], None] = _ignore
) -> Generator[tuple[VideoFrame, TimeStamp], None, None]:
    """The decoded pictures of a track with their times, as `VideoSource` has them, which also tells what is wrong.
    mended: as of `frame_times`."""
    with open_input(video.path) as container:
        if container.format.name == "avi":
            mended("an AVI has no times; its pictures are counted")
        stream = video_stream(container, video.stream_index)
        with decoding_in_threads(stream):
            decoder = Decoder(container, stream, _ignore)
            yield from stamped(decoder, video, mended)
            if decoder.jumps:
                mended(shown_jumps(decoder.jumps))


def _packet_times(video: VideoInfo, mended: Callable[[str], None]) -> Generator[Fraction, None, None]:
    """Times of a track's packets in the order in which they are shown; a few are held."""
    with open_input(video.path) as container:
        rate, stream = video.rate or Fraction(25), video_stream(container, video.stream_index)
        turn = max(1, round(1 / (rate * video.time_base)))
        clock = OneClock(container)
        ticks_in_order = _sorted(_packet_ticks(clock, container, stream))
        for _, ticks in rising(ticks_in_order, _same, lambda ticks: turn, lambda ticks: mended(f"moved at {ticks}")):
            yield ticks * video.time_base
        if clock.jumps:
            mended(shown_jumps(clock.jumps))


def _sorted(times: Iterable[int]) -> Iterator[int]:
    """Times in decoding order, in the order in which they are shown."""
    waiting: list[int] = []
    for ticks in times:
        heappush(waiting, ticks)
        if len(waiting) > _REORDER:
            yield heappop(waiting)
    while waiting:
        yield heappop(waiting)


def _packet_ticks(clock: OneClock, container: InputContainer, stream: VideoStream) -> Iterator[int]:
    """Times of a track's packets as the file orders them, up to where the file breaks off. Raises _NoTime at a packet
    that has none."""
    by_decoding = container.format.name == "avi"
    with suppress(av.FFmpegError):
        for packet in clock:
            ticks = packet.dts if packet.pts is None or by_decoding else packet.pts
            if packet.stream_index == stream.index and packet.size and not packet.is_discard:
                if ticks is None and not packet.is_corrupt:
                    raise _NoTime
                if ticks is not None:
                    yield ticks


def _same(ticks: int) -> int:
    return ticks


def stamp_of(frame: Frame) -> TimeStamp:
    """A video frame's stamp."""
    assert isinstance(frame.stamp, TimeStamp)
    return frame.stamp


def seconds_of(frame: Frame) -> Fraction:
    """When a video frame is shown, seconds on its stream's clock."""
    return stamp_of(frame).seconds


class Timeline:
    """All frame times of a clip, for looking up stills.

    times: seconds on the clip's own clock, rising.
    end:   when the last frame's turn is over; it is given the turn of the frame before.
    """

    def __init__(self, times: Iterable[Fraction]):
        self.times = list(times)
        if not self.times:
            raise InputError("the input changed while it was read, and has no frames now; run the command again")
        last_turn = self.times[-1] - self.times[-2] if len(self.times) > 1 else Fraction(1, 25)
        self.end = self.times[-1] + last_turn

    @property
    def start(self) -> Fraction:
        return self.times[0]

    @property
    def length(self) -> Fraction:
        """Seconds from the first frame to the end of the last."""
        return self.end - self.start

    def __len__(self) -> int:
        return len(self.times)

    def at(self, seconds: Fraction, precision: Fraction) -> Fraction:
        """`seconds` after the first frame, on the clip's clock; a frame's own time where one is within `precision`."""
        time = self.start + seconds
        nearest = self.nearest(time)
        return nearest if abs(nearest - time) <= min(precision, self.length / len(self) / 4) else time

    def nearest(self, time: Fraction) -> Fraction:
        """The frame time closest to `time`, the earlier one of two."""
        place = bisect_left(self.times, time)
        return min(self.times[max(place - 1, 0) : place + 1], key=lambda frame: abs(frame - time))


class Nearest(Generic[T]):
    """Finds in a rising stream the item nearest to each of a rising row of times; holds two items, never the stream."""

    def __init__(self, items: Iterator[T], time_of: Callable[[T], Fraction]):
        self._items = items
        self._time_of = time_of
        self._before: T | None = None
        self._after: T | None = next(items, None)

    def at(self, time: Fraction, tolerance: Fraction) -> T | None:
        """The item nearest to `time`, or None where all are further than `tolerance` seconds away."""
        while self._after is not None and self._time_of(self._after) < time:
            self._before, self._after = self._after, next(self._items, None)
        around = [item for item in (self._before, self._after) if item is not None]
        best = min(around, key=lambda item: abs(self._time_of(item) - time), default=None)
        return best if best is not None and abs(self._time_of(best) - time) <= tolerance else None


class FrameClock:
    """Tells whether a moment of another track is the moment of a frame of this track, whatever their time bases."""

    def __init__(self, video: VideoInfo):
        self._time_base = video.time_base
        self._quarter_turn = 1 / (4 * (video.rate or Fraction(25)))
        self._times = Nearest(frame_times(video), time_of=lambda time: time)

    def snap(self, stamp: TimeStamp, offset: Fraction | None = None) -> Fraction | None:
        """Exact time of the frame whose time differs from `stamp` by rounding only, or None. Ask in rising order.

        offset: seconds to add to `stamp`, known less exactly than to a tick: frames within a quarter of a turn count.
        """
        if offset is not None:
            return self._times.at(stamp.seconds + offset, self._quarter_turn)
        rounding = Fraction(0) if stamp.time_base == self._time_base else (stamp.time_base + self._time_base) / 2
        return self._times.at(stamp.seconds, min(rounding, self._quarter_turn))
