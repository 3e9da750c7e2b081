"""Encoding: a stream of frames into a file that appears under its name only when it is whole."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from ..errors import OutputError, UsageError
from ..frames import Frame, Size
from .colour import rgb_to_planes
from .encoding import encoder_name, options_for, output_colour, pixel_format, scaled_aspect, scaled_matrix
from .passthrough import StreamCopier, fresh_metadata
from .planes import frame_of, matrix_code, range_code
from .probe import VideoInfo, open_input


class VideoSink:
    """Writes frames of one size with the times, colours, shape and rotation of `video`.

    path:      the target; its ending chooses the container. Until `close` it is `<stem>.partial<ext>` beside it.
    copy_from: the file whose audio, subtitles, chapters, attachments and metadata go along.
    ends_at:   seconds where the video ends if it is only part of `copy_from`'s; what is copied ends there too.
    options:   the encoder's own, over `crf` and `preset`.
    warnings:  what could not be kept as it was, one line each.
    """

    def __init__(
        self,
        path: str | Path,
        video: VideoInfo,
        size: Size,
        *,
        codec: str = "libx264",
        crf: int = 16,
        preset: str = "medium",
        options: Mapping[str, str] | None = None,
        copy_from: str | Path | None = None,
        ends_at: float | None = None,
        overwrite: bool = False,
    ):
        self.path, self.size, self.warnings = Path(path), Size(*size), []
        self.partial = self.path.with_name(f"{self.path.stem}.partial{self.path.suffix}")
        self._encoder = encoder_name(codec)
        self.colour = output_colour(video.colour, self._encoder, self.size)
        chosen = options_for(self._encoder, crf, preset, video.hdr, options or {})
        _check_target(self.path, overwrite, [video.path, *([Path(copy_from)] if copy_from else [])])
        self._video, self._ends_at = video, ends_at
        self._end: Fraction | None = None
        self._durations: dict[int, int] = {}  # by time, of the frames that are inside the encoder
        self._copier: StreamCopier | None = None
        self._container = _open_output(self.partial, video)
        with self._writing():
            self._stream = self._add_video(chosen)
            if copy_from:
                self._copier = StreamCopier(Path(copy_from), self._container, self.path, ends_at=ends_at)
                self.warnings += self._copier.warnings
            self._start()

    def _add_video(self, options: dict[str, str]) -> VideoStream:
        video = self._video
        rate = video.rate or Fraction(25)
        try:
            stream = self._container.add_stream(self._encoder, rate, options=options, time_base=video.time_base)
        except ValueError as error:
            other = self.path.with_suffix(".mkv").name
            raise OutputError(f"{self.path} cannot hold {self._encoder} video; write -o {other} instead") from error
        stream.width, stream.height = self.size
        stream.pix_fmt = pixel_format(self.colour, self._encoder)
        context = stream.codec_context
        context.colorspace, context.color_range = matrix_code(self.colour), range_code(self.colour)
        context.color_primaries, context.color_trc = self.colour.primaries, self.colour.transfer
        context.options = {**context.options, "chroma_sample_location": self.colour.siting.value}
        aspect = scaled_aspect(video, self.size)
        if aspect:
            context.sample_aspect_ratio = aspect
        stream.set_display_matrix(scaled_matrix(video, self.size))
        stream.metadata.update(self._video_metadata())
        return stream

    def _video_metadata(self) -> dict[str, str]:
        with open_input(self._video.path) as container:
            return fresh_metadata(container.streams[self._video.stream_index].metadata)

    def _start(self) -> None:
        """Open the encoder and write the header, so that whatever does not fit is said before the first frame."""
        try:
            self._container.start_encoding()
        except av.ArgumentError as error:
            settings = ", ".join(f"{key}={value}" for key, value in self._stream.codec_context.options.items())
            raise UsageError(f"{self._encoder} at {self.size} does not take {settings}; check the values") from error

    def write(self, frame: Frame) -> None:
        """Encode a frame at its own time."""
        if frame.size != self.size:
            raise OutputError(f"frame {frame.index} is {frame.size}; this output was opened for {self.size}")
        picture = frame_of(rgb_to_planes(frame.pixels, self.colour), self.colour, self._stream.pix_fmt)
        stamp = frame.stamp
        picture.pts, picture.time_base = stamp.ticks, stamp.time_base
        self._durations[picture.pts] = stamp.duration or 0
        self._end = (stamp.ticks + (stamp.duration or 1)) * stamp.time_base
        with self._writing():
            self._mux(self._stream.encode(picture))

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            if self._copier:
                self._copier.advance(packet.dts * packet.time_base)
            packet.duration = self._durations.pop(packet.pts, 0)  # x265 and SVT-AV1 do not hand it through
            self._container.mux_one(packet)

    def close(self) -> None:
        """Finish the file and give it its name."""
        with self._writing():
            self._mux(self._stream.encode(None))
            if self._copier:
                self._copier.advance(self._end if self._ends_at is not None else None)
                self._copier.close()
            self._container.close()
            os.replace(self.partial, self.path)

    def abort(self) -> None:
        """Leave nothing behind."""
        if self._copier:
            self._copier.close()
        with suppress(Exception):  # a broken output may also fail to close
            self._container.close()
        self.partial.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Whatever fails while writing removes the unfinished file, and reads as one line."""
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            self.abort()
            if isinstance(error, OutputError):
                raise
            raise OutputError(_why_unwritable(self.path, error)) from error
        except BaseException:
            self.abort()
            raise

    def __enter__(self) -> "VideoSink":
        return self

    def __exit__(self, kind, *_) -> None:
        self.close() if kind is None else self.abort()


def _check_target(path: Path, overwrite: bool, inputs: list[Path]) -> None:
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is not a folder; make it first or choose another -o")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give a file name")
    if path.exists():
        if any(given.exists() and path.samefile(given) for given in inputs):
            raise OutputError(f"{path} is the input itself; choose another -o")
        if not overwrite:
            raise OutputError(f"{path} exists; pass --overwrite or choose another -o")


def _open_output(partial: Path, video: VideoInfo) -> av.container.OutputContainer:
    try:
        container = av.open(f"file:{partial}", "w")
    except ValueError as error:
        raise OutputError(f"'{partial.suffix}' is no container known here; end -o in .mp4, .mkv or .mov") from error
    if container.format.name in ("mp4", "mov", "ipod") and video.time_base.numerator == 1:
        container.container_options["video_track_timescale"] = str(video.time_base.denominator)
    return container


def _why_unwritable(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"{path}: the disk is full; free some space or choose another -o"
    return f"{path} cannot be written: {error.strerror or error}"
