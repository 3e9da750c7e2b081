"""A container that is read once, from its start to its end: decoded pictures, and packets of all else beside them."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from math import inf
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import InputError
from .decoding import Decoder
from .first_pictures import FirstPictures
from .one_clock import shown_jumps
from .planes import description_of
from .probe import described
from .pyav import fraction, open_media
from .streams import video_streams

READ_TIMEOUT = 10.0  # seconds without anything, or without a picture, after which a live stream counts as lost
NO_PICTURE = "no picture came in time"
_LARGER = 1.5  # a video stream so many times wider than another has that one's sharp pictures


class OnceDecoder(Decoder):
    """Decodes one stream of a container and sets packets of the others aside.

    Where the format's clock may jump, times are mended as those of files are; those of a live stream are not, since
    to look ahead would hold it up.

    others: packets of other streams, in the order of the container; whoever takes one removes it.
    last:   the video packet that was read last.
    ended:  whether the container was read to its end.
    broken: why it could not be, "" where nothing failed.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, warn: Callable[[str], None], live: bool = False):
        super().__init__(container, stream, warn)
        may_jump = bool(Flags(container.format.flags) & Flags.ts_discont)
        self._live = live
        self._as_they_come = cast(Any, container.demux()) if live or not may_jump else None
        self._arrived: dict[int, float] = {}
        self.others: deque[Packet] = deque()
        self.last: Packet | None = None
        self.ended = False
        self.broken = ""

    def _next(self, packets: Iterator[Packet]) -> Packet | None:
        """The next one of the pictures; None at the end, and where a live stream has sent none of them for too long."""
        packets = self._as_they_come or packets
        deadline = time.monotonic() + (READ_TIMEOUT if self._live else inf)
        try:
            while (packet := next(packets, None)) is not None:
                if packet.stream_index == self._stream.index:
                    self._note(packet)
                    return packet
                if packet.size and packet.stream.type != "video":
                    self.others.append(packet)
                if time.monotonic() > deadline:
                    self.broken = NO_PICTURE
                    return None
            self.ended = True
        except av.FFmpegError as error:
            self.broken = reason_of(error)
        return None

    def _note(self, packet: Packet) -> None:
        if packet.size:
            self.last = packet
            if self._live and packet.pts is not None:
                self._arrived[packet.pts] = time.monotonic()

    def arrival(self, picture: VideoFrame) -> float:
        """When the packet of a live stream's picture was read, in time.monotonic()'s seconds; now, where its packet is
        not known."""
        now = time.monotonic()
        if picture.pts is None:
            return now
        arrived = self._arrived.get(picture.pts, now)
        self._arrived = {ticks: when for ticks, when in self._arrived.items() if ticks > picture.pts}
        return arrived


class OnceRead:
    """An open container of which the first picture is decoded, so that it is known what it holds.

    video:   of the low-resolution track, the one that is decoded.
    start:   when its first picture is shown, seconds.
    pictures: all of them, once; the first one is decoded.
    decoder: of that track.
    layout:  kind and codec of each stream, which tell whether another container has the same ones.
    """

    def __init__(self, container: InputContainer, path: Path, *, live: bool = False):
        """path: what messages call the input. live: it is read as it is sent, and no picture may be held back."""
        self.container, self._closed = container, False
        self._warnings: list[str] = []
        try:
            self.stream = _low_stream(container, path)
            self.stream.thread_type = "SLICE" if live else "AUTO"  # threads of frames hold pictures back
            self.layout = [(stream.type, _codec_of(stream)) for stream in container.streams]
            self.decoder = OnceDecoder(container, self.stream, self._warnings.append, live)
            first, self.pictures = self._first(path)
            self.start = seconds_of(first)
            seen = FirstPictures(self.stream)
            seen.see(first)
            self.video = described(path, container, self.stream, 0, seen, description_of(container))
        except BaseException:
            container.close()
            raise

    def _first(self, path: Path) -> tuple[VideoFrame, Iterator[VideoFrame]]:
        """The first picture, and all of them."""
        pictures = iter(self.decoder)
        first = next(pictures, None)
        if first is None:
            why = f" ({self.decoder.broken})" if self.decoder.broken else ""
            raise InputError(f"{path}: no frame decodes{why}; check what is sent")
        return first, chain([first], pictures)

    @property
    def warnings(self) -> list[str]:
        """What was wrong but did not end the reading, one line each."""
        damaged = self.decoder.tally.damaged
        lost = [f"{self.video.path}: {damaged} frames are damaged and shown as they decode"] if damaged else []
        if self.decoder.jumps:
            lost.append(f"{self.video.path}: {shown_jumps(self.decoder.jumps)}")
        return [*dict.fromkeys(self._warnings), *lost]

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.stream.codec_context.flush_buffers()  # its threads rest before it is freed, see decoding_in_threads
            self.container.close()


def opened_once(file: Any, name: str, **options: Any) -> InputContainer:
    """Open what can be read once only; InputError, in one line, where it is no media."""
    try:
        return cast(InputContainer, open_media(file, **options))
    except av.FFmpegError as error:
        raise InputError(f"{name} cannot be read as a video ({reason_of(error)}); check what is sent") from error


def reason_of(error: av.FFmpegError) -> str:
    """Why reading failed, for people."""
    if isinstance(error, av.ExitError):  # PyAV's timeout has passed
        return "nothing came in time"
    return error.strerror or type(error).__name__


def seconds_of(picture: VideoFrame) -> Fraction:
    """When a picture is shown; 0 where it has no time."""
    base = fraction(picture.time_base)
    return picture.pts * base if base and picture.pts is not None else Fraction(0)


def _low_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first video stream, or the narrowest where another one holds sharp pictures of the same scene."""
    streams = video_streams(container)
    if not streams:
        raise InputError(f"{path} holds no video; send a stream with one")
    narrowest = min(streams, key=lambda stream: stream.width)
    return narrowest if max(stream.width for stream in streams) >= _LARGER * narrowest.width else streams[0]


def _codec_of(stream: Stream) -> str:
    return stream.codec_context.name if stream.codec_context is not None else ""
