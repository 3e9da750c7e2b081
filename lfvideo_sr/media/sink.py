"""Encoding: a stream of frames into a file that appears under its name only when it is whole."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Self, cast

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from ..errors import EngineError, LFVideoError, OutputError, UsageError
from ..frames import Frame, Size
from .codecs import CODECS, Codec, codec_of, names_of, silence
from .containers import MATROSKA, MP4, lossy_ending, unknown_ending
from .encoding import (
    check_size,
    options_for,
    scaled_aspect,
    scaled_matrix,
    split_format,
)
from .limits import free_memory
from .losses import lost_alpha, lost_in_pictures, other_format
from .output_format import OutputFormat, OutputPicture, ToPlanes, planes_on_host
from .part import Part
from .partial import check_length, claim_partial, put_in_place
from .passthrough import StreamCopier
from .planes import matrix_code, range_code
from .probe import VideoInfo
from .pyav import check_memory, open_media
from .streams import EVERYTHING, StreamChoice, track_tags
from .warnings import Warnings

_MKV_INSTEAD = "write -o to an .mkv instead"
_ROOM, _ROOM_PER_PIXEL = 64 << 20, 100  # bytes that an encoder may need to open


class VideoSink:
    """Writes frames of one size with the times, colours, shape and rotation of `video`.

    path:      the target; its ending chooses the container. Until `close` it is `unfinished`, a file of the same
               ending on the same disk, or else `<stem>.partial<ext>` beside it, or another name that is free.
    copy_from: the file whose audio, subtitles, chapters, attachments and metadata go along.
    ends_at:   seconds where the video ends if it is only part of `copy_from`'s; what is copied ends there too.
    part:      of the input that is written: its times become times since the start, and what is copied is cut to it.
    options:   the encoder's own, over `crf` and `preset`.
    choice:    which streams of `copy_from` go along.
    format:    of the pictures that are encoded.
    warnings:  what could not be kept as it was, one line each.
    """

    containers: tuple[str, ...] = (*MATROSKA, *MP4)

    def __init__(
        self,
        path: str | Path,
        video: VideoInfo,
        size: Size,
        *,
        codec: str | Codec = "libx264",
        crf: int = 16,
        preset: str = "medium",
        options: Mapping[str, str] | None = None,
        copy_from: str | Path | None = None,
        ends_at: float | None = None,
        overwrite: bool = False,
        unfinished: Path | None = None,
        choice: StreamChoice = EVERYTHING,
        part: Part | None = None,
    ):
        self.path, self.size = Path(path), Size(*size)
        self._lines = Warnings()
        self.warnings: list[str] = self._lines
        self._choice = choice
        self._codec = codec_of(codec) if isinstance(codec, str) else codec
        check_size(self._codec, self.size)
        start = Fraction(0) if part is None else part.start
        self.format = OutputFormat.of(video, self._codec, self.size, self.path, options or {}, start)
        _, others = split_format(options or {})
        chosen = options_for(self._codec, self.size, crf, preset, video.hdr, others, self.format.keeps_alpha)
        _check_target(self.path, overwrite, [video.path, *([Path(copy_from)] if copy_from else [])])
        self._video, self._ends_at = video, ends_at
        self._written = 0
        self._shift = 0  # ticks that are added to all times
        self._end: Fraction | None = None
        self._durations: dict[int, int] = {}  # by time, of the frames that are inside the encoder
        self._copier: StreamCopier | None = None
        self._finished = False
        silence(self._codec)
        self._container = self._open(unfinished)
        with self._writing():
            self._stream = self._add_video(chosen)
            if copy_from:
                source = Path(copy_from)
                self._copier = StreamCopier(
                    source, self._container, self.path, ends_at=ends_at, warnings=self._lines, choice=choice, part=part
                )
            self._stream.metadata.update(self._tags())
            self._start(chosen)
        self._warn_of_changes()

    def _open(self, unfinished: Path | None) -> OutputContainer:
        """Claim the unfinished file and open it."""
        try:
            self.partial = unfinished or claim_partial(self.path)
        except OSError as error:
            raise OutputError(_why_unwritable(self.path, error)) from error
        try:
            return _open_output(self.partial, self.path, self._video, self.containers)
        except BaseException:
            self.partial.unlink(missing_ok=True)
            raise

    def _add_video(self, options: dict[str, str]) -> VideoStream:
        video = self._video
        rate = video.rate or Fraction(25)
        try:
            added = self._container.add_stream(self._codec.encoder, rate, options=options, time_base=video.time_base)
        except ValueError as error:
            raise OutputError(f"{self.path} cannot hold {self._codec.encoder} video; {_MKV_INSTEAD}") from error
        stream = cast(VideoStream, added)
        stream.width, stream.height = self.size
        stream.pix_fmt, colour = self.format.pixel_format, self.format.colour
        context = stream.codec_context
        context.colorspace, context.color_range = matrix_code(colour), range_code(colour)
        context.color_primaries, context.color_trc = colour.primaries, colour.transfer
        context.options = {**context.options, "chroma_sample_location": colour.siting.value}
        aspect = scaled_aspect(video, self.size)
        if aspect:
            self._check_aspect(aspect)
            context.sample_aspect_ratio = aspect
        stream.set_display_matrix(scaled_matrix(video, self.size))
        return stream

    def _tags(self) -> dict[str, str]:
        """Of the video track: those of the source's that are true of the output, and Matroska's word for 3-D."""
        source = self._copier.metadata_of(self._video.stream_index) if self._copier else {}
        kept = track_tags(source, self._container.format.name)
        tags = {key: value for key, value in kept.items() if key.lower() not in ("alpha_mode", "stereo_mode")}
        if self._video.stereo and self._container.format.name in MATROSKA:
            tags["stereo_mode"] = self._video.stereo
        return tags

    def _check_aspect(self, aspect: Fraction) -> None:
        """Matroska's own field for it is out of PyAV's reach, and few bitstreams store it themselves."""
        if aspect != 1 and self._container.format.name in MATROSKA and not self._codec.writes_aspect:
            instead = ".mov" if ".mov" in self._codec.endings and ".mp4" not in self._codec.endings else ".mp4"
            raise OutputError(
                f"{self.path} cannot keep the pixel aspect {aspect} of {self._codec.encoder} video; "
                f"write -o {self.path.stem}{instead} instead, or --codec libx264"
            )

    def _start(self, options: Mapping[str, str]) -> None:
        """Open the encoder and write the header, so that whatever does not fit is an error before the first frame."""
        try:
            self._container.start_encoding()
        except av.FFmpegError as error:
            check_memory(error)
            self._check_room(error)
            is_open = self._stream.codec_context.is_open
            if self._codec.needs and not is_open:
                instead = f"--codec {names_of(codec for codec in CODECS if not codec.needs)}"
                raise EngineError(
                    f"{self._codec.encoder} does not open here: it needs {self._codec.needs}; pass {instead}"
                ) from error
            if not isinstance(error, av.ArgumentError | av.ExternalError):
                raise
            if is_open:
                raise OutputError(f"{self.path} cannot hold {self._codec.encoder} video; {_MKV_INSTEAD}") from error
            settings = ", ".join(f"{key}={value}" for key, value in options.items())
            raise UsageError(
                f"{self._codec.encoder} does not take {settings} at {self.size}; check the values"
            ) from error

    def _check_room(self, error: av.FFmpegError) -> None:
        """Raise MemoryError where an encoder may not have opened for lack of memory, which few of them say."""
        free = free_memory()
        if free is not None and free < _ROOM + _ROOM_PER_PIXEL * self.size.width * self.size.height:
            raise MemoryError(f"{self._codec.encoder} has {free / 1e6:.0f} MB of memory left") from error

    def _warn_of_changes(self) -> None:
        video = self._video
        self.warnings.extend(other_format(video, self._codec, self.format.colour, self.size))
        if video.alpha and not self.format.keeps_alpha:
            self.warnings.append(lost_alpha(video, self._codec, self.path))
        if video.stereo and self._container.format.name not in (*MATROSKA, "nut"):
            self.warnings.append(
                f"{self.path} does not state that its pictures hold two views ({video.stereo}); {_MKV_INSTEAD}"
            )
        self.warnings.extend(lost_in_pictures(video, self._codec))
        if self._container.format.name in MATROSKA and (video.time_base * 1000).denominator != 1:
            self.warnings.append(f"{self.path} counts time in milliseconds; the times are rounded to them")

    def write(self, frame: Frame) -> None:
        """Encode a frame at its own time."""
        self.encode(self.converted(frame))

    def converted(self, frame: Frame, to_planes: ToPlanes = planes_on_host) -> OutputPicture:
        """What `encode` takes; may be asked for in another thread than that runs in."""
        return self.format.converted(frame, to_planes)

    def encode(self, picture: OutputPicture) -> None:
        """Encode the next picture, in the order of their times."""
        if not self._written:
            self._begin_at(picture.ticks)
        self._durations[picture.ticks] = picture.duration
        self._end = (picture.ticks + (picture.duration or 1)) * self._video.time_base
        self._written += 1
        with self._writing():
            self._mux(self._stream.encode(picture.frame))

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            assert packet.pts is not None and packet.dts is not None, "encoders give both"
            if self._written <= 2 and self._codec.loses_dts:
                packet.dts = packet.pts
            if self._copier:
                self._copier.advance(packet.dts * packet.time_base)
            packet.duration = self._durations.pop(packet.pts, 0)  # x265 and SVT-AV1 do not hand it through
            self._mux_shifted(packet)

    def _mux_shifted(self, packet: Packet) -> None:
        """Mux a packet of the video, with its times moved as those of all that is copied."""
        assert packet.pts is not None and packet.dts is not None
        packet.pts, packet.dts = packet.pts + self._shift, packet.dts + self._shift
        self._container.mux_one(packet)

    def _begin_at(self, ticks: int) -> None:
        """Move all that is written to zero or later: files of these kinds lose or misread what is before it."""
        seconds = Fraction(0)
        if self._container.format.name in (*MATROSKA, *MP4):
            seconds = max(-ticks * self._video.time_base, seconds)
        if self._copier:
            seconds = self._copier.shift = max(self._copier.shift, seconds)
        self._shift = round(seconds / self._video.time_base)
        if seconds:
            self.warnings.append(f"{self.path}: times begin below zero; all are written {float(seconds):.3f} s later")

    def close(self) -> None:
        """Finish the file and give it its name."""
        if self._finished:
            return
        with self._writing():
            self._finish()
            self._name()

    def _name(self) -> None:
        """Give the finished file its name."""
        put_in_place(self.partial, self.path)

    @property
    def finished(self) -> bool:
        """Whether the file was finished or given up, so that nothing more can be written to it."""
        return self._finished

    def leave_partial(self) -> Path:
        """Finish the file as far as it is, playable, but under its unfinished name, which is returned."""
        with self._writing():
            self._finish()
        return self.partial

    def _finish(self) -> None:
        self._finished = True
        self._flush()
        if self._copier:
            self._copier.advance(self._end if self._ends_at is not None else None)
            self._copier.flush()
            self._copier.close()
        self._container.close()

    def _flush(self) -> None:
        self._mux(self._stream.encode(None))

    def abort(self) -> None:
        """Leave nothing behind."""
        self._finished = True
        if self._copier:
            self._copier.close()
        with suppress(Exception):  # a broken output may also fail to close
            self._container.close()
        with suppress(OSError):
            self.partial.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Whatever fails while writing removes the unfinished file, and reads as one line. Not so an interrupt."""
        try:
            yield
        except LFVideoError:
            self.abort()
            raise
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise OutputError(_why_unwritable(self.path, error)) from error
        except Exception:
            self.abort()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, *_) -> None:
        self.close() if kind is None else self.abort()


def _check_target(path: Path, overwrite: bool, inputs: list[Path]) -> None:
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is no folder; make it, or give another -o")
    check_length(path)
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give a file name")
    if path.exists():
        if any(source.exists() and path.samefile(source) for source in inputs):
            raise OutputError(f"{path} is the input itself; choose another -o")
        if not overwrite:
            raise OutputError(f"{path} exists; pass --overwrite or choose another -o")


def _open_output(partial: Path, path: Path, video: VideoInfo, containers: tuple[str, ...]) -> OutputContainer:
    try:
        container = open_media(partial, "w")
    except ValueError as error:
        raise unknown_ending(path) from error
    if container.format.name not in containers:
        raise lossy_ending(path)
    container.container_options.update(_time_options(container.format.name, video.time_base))
    return container


def _time_options(format_name: str, time_base: Fraction) -> dict[str, str]:
    """What makes a muxer write times as they are: no rounding of the start, no shift where audio starts below zero."""
    if format_name in MATROSKA:
        return {"avoid_negative_ts": "disabled"}
    if format_name not in MP4:
        return {}
    ticks = time_base.denominator
    movie = lcm(ticks, 48000)  # in which starts are written, those of sound too
    return {"video_track_timescale": str(ticks), "movie_timescale": str(movie if movie < 1 << 31 else ticks)}


def _why_unwritable(path: Path, error: av.FFmpegError | OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"{path}: the disk is full; free some space or choose another -o"
    return f"{path} cannot be written: {error.strerror or error}"
