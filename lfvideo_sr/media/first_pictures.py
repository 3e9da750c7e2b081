"""What the first pictures of each track show: sizes, interlacing, side data. One picture a track is held."""

from collections import Counter
from collections.abc import Iterator, Sequence

import av
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..frames import Size
from .hdr import side_data

PROBED_PACKETS = 48  # of each track
_CARRYING = 6  # pictures whose side data are read: PyAV holds each of these until Python looks for circles
_READ_PACKETS = 2000  # of all tracks, where one has few pictures


class FirstPictures:
    """What was seen of one track.

    first: its first picture that decodes, or None. sizes: how many pictures have each size.
    interlaced: whether any picture is. kinds: of side data that any of the first few pictures carries.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._decoder = stream.codec_context
        self.packets = 0
        self.first: VideoFrame | None = None
        self.sizes: Counter[Size] = Counter()
        self.interlaced = False
        self.kinds: set[Type] = set()

    def decode(self, packet: Packet | None) -> None:
        """Look at what a packet decodes to; None for what the decoder still holds. A damaged packet shows nothing."""
        self.packets += 1
        try:
            pictures = self._decoder.decode(packet)
        except av.FFmpegError:
            return
        for picture in pictures:
            self.see(picture)

    def see(self, picture: VideoFrame) -> None:
        """Look at a picture that is decoded."""
        self.first = self.first or picture
        self.sizes[Size(picture.width, picture.height)] += 1
        self.interlaced |= picture.interlaced_frame
        if self.sizes.total() <= _CARRYING:
            self.kinds.update(side_data(picture))


def key_pictures(container: InputContainer, streams: Sequence[VideoStream]) -> list[FirstPictures]:
    """Of each stream, what the key frames among its first packets show: a track changes size only there. The file is
    read once for all of them."""
    for stream in streams:
        stream.codec_context.skip_frame = "NONKEY"
    looked = {stream.index: FirstPictures(stream) for stream in streams}
    waiting = set(looked)
    for count, packet in enumerate(packets_of(container, streams), 1):
        index = packet.stream.index  # of the empty packet at the end of each stream, `stream_index` is 0
        if index in waiting:
            looked[index].decode(packet)
        if looked[index].packets >= PROBED_PACKETS:
            waiting.discard(index)
        if not waiting or (count >= _READ_PACKETS and all(looked[index].first for index in waiting)):
            break
    for seen in looked.values():
        seen.decode(None)
    return list(looked.values())


def all_pictures(container: InputContainer, stream: VideoStream) -> FirstPictures:
    """What the first packets of a stream show, key frames or not; more packets where no picture of these decodes."""
    seen = FirstPictures(stream)
    for packet in packets_of(container, [stream]):
        seen.decode(packet)
        if seen.packets >= PROBED_PACKETS and seen.first:
            break
    seen.decode(None)
    return seen


def packets_of(container: InputContainer, streams: Sequence[VideoStream]) -> Iterator[Packet]:
    """Packets up to where the file breaks off; damage is for the reader to report."""
    try:
        yield from container.demux(*streams)
    except av.FFmpegError:
        return
