"""Standard output as a target: pictures as they are, or encoded, for the program behind the pipe."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from av.container import OutputContainer
from av.packet import Packet

from ..errors import OutputError, ReaderGone
from ..frames import Size
from .codecs import Codec
from .colour import ColourSpec, Layout, assumed_matrix
from .latency import Arrival, Latencies
from .output_format import OutputPicture
from .packet_copier import FileToPipeCopier, PipeToPipeCopier
from .passthrough import StreamCopier
from .piped_video import FORMATS, OnceSource
from .probe import VideoInfo
from .pyav import open_media
from .sink import VideoSink
from .streams import EVERYTHING, fresh_metadata

_DEPTHS = ("", "10le", "12le", "16le")
_SITINGS = ("left", "center", "topleft")
_PLANES = [layout.value for layout in Layout if layout is not Layout.RGB]
_RAW = {  # what pictures are written as that are not encoded
    "y4m": Codec(
        "rawvideo", lossless=True, sitings=_SITINGS, formats=frozenset(p + depth for p in _PLANES for depth in _DEPTHS)
    ),
    "nut": Codec(
        "rawvideo", lossless=True, sitings=_SITINGS,
        formats=frozenset(p + depth for p in [*_PLANES, Layout.RGB.value] for depth in _DEPTHS),
    ),
}  # fmt: skip
_HDR_TRANSFERS = (16, 18)  # PQ and HLG, H.273
_NAME = Path("standard output")


@dataclass(frozen=True)
class PipeTarget:
    """Where pictures go, and in which of FORMATS."""

    descriptor: int
    format: str

    @property
    def is_raw(self) -> bool:
        return self.format in _RAW


class PipeSink(VideoSink):
    """Writes frames to a pipe; raises ReaderGone when nobody reads it any more.

    Raw video has no tags for matrix and, in NUT, range: pictures are converted to what a reader takes untagged pictures
    of their size for.

    latencies: of its frames, where it is known when these came.
    """

    def __init__(
        self, target: PipeTarget, video: VideoInfo, size: Size, *, beside: OnceSource | Path,
        ends_at: float | None = None, arrival: Arrival | None = None, **settings,
    ):  # fmt: skip
        """beside: what has the sound and all else that goes along. settings: of the encoder, for what is not raw."""
        self._target, self._beside = target, beside
        self.latencies = Latencies(arrival, video.time_base)
        self._uneven = 0
        self._before: Fraction | None = None
        lost = _lost(video) if target.is_raw else []
        if target.is_raw:
            video = replace(video, colour=_as_assumed(video.colour, size, target.format))
            settings = {"codec": _RAW[target.format], "choice": settings.get("choice", EVERYTHING)}
        super().__init__(_NAME, video, size, ends_at=ends_at, overwrite=True, **settings)
        self.warnings += lost

    def _open(self, unfinished: Path | None) -> OutputContainer:
        container = open_media(f"pipe:{self._target.descriptor}", "w", format=FORMATS[self._target.format])
        container.container_options.update({"flush_packets": "1"})
        if self._target.format == "y4m":
            container.container_options["strict"] = "unofficial"  # more than 8 bits
        return container

    def _start(self, options: Mapping[str, str]) -> None:
        self._copier = self._made_copier()
        self._stream.metadata.update(fresh_metadata(self._copier.metadata_of(self._video.stream_index)))
        super()._start(options)

    def _made_copier(self) -> StreamCopier:
        beside = self._beside
        if isinstance(beside, Path):
            return FileToPipeCopier(
                beside, self._container, _NAME, ends_at=self._ends_at, warnings=self._lines, choice=self._choice
            )
        return PipeToPipeCopier(beside.container, beside.others, self._container, _NAME, self._lines, self._choice)

    def encode(self, picture: OutputPicture) -> None:
        if self._target.format == "y4m":
            self._look_at_time(picture.ticks * self._video.time_base)
        super().encode(picture)

    def _look_at_time(self, time: Fraction) -> None:
        turn = 1 / (self._video.rate or Fraction(25))
        if self._before is not None and abs(time - self._before - turn) > turn / 2:
            self._uneven += 1
        self._before = time

    def _mux(self, packets: list[Packet]) -> None:
        with self.latencies.noting(packets):
            super()._mux(packets)

    def close(self) -> None:
        """Write what the encoder still holds and the end of the stream."""
        if self._finished:
            return
        with self._writing():
            self._finish()
        if self._uneven:
            self.warnings.append(f"y4m has no times, and {self._uneven} frames are shown for another time; nut has")

    def abort(self) -> None:
        """What was written stays with the reader."""
        self._finished = True
        if self._copier:
            self._copier.close()
        with suppress(Exception):
            self._container.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with super()._writing():
                yield
        except OutputError as error:
            if isinstance(error.__cause__, BrokenPipeError):
                raise ReaderGone("nobody reads standard output any more") from error
            raise


def _as_assumed(colour: ColourSpec, size: Size, format: str) -> ColourSpec:
    """The colours of raw video of a size as its reader takes them where nothing names them."""
    full_range = colour.full_range if format == "y4m" or colour.layout in (Layout.GRAY, Layout.RGB) else False
    return replace(colour, matrix=assumed_matrix(size), full_range=full_range)


def _lost(video: VideoInfo) -> list[str]:
    """What raw video cannot say of its pictures, one line each."""
    lost = []
    if video.colour.transfer in _HDR_TRANSFERS:
        lost.append(f"{_NAME}: raw video has no tag for HDR; --output-format mkv has")
    if video.rotation:
        lost.append(f"{_NAME}: raw video has no tag for the rotation by {video.rotation} degrees")
    return lost
