"""Sound that is encoded anew: the output's container does not hold it as it is, or a user prefers another format."""

from collections.abc import Callable, Iterator
from typing import cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from ..errors import OutputError

_USUAL = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}  # FFmpeg's own guesses


class SoundEncoder:
    """Decodes the packets of a sound track and encodes them into a track of `target`, with its rate and channels.

    warn: gets a line for what does not decode, which is left out. Raises OutputError where `target` does not hold what
    the encoder makes.
    """

    def __init__(
        self, source: AudioStream, target: OutputContainer, encoder: str, name: str, warn: Callable[[str], None]
    ):
        rate = _nearest_rate(encoder, source.rate)
        try:
            self.stream = cast(AudioStream, target.add_stream(encoder, rate, layout=layout_of(source)))
            self.stream.codec_context.open()
        except (ValueError, av.FFmpegError) as error:
            sound = f"{encoder} sound of {layout_of(source)} at {rate} Hz"
            raise OutputError(f"{name} cannot hold {sound}; give another --audio") from error
        self._source, self._warn = source, warn

    def encode(self, packet: Packet) -> Iterator[Packet]:
        """What a packet of the source becomes."""
        try:
            frames = self._source.codec_context.decode(packet)
        except av.FFmpegError as error:
            self._warn(f"sound of stream #{self._source.index} is damaged: {error.strerror}")
            return
        for frame in frames:
            try:
                yield from self.stream.encode(frame)
            except ValueError:  # PyAV's resampler stays with the first frame's rate and channels
                self._warn(f"sound of stream #{self._source.index} changes its rate or channels; the rest is left out")
                return

    def flush(self) -> Iterator[Packet]:
        """What decoder and encoder still hold."""
        try:
            for frame in self._source.codec_context.decode(None):
                yield from self.stream.encode(frame)
        except av.EOFError:
            pass
        yield from self.stream.encode(None)


def layout_of(source: AudioStream) -> str:
    """Which channels a sound track has, in FFmpeg's words. Matroska and AVI state for PCM only how many there are, for
    which MP4 has no place; they are taken for the usual ones then."""
    name = source.layout.name
    return _USUAL.get(source.layout.nb_channels, name) if name.endswith(" channels") else name


def _nearest_rate(encoder: str, rate: int) -> int:
    """The sample rate to encode with: the source's own, or the nearest that the encoder has."""
    rates = av.Codec(encoder, "w").audio_rates
    return min(rates, key=lambda each: (abs(each - rate), -each)) if rates else rate
