"""From packets to pictures with times, and what to do where a file has damage or no times."""

from collections.abc import Callable, Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import EngineError
from ..frames import TimeStamp
from .probe import VideoInfo
from .pyav import alpha_decoder, fraction


class Decoder:
    """Every picture of a stream that decodes: a damaged packet costs itself only, a broken container ends the stream.
    A device that gives up is no damage, and raises EngineError.

    pictures, damaged: how many were given, and how many of them FFmpeg calls corrupt.
    missing:           how many the file's index promises beyond those, once all are given.
    """

    def __init__(
        self, container: InputContainer, stream: VideoStream, warn: Callable[[str], None], on_device: bool = False,
        alpha: bool = False,
    ):  # fmt: skip
        """alpha: decode transparency that is beside the pictures, too."""
        self._packets, self._on_device = container.demux(stream), on_device
        self._stream = stream
        self._alpha_decoder = alpha_decoder(stream) if alpha else None
        self._name = container.name.removeprefix("file:")
        self._warn = warn
        self._promised = stream.frames if container.format.name.startswith("mov") else 0  # others count gaps too
        self._hidden = 0  # packets that an edit list keeps from being shown
        self.pictures = self.damaged = 0

    @property
    def missing(self) -> int:
        """Pictures that the container promised and the decoder did not give, so far."""
        return max(self._promised - self._hidden - self.pictures, 0)

    def __iter__(self) -> Iterator[VideoFrame]:
        while (packet := self._next_packet()) is not None:
            self._hidden += packet.is_discard
            yield from self._counted(self._decode(packet))
        yield from self._counted(self._drain())

    def _next_packet(self) -> Packet | None:
        try:
            return next(self._packets, None)
        except av.FFmpegError as error:
            self._warn(f"{self._name} breaks off: {error.strerror}")
            return None

    def _decode(self, packet: Packet) -> list[VideoFrame]:
        try:
            return packet.decode() if self._alpha_decoder is None else self._alpha_decoder.decode(packet)
        except av.FFmpegError as error:
            if self._on_device and not isinstance(error, av.InvalidDataError):
                raise EngineError(
                    f"{self._name}: the GPU stops decoding ({error.strerror}); pass --decode cpu"
                ) from error
            self._warn(f"{self._name} is damaged: {error.strerror}")
            return []

    def _drain(self) -> list[VideoFrame]:
        """What the decoder still holds; it has given all of it away already where the container ended well."""
        try:
            return (self._alpha_decoder or self._stream.codec_context).decode(None)
        except av.FFmpegError:
            return []

    def _counted(self, pictures: list[VideoFrame]) -> Iterator[VideoFrame]:
        for picture in pictures:
            self.pictures += 1
            self.damaged += picture.is_corrupt
            yield picture


def deinterlaced(pictures: Iterator[VideoFrame], stream: VideoStream) -> Iterator[VideoFrame]:
    """One full frame per frame; progressive frames pass as they are."""
    graph = av.filter.Graph()
    fields_to_frames = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    graph.link_nodes(graph.add_buffer(template=stream), fields_to_frames, graph.add("buffersink")).configure()
    for picture in pictures:
        graph.vpush(picture)
        yield from _pulled(graph)
    graph.vpush(None)
    yield from _pulled(graph)


def _pulled(graph: av.filter.Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return


class Clock:
    """Times of pictures: the file's own integers; counted on where it has none; always strictly increasing."""

    def __init__(self, video: VideoInfo, warn: Callable[[str], None]):
        self._video, self._warn = video, warn
        self._last: int | None = None

    def stamp(self, picture: VideoFrame) -> TimeStamp:
        """The picture's own time, later than the one before: where it has none or runs backwards, it is counted on."""
        base = fraction(picture.time_base) or self._video.time_base
        ticks = picture.pts if picture.pts is not None else picture.dts
        if ticks is None:
            ticks = 0 if self._last is None else self._last + self._step(picture, base)
        elif self._last is not None and ticks <= self._last:
            self._warn(f"{self._video.path}: times stand still or run backwards from tick {ticks}; moved on by a tick")
            ticks = self._last + 1
        self._last = ticks
        return TimeStamp(ticks, base, picture.duration or None)

    def _step(self, picture: VideoFrame, base: Fraction) -> int:
        rate = self._video.rate or Fraction(25)
        return picture.duration or max(1, round(1 / (rate * base)))
