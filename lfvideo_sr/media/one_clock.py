"""The packets of a file on one clock: where its clock jumps, as where recordings were put one after the other, what
follows is carried on from there, pictures, sound and all else by the same time.

A jump lasts. Up to three packets of odd times before others that go on as before are no jump, nor is a gap in one
stream beside which another goes on.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import av
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.stream import Disposition

from .file_state import check_readable
from .pyav import check_memory, fraction

_AHEAD = 512  # packets that are looked at beyond a jump
_HELD = 32 << 20  # bytes of packets that are held for it, besides the last
_ODD = 3  # packets: so few odd times are no jump where those after them go on as before
_UNSEEN = Fraction(1, 2)  # seconds: a longer gap between pictures is looked at
_OVERLAP = Fraction(1, 10)  # seconds: by so little one stream alone may go back without a jump
_PAUSE = 10  # seconds: a longer gap in every stream is a jump, in formats whose clock may jump
_LONGEST = 30 * 3600  # seconds: a longer gap is a jump in any format
_TOGETHER = 10  # seconds within which streams are that are on the same clock


class Jump(NamedTuple):
    """Of a file's clock. at: seconds on the one clock; by: seconds, below zero where the clock goes back."""

    at: Fraction
    by: Fraction


def shown_jumps(jumps: Sequence[Jump]) -> str:
    """For people, to be read after the name of the file."""
    how_often = "once" if len(jumps) == 1 else f"{len(jumps)} times"
    first = f"{float(jumps[0].by):+.3f} s, {float(jumps[0].at):.3f} s from its start"
    return f"its clock jumps {how_often} (first by {first}); pictures, sound and all else go on from there"


@dataclass
class _Track:
    """Where a stream is, in ticks of its time base, as the file has them.

    steady: pictures or sound, which follow each other, so that a jump shows.
    before, last: decoding times of the latest two packets. step: from one to the next.
    clock:  the number of the clock that the stream is on. shift: ticks that are added to its times for that.
    end:    when the latest picture or sound is over, on the one clock.
    """

    index: int
    time_base: Fraction
    steady: bool
    is_video: bool
    before: int
    last: int
    step: int = 1
    clock: int = 0
    shift: int = 0
    end: int = 0

    @property
    def seconds(self) -> Fraction:
        return self.last * self.time_base

    def follows(self, time: int, last: int) -> bool:
        """Whether a packet of this time needs no second look behind one of time `last`."""
        far = 3 * self.step
        return last < time <= last + (max(far, round(_UNSEEN / self.time_base)) if self.is_video else far)


@dataclass
class _Clock:
    """offset: seconds that are added to its times. start, end: the times, as the file has them, at which it begins and,
    as far as is known, ends."""

    offset: Fraction
    start: Fraction
    end: Fraction | None = None


class OneClock:
    """Iterate it for all packets of a file as `InputContainer.demux` gives them, with their times mended in place.

    jumps: those of the file's clock, so far.
    """

    def __init__(self, container: InputContainer):
        self._packets = container.demux()
        self._may_jump = bool(Flags(container.format.flags) & Flags.ts_discont)
        self._ahead: deque[Packet] = deque()
        self._held = 0  # bytes
        self._failure: av.FFmpegError | None = None
        self._path = Path(container.name.removeprefix("file:"))
        self._read, self._ended = 0, False  # bytes of the file, as far as packets reach
        self._tracks: dict[int, _Track] = {}
        self._clocks = [_Clock(Fraction(0), Fraction(0))]
        self.jumps: list[Jump] = []

    @property
    def end(self) -> Fraction | None:
        """Seconds where the last of all streams ends, so far; None before the first packet."""
        return max((track.end * track.time_base for track in self._tracks.values()), default=None)

    def __iter__(self) -> Iterator[Packet]:
        while (packet := self._next()) is not None:
            if packet.size:
                self._mend(packet)
            yield packet

    def _next(self) -> Packet | None:
        if not self._ahead:
            self._look_ahead(1)
        if self._ahead:
            packet = self._ahead.popleft()
            self._held -= packet.size
            return packet
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return None

    def _look_ahead(self, count: int) -> None:
        """Have so many packets at hand, or as many as there are; an error of FFmpeg waits for its turn."""
        try:
            while len(self._ahead) < count and self._held <= _HELD and self._failure is None:
                packet = next(self._packets, None)
                if packet is None:
                    self._end_of_file()
                    return
                self._ahead.append(packet)
                self._held += packet.size
                self._read = max(self._read, (packet.pos or 0) + packet.size)
        except av.FFmpegError as error:
            check_memory(error)
            self._failure = error
            self._end_of_file()

    def _end_of_file(self) -> None:
        """Raise InputError where the packets end because the rest of the file cannot be read."""
        if not self._ended and self._path.is_file():
            check_readable(self._path, self._read)
        self._ended = True

    def _mend(self, packet: Packet) -> None:
        time = packet.pts if packet.dts is None else packet.dts
        if time is None or (packet.dts is None and packet.stream.type == "video"):  # these are out of order
            track = self._tracks.get(packet.stream_index)
            _move(packet, track.shift if track else 0)
            return
        track = self._track_of(packet, time)
        placed = self._placed(track, time)
        _move(packet, track.shift if track.is_video else track.shift + placed - time)
        track.step = packet.duration or max(placed - track.last, 1)
        track.before, track.last = track.last, placed
        shown = placed + track.shift if packet.pts is None else packet.pts
        track.end = max(track.end, shown + (packet.duration or 0))

    def _track_of(self, packet: Packet, time: int) -> _Track:
        track = self._tracks.get(packet.stream_index)
        if track is None:
            stream, base = packet.stream, fraction(packet.time_base) or Fraction(1, av.time_base)
            steady = stream.type in ("video", "audio") and not stream.disposition & Disposition.attached_pic
            track = _Track(stream.index, base, steady, stream.type == "video", time - 1, time - 1)
            self._tracks[stream.index] = track
            self._set_clock(track, self._nearest_clock(time * base))
            track.before = track.last = self._first(track, time) - 1
        elif not track.steady and len(self._clocks) > 1:
            self._set_clock(track, self._nearest_clock(time * track.time_base))
        return track

    def _set_clock(self, track: _Track, clock: int) -> None:
        track.clock, track.shift = clock, round(self._clocks[clock].offset / track.time_base)

    def _nearest_clock(self, seconds: Fraction) -> int:
        """The clock on which pictures or sound are now at the nearest time; the newest where there are none."""
        now = [(track.seconds, track.clock) for track in self._tracks.values() if track.steady]
        before = [(clock.end, number) for number, clock in enumerate(self._clocks) if clock.end is not None][-1:]
        return min([*now, *before], key=lambda place: abs(place[0] - seconds), default=(0, len(self._clocks) - 1))[1]

    def _placed(self, track: _Track, time: int) -> int:
        """The time at which a packet goes on from the one before it, on the clock that its stream is on, or is then."""
        if track.follows(time, track.last) or not track.steady:
            return time
        back = time <= track.last
        if not (back and self._others_go_back(track, time)):
            if back and track.follows(time, track.before):  # the packet before was the odd one
                return time
            if self._is_odd(track, time):
                return track.last + track.step
            if back and self._beside(track) and (track.last - time) * track.time_base <= _OVERLAP:
                return time
        if back or self._is_jump(track, time):
            self._jump(track, time)
        return time

    def _others_go_back(self, track: _Track, time: int) -> bool:
        """Whether another stream went, or goes, to about this time too."""
        seconds = time * track.time_base
        self._look_ahead(64)
        return self._is_on_newest(track, seconds) or any(self._landing(other, seconds) for other in self._beside(track))

    def _is_odd(self, track: _Track, time: int) -> bool:
        """Whether the stream goes on from the packet before, after a few odd times that begin with this one."""
        self._look_ahead(64)
        if len(list(islice(self._later(track), _ODD))) < _ODD:
            self._look_ahead(_AHEAD)
        last = time
        for later in islice(self._later(track), _ODD):
            if not track.follows(later, last):
                return track.last < later <= time if time > track.last else later > track.last
            last = later
        return False

    def _first(self, track: _Track, time: int) -> int:
        """A stream's first time, but where the two after it rise and are both before it."""
        self._look_ahead(64)
        following = list(islice(self._later(track), 2))
        return following[0] if len(following) == 2 and following[0] < following[1] < time else time

    def _later(self, track: _Track) -> Iterator[int]:
        """Times of the stream's packets that are at hand."""
        for packet in self._ahead:
            if packet.stream_index == track.index and packet.size and packet.dts is not None:
                yield packet.dts

    def _is_jump(self, track: _Track, time: int) -> bool:
        """Of a time far ahead: whether it is more than a pause."""
        gap = (time - track.last) * track.time_base
        if gap <= _PAUSE or gap > _LONGEST:
            return gap > _PAUSE
        self._look_ahead(_AHEAD)
        if any(track.last < later < time for later in self._later(track)):  # it will come back
            return True
        seconds = time * track.time_base
        return self._may_jump and all(self._goes_along(other, seconds) for other in self._beside(track))

    def _beside(self, track: _Track) -> list[_Track]:
        """Other pictures or sound on the same clock."""
        return [
            other
            for other in self._tracks.values()
            if other is not track and other.steady and other.clock == track.clock
        ]

    def _goes_along(self, other: _Track, seconds: Fraction) -> bool:
        """Whether another stream jumps there too, or has ended."""
        return next(self._later(other), None) is None or self._landing(other, seconds) is not None

    def _landing(self, other: _Track, seconds: Fraction) -> tuple[int, int] | None:
        """Another stream's time before and after it jumps to about this time; None where it does not."""
        last = other.last
        for later in self._later(other):
            if not other.follows(later, last) and abs(later * other.time_base - seconds) < _TOGETHER:
                return last, later
            last = later
        return None

    def _jump(self, track: _Track, time: int) -> None:
        """Put a stream on the newest clock, if it is another one and its time fits, else on a new one."""
        seconds = time * track.time_base
        if not self._is_on_newest(track, seconds):
            by, self._clocks[track.clock].end = seconds - track.seconds, track.seconds
            offset = self._clocks[track.clock].offset - self._room(track, time)
            self._clocks.append(_Clock(offset, seconds))
            self.jumps.append(Jump(seconds + offset, by))
        self._set_clock(track, len(self._clocks) - 1)

    def _room(self, track: _Track, time: int) -> Fraction:
        """Seconds from where streams end to where they go on after a jump: the least, so that none overlaps."""
        seconds = time * track.time_base
        rooms = [(time - track.last - track.step) * track.time_base]
        self._look_ahead(_AHEAD)
        for other in self._beside(track):
            if landing := self._landing(other, seconds):
                rooms.append((landing[1] - landing[0] - other.step) * other.time_base)
        return min(rooms)

    def _is_on_newest(self, track: _Track, seconds: Fraction) -> bool:
        newest = len(self._clocks) - 1
        now = [other.seconds for other in self._tracks.values() if other.steady and other.clock == newest]
        start = self._clocks[newest].start
        return track.clock < newest and start - _TOGETHER <= seconds <= max([start, *now]) + _TOGETHER


def _move(packet: Packet, ticks: int) -> None:
    if ticks:
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
