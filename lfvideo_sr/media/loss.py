"""What a track lacks of what its file promises: pictures that do not decode, and seconds that its header states."""

from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from .one_clock import OneClock
from .pyav import fraction

_STATE_LENGTH = ("matroska,webm", "flv", "asf", "ivf")  # formats whose header states how long the whole file is
_TOLERATED = Fraction(1, 10)  # seconds by which a statement may be too long
_ACCOUNTED = ("mov", "avi", "gif")  # formats that list each frame and how long it stays
_EVEN = 24  # steps between frames that are alike, from which on a gap stands out
_UNEVEN = Fraction(2, 1000)  # seconds by which such steps may differ, for their rounding
_NOT_CODED = 16  # bytes: a shorter packet of MPEG-4 says only that the picture before it stays


class Loss(NamedTuple):
    """frames: how many are missing, those of the missing end by the rate. seconds: that are missing at the end.
    leading: how many of the frames stand before the first that decodes."""

    frames: int = 0
    seconds: Fraction = Fraction(0)
    leading: int = 0


class Gaps:
    """Looks for gaps in the times of frames that else follow each other evenly, as where a part of a file is lost."""

    def __init__(self, time_base: Fraction | None):
        self._base = time_base or Fraction(1, av.time_base)
        self._last: int | None = None
        self._steps: Counter[int] = Counter()
        self._places: dict[int, int] = {}  # by step, the time before which it first was

    def add(self, ticks: int) -> None:
        if self._last is not None:
            self._steps[ticks - self._last] += 1
            self._places.setdefault(ticks - self._last, self._last)
        self._last = ticks

    @property
    def _usual(self) -> int:
        return self._steps.most_common(1)[0][0] if self._steps else 0

    @property
    def _wide(self) -> dict[int, int]:
        """How often there was each step that is longer than others by a frame or more; none where steps vary."""
        usual = self._usual
        odd = {step: count for step, count in self._steps.items() if abs(step - usual) * self._base > _UNEVEN}
        even = sum(self._steps.values()) - sum(odd.values())
        few = even >= _EVEN and sum(odd.values()) <= max(1, even // 50)
        return {step: count for step, count in odd.items() if step > 1.5 * usual} if few else {}

    @property
    def room(self) -> int:
        """How many frames of the usual length the gaps have room for."""
        return sum((round(step / self._usual) - 1) * count for step, count in self._wide.items())

    @property
    def first(self) -> Fraction:
        """Seconds of the frame before the first gap; there has to be one."""
        return min(self._places[step] for step in self._wide) * self._base


class Tally:
    """Counts the packets and pictures of a track; `loss` is known when there are no more.

    pictures, damaged: how many pictures there were, and how many of them FFmpeg calls corrupt.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, clock: OneClock):
        self._stream, self._clock = stream, clock
        self._promised = stream.frames if container.format.name.startswith("mov") else 0  # others count gaps too
        self._stated_end = _stated_end(container, stream)
        self._hidden = self._coded = self._leading = 0
        self._early: list[int] = []  # times of the packets before the first picture
        self._gaps = None if container.format.name.startswith(_ACCOUNTED) else Gaps(fraction(stream.time_base))
        self._by_fields = False
        self.pictures = self.damaged = 0

    def add_packet(self, packet: Packet) -> None:
        if packet.is_discard:  # by an edit list
            self._hidden += 1
            return
        self._coded += 1
        if not self.pictures and packet.pts is not None:
            self._early.append(packet.pts)

    def add_picture(self, picture: VideoFrame) -> None:
        if not self.pictures and picture.pts is not None:
            self._leading = sum(time < picture.pts for time in self._early)
        if self._gaps is not None and picture.pts is not None:
            self._gaps.add(picture.pts)
        self.pictures += 1
        self.damaged += picture.is_corrupt
        self._by_fields |= picture.interlaced_frame  # of H.264, a packet may be a field

    @property
    def loss(self) -> Loss:
        coded = 0 if self._by_fields else self._coded
        frames = max((self._promised - self._hidden if self._promised else coded) - self.pictures, 0)
        seconds = self._missing_seconds()
        return Loss(frames + round(seconds * self._rate), seconds, min(self._leading, frames))

    def lines(self, whole: bool = True) -> list[str]:
        """What is wrong with the track, for people, a line each. whole: it was decoded to its end."""
        loss, lines = self.loss if whole else Loss(), []
        at_end = round(loss.seconds * self._rate)
        within = loss.frames - at_end
        if self.damaged:
            lines.append(f"{self.damaged} of {self.pictures} frames are damaged and shown as they decode")
        if within:
            early = f"; {loss.leading} of them come before the first that decodes" if loss.leading else ""
            which = f"{self.pictures} of {self.pictures + within} frames decode"
            lines.append(f"{which}; the others are missing or damaged{early}")
        known = within or self._clock.jumps  # else gaps tell
        if self._gaps is not None and not known and (room := self._gaps.room):
            first = float(self._gaps.first)
            lines.append(f"its times leave room for {room} frames more, first at {first:.3f} s, which it does not hold")
        if loss.seconds:
            end, stated = float(self._clock.end or 0), float(self._stated_end or 0)
            what = f"the last {float(loss.seconds):.3f} s, about {at_end} frames, are missing"
            lines.append(f"it ends at {end:.3f} s, and its header says {stated:.3f} s: {what}")
        return lines

    @property
    def _rate(self) -> Fraction:
        return fraction(self._stream.average_rate) or Fraction(25)

    def _missing_seconds(self) -> Fraction:
        """Of all streams: sound may go on where the pictures end."""
        end = self._clock.end
        if self._stated_end is None or end is None or self._clock.jumps:
            return Fraction(0)
        missing = self._stated_end - end
        return missing if missing > max(_TOLERATED, 2 / self._rate) else Fraction(0)


def _stated_end(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """Seconds where the file ends by its header; None where that says nothing."""
    base = fraction(stream.time_base)
    if container.format.name == "avi" and stream.frames and base:
        return stream.frames * base
    if container.format.name in _STATE_LENGTH and container.duration:
        return Fraction(container.duration, av.time_base)
    return None


def shows_nothing(packet: Packet, codec: str) -> bool:
    """Whether a packet is no picture by itself, though its stream is whole."""
    if codec == "vp8":
        return not memoryview(packet)[0] >> 4 & 1  # it is for later pictures to refer to
    return codec == "mpeg4" and packet.size < _NOT_CODED
