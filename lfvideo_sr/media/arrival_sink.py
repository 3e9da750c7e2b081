"""The file that a stream becomes which is read once: it plays at any moment, whatever ends the run."""

from collections.abc import Mapping
from pathlib import Path

from av.container import OutputContainer
from av.packet import Packet

from ..frames import Size
from .latency import Arrival, Latencies
from .packet_copier import PacketCopier
from .piped_video import OnceSource
from .sink import VideoSink
from .streams import fresh_metadata

# What makes a muxer write out what it has: Matroska each second and each key frame; MP4 in fragments of a second, from
# which it makes an ordinary file at the end.
_CLUSTERS = {"cluster_time_limit": "1000"}
_FRAGMENTS = {"movflags": "hybrid_fragmented", "frag_duration": "1000000"}
_AT_ANY_MOMENT = {
    "matroska": _CLUSTERS, "webm": _CLUSTERS, "mp4": _FRAGMENTS, "mov": _FRAGMENTS, "ipod": _FRAGMENTS,
}  # fmt: skip


class ArrivalSink(VideoSink):
    """Writes a stream that is read once, with its sound and all else.

    latencies: of its frames, where it is known when these came.
    """

    def __init__(
        self, path: Path, source: OnceSource, size: Size, *, arrival: Arrival | None = None, overwrite: bool = False,
        **settings,
    ):  # fmt: skip
        """arrival: when the frame of a time, in ticks, came, in time.monotonic()'s seconds. settings: of the encoder.
        Raises what VideoSink raises."""
        self._source = source
        self.latencies = Latencies(arrival, source.video.time_base)
        ends_at = 0.0 if source.is_limited else None  # what is copied ends with the video
        super().__init__(path, source.video, size, ends_at=ends_at, overwrite=overwrite, **settings)

    def _open(self, unfinished: Path | None) -> OutputContainer:
        container = super()._open(unfinished)
        container.container_options.update(_AT_ANY_MOMENT.get(container.format.name, {}) | {"flush_packets": "1"})
        return container

    def _start(self, options: Mapping[str, str]) -> None:
        source = self._source
        self._copier = PacketCopier(
            source.container, source.others, self._container, self.path, self._lines, self._choice
        )
        self._stream.metadata.update(fresh_metadata(self._copier.metadata_of(source.video.stream_index)))
        super()._start(options)

    def _mux(self, packets: list[Packet]) -> None:
        with self.latencies.noting(packets):
            super()._mux(packets)
