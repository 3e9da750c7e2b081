"""From packets to pictures, and what to do where a file has damage or no times for its pictures."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import EngineError
from .loss import Tally, shows_nothing
from .one_clock import Jump, OneClock
from .pyav import alpha_decoder, check_memory


class Decoder:
    """Every picture of a stream that decodes: a damaged packet costs itself only, a broken container ends the stream.
    A device that gives up is no damage, and raises EngineError.

    Pictures have the times of their packets, mended where the file's clock jumps; those of an AVI, which has no times
    for pictures that are coded in another order, are counted in the order in which they are shown.

    tally: what was decoded, and what is missing once all pictures are given.
    """

    def __init__(
        self, container: InputContainer, stream: VideoStream, warn: Callable[[str], None], on_device: bool = False,
        alpha: bool = False,
    ):  # fmt: skip
        """alpha: decode transparency that is beside the pictures, too."""
        self._clock, self._on_device = OneClock(container), on_device
        self._stream, self._codec = stream, stream.codec_context.codec.canonical_name
        self._alpha_decoder = alpha_decoder(stream) if alpha else None
        self._name = container.name.removeprefix("file:")
        self._warn = warn
        self._order = _ShownOrder() if container.format.name == "avi" else None
        self.tally = Tally(container, stream, self._clock)

    @property
    def jumps(self) -> list[Jump]:
        """Of the file's clock, so far."""
        return self._clock.jumps

    def __iter__(self) -> Iterator[VideoFrame]:
        packets = iter(self._clock)
        while (packet := self._next(packets)) is not None:
            if packet.stream is self._stream and not _is_empty(packet):
                yield from self._counted(self._decode(packet))
        yield from self._counted(self._drain())

    def _next(self, packets: Iterator[Packet]) -> Packet | None:
        try:
            return next(packets, None)
        except av.FFmpegError as error:
            self._warn(f"{self._name} breaks off: {error.strerror}")
            return None

    def _decode(self, packet: Packet) -> list[VideoFrame]:
        if packet.size and not shows_nothing(packet, self._codec):
            self.tally.add_packet(packet)
            if self._order is not None:
                self._order.add(packet)
        try:
            return packet.decode() if self._alpha_decoder is None else self._alpha_decoder.decode(packet)
        except av.FFmpegError as error:
            check_memory(error)
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
            self.tally.add_picture(picture)
            if self._order is not None:
                picture.pts = self._order.time_of(picture)
            yield picture


class _ShownOrder:
    """Times for the pictures of a track of which only decoding times are known: each the earliest not yet taken."""

    def __init__(self) -> None:
        self._free: list[int] = []

    def add(self, packet: Packet) -> None:
        """Take note of a packet, and give its picture the decoding time, by which it is known again."""
        packet.pts = packet.dts
        if packet.dts is not None:
            heappush(self._free, packet.dts)

    def time_of(self, picture: VideoFrame) -> int | None:
        """For the next picture that is shown. Where a key picture is, earlier times are those of lost ones."""
        while self._free and picture.key_frame and picture.pts is not None and self._free[0] < picture.pts:
            heappop(self._free)
        return heappop(self._free) if self._free else None


def _is_empty(packet: Packet) -> bool:
    """Whether a packet has no content, without being the one at the end that asks for what a decoder still holds."""
    return not packet.size and (packet.dts is not None or packet.pts is not None)


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
