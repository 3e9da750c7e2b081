"""A live stream as frames: a thread reads what arrives, the newest frames are restored, and a lost stream is looked for
again."""

import threading
import time
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from math import inf

from av.packet import Packet
from av.video.frame import VideoFrame

from ..errors import InputError, UsageError, first_line
from .handover import Arrival, Handover
from .live_address import LiveAddress
from .piped_video import OnceSource
from .pyav import fraction
from .reading_once import NO_PICTURE, READ_TIMEOUT, OnceRead, seconds_of

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 2.0  # seconds between two attempts to reconnect, each twice the one before


@dataclass(frozen=True)
class LiveOptions:
    """drop: leave out frames that would be late. reconnect: seconds to look for a stream that was lost."""

    drop: bool = True
    reconnect: float = 30.0

    def __post_init__(self) -> None:
        if not self.reconnect >= 0:
            raise UsageError(f"--reconnect is {self.reconnect}; give seconds, 0 or more")


class LiveSource(OnceSource):
    """The frames of a live stream. Times go on after a loss: the gap is as long as the stream was away.

    A stream whose length is known is a recording on a server: it is read as fast as it is restored, to its end.

    reconnections: how often the stream was lost and came back.
    """

    def __init__(self, address: LiveAddress, live: LiveOptions = LiveOptions(), **options):
        """options: of OnceSource. Raises InputError where nothing answers."""
        read = address.open()
        super().__init__(read, **options)
        self.is_recording = bool(read.container.duration)
        self.reconnections = 0
        self._address, self._live = address, live
        self._handover = Handover(live.drop and not self.is_recording)
        self._beside: deque[Packet] = deque()
        self._arrived: dict[int, float] = {}
        self._until = time.monotonic() + (inf if self._duration is None else self._duration)
        self._lost = ""
        self._last: Arrival | None = None  # of the thread: the newest picture, at its time on the output's clock
        self._thread = threading.Thread(target=self._receive, daemon=True, name="live input")
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many frames came and were left out."""
        return self._handover.dropped

    @property
    def others(self) -> deque[Packet]:
        return self._beside

    @property
    def broken(self) -> str:
        return self._lost

    def arrival(self, ticks: int) -> float | None:
        """When the packet of the frame of that time was read, in time.monotonic()'s seconds; asked once a frame."""
        return self._arrived.pop(ticks, None)

    def _arriving(self) -> Generator[VideoFrame, None, None]:
        try:
            while (arrival := self._handover.take(self._patience)) is not None:
                if arrival.picture.pts is not None:
                    self._arrived[arrival.picture.pts] = arrival.moment
                yield arrival.picture
            if not self._handover.ended:
                self._lost = NO_PICTURE
        finally:
            self.stop()

    @property
    def _patience(self) -> float:
        """Seconds without a picture that end the stream: no timeout ends the thread's reading of a camera; the thread
        itself notices a network's silence, and looks for the stream again."""
        return READ_TIMEOUT if self._address.is_camera else inf

    def stop(self) -> None:
        self._handover.end()

    def close(self) -> None:
        """A stream that stalls is left to its thread, which ends with the process."""
        self.stop()
        self._thread.join(0.5)
        if not self._thread.is_alive():
            self._read.close()

    def _receive(self) -> None:
        """What the thread does."""
        read: OnceRead | None = self._read
        try:
            while read is not None:
                self._receive_from(read)
                if read is not self._read:  # what an output is made like stays open
                    read.close()
                read = self._reconnected(read)
        except Exception as error:  # of a thread: the one that takes the pictures has to know
            self._lost = first_line(error)
        finally:
            self._handover.end()

    def _receive_from(self, read: OnceRead) -> None:
        """Hand over what comes until the stream ends or breaks."""
        shift: Fraction | None = None
        for picture in read.pictures:
            arrival = Arrival(picture, read.decoder.arrival(picture))
            shift = self._shift_of(arrival) if shift is None else shift
            self._move(picture, shift)
            self._set_aside(read, shift)
            self._last = arrival
            self._handover.put(arrival)
            if self._handover.ended:
                return

    def _set_aside(self, read: OnceRead, shift: Fraction) -> None:
        """Sound and all else, at its time on the output's clock; of a stream that came back with other codecs, none."""
        fits = read.layout == self._read.layout
        while read.decoder.others:
            packet = read.decoder.others.popleft()
            if fits:
                self._beside.append(later(packet, shift))

    def _shift_of(self, first: Arrival) -> Fraction:
        """Seconds to add to the times of a stream: none to those of the first; one that came back begins as long after
        the last picture as it arrived."""
        if self._last is None:
            return Fraction(0)
        away = Fraction(first.moment - self._last.moment).limit_denominator(1000)
        return seconds_of(self._last.picture) + away - seconds_of(first.picture)

    def _move(self, picture: VideoFrame, shift: Fraction) -> None:
        """Give a picture its time on the output's clock, in the ticks of the first stream."""
        if picture.pts is not None:
            picture.pts = round((seconds_of(picture) + shift) / self.video.time_base)
            picture.time_base = self.video.time_base

    def _reconnected(self, read: OnceRead) -> OnceRead | None:
        """The stream opened anew; None where it does not come back in time, or its end was asked for."""
        if self._handover.ended:
            return None
        self._lost = read.decoder.broken
        if self.is_recording or self._address.is_camera or not self._live.reconnect:
            return None
        deadline, wait = min(time.monotonic() + self._live.reconnect, self._until), _FIRST_WAIT
        while (left := deadline - time.monotonic()) > 0 and not self._handover.ends_within(min(wait, left)):
            wait = min(2 * wait, _LONGEST_WAIT)
            try:
                again = self._address.open(timeout=max(left, 1.0))
            except InputError:
                continue
            self.reconnections += 1
            self._lost = ""
            return again
        if not self._handover.ended:
            self._warn(f"{self._address.name} ended and did not come back within {self._live.reconnect:g} s")
        return None


def later(packet: Packet, seconds: Fraction) -> Packet:
    """The same packet, so many seconds later."""
    base = fraction(packet.time_base)
    if base and seconds:
        ticks = round(seconds / base)
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
    return packet
