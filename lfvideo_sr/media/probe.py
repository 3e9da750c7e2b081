"""What is known of a video file before it is decoded: its tracks, and the errors of other files."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import InputError
from ..frames import Size
from .colour import ColourSpec
from .hdr import HDRMetadata, hdr_of, side_data
from .picture_sequence import PictureSequence
from .planes import colour_of, siting_of
from .pyav import fraction, open_media

_PROBED_PACKETS = 48
_UNWRITABLE = {
    Type.A53_CC: "closed captions",
    Type.DYNAMIC_HDR_PLUS: "HDR10+ metadata",
    Type.DOVI_RPU_BUFFER: "Dolby Vision metadata",
    Type.DOVI_METADATA: "Dolby Vision metadata",
}


@dataclass(frozen=True)
class VideoInfo:
    """One video track.

    track:        0-based among the file's video tracks without cover art; `stream_index` counts all streams.
    size:         of the coded picture, before rotation; the most frequent one where a track changes size.
    frames, seconds: None where the file does not give them.
    left_out: what the pictures carry and cannot be written again, because PyAV attaches no side data to frames.
    pictures: the numbered pictures that the track is; None for a track of a file.
    display_matrix: nine integers as FFmpeg has them, or None; `rotation` is their angle, counter-clockwise degrees.
    """

    path: Path
    track: int
    stream_index: int
    size: Size
    rate: Fraction | None
    time_base: Fraction
    frames: int | None
    seconds: float | None
    colour: ColourSpec
    pixel_format: str
    codec: str
    sample_aspect_ratio: Fraction | None = None
    display_matrix: tuple[int, ...] | None = None
    rotation: int = 0
    interlaced: bool = False
    hdr: HDRMetadata | None = None
    left_out: tuple[str, ...] = ()
    pictures: PictureSequence | None = None

    @property
    def bit_depth(self) -> int:
        return self.colour.bit_depth

    def __str__(self) -> str:
        rate = f", {float(self.rate):.5g} fps" if self.rate else ""
        return f"{self.path.name}#v:{self.track} ({self.size}{rate}, {self.codec}, {self.colour})"


def open_input(path: Path) -> InputContainer:
    """Open a media file; InputError, in one line, where it is none."""
    check_file(path)
    try:
        container = open_media(path)
    except av.FFmpegError as error:
        raise InputError(_why_unreadable(path, error)) from error
    if container.format.name == "tty":  # FFmpeg shows any text as a picture of a terminal
        container.close()
        raise InputError(f"{path} is a text file; a video file is wanted")
    return container


def video_stream(container: InputContainer, index: int) -> VideoStream:
    """Stream `index` of a file, which is known to be video."""
    return cast(VideoStream, container.streams[index])


def video_tracks(path: str | Path) -> list[VideoInfo]:
    """Every video track of a file, cover art left out; InputError where there is none."""
    path = Path(path)
    with open_input(path) as container:
        count = len(_video_streams(container))
    if not count:
        raise InputError(f"{path} holds no video track; give a file with one")
    return [video_track(path, track) for track in range(count)]


def video_track(path: str | Path, track: int = 0) -> VideoInfo:
    """Video track number `track` of a file, cover art not counted."""
    path = Path(path)
    with open_input(path) as container:
        streams = _video_streams(container)
        if not streams:
            raise InputError(f"{path} holds no video track; give a file with one")
        if not 0 <= track < len(streams):
            raise InputError(f"{path} has no video track {track}; it has {len(streams)}, counted from 0")
        return _describe(path, container, streams[track], track)


def check_file(path: Path) -> None:
    """Refuse what is no file to read: a clip is opened more than once, so a pipe will not do."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a video file")
    if not path.exists():
        if re.match(r"[a-z]{2,}:/", str(path)):
            raise InputError(f"{path} is an address, and only files are read; download it first")
        raise InputError(f"{path} does not exist; check the name")
    if not path.is_file():
        raise InputError(f"{path} is a pipe or a device, and a video is read more than once; save it as a file first")
    if not path.stat().st_size:
        raise InputError(f"{path} is empty; copy or record it again")


def _why_unreadable(path: Path, error: av.FFmpegError) -> str:
    if isinstance(error, PermissionError):
        return f"{path} may not be read; check its permissions"
    with path.open("rb") as file:
        is_mp4 = file.read(12)[4:8] == b"ftyp"
    if is_mp4:
        return f"{path} cannot be opened: its index (moov) is missing, so it was cut off; copy or record it again"
    return f"{path} is not a media file that FFmpeg can open ({error.strerror}); give a video file"


def _video_streams(container: InputContainer) -> list[VideoStream]:
    hidden = Disposition.attached_pic | Disposition.timed_thumbnails
    return [stream for stream in container.streams.video if not stream.disposition & hidden and stream.codec_context]


def _describe(path: Path, container: InputContainer, stream: VideoStream, track: int) -> VideoInfo:
    siting = siting_of(container, stream.index)
    frames = _key_frames(container, stream) or _first_frames(path, stream.index, 1)
    if not frames:
        raise InputError(f"{path}: no frame of video track {track} decodes; the file is damaged")
    sizes = {_size(frame) for frame in frames}
    size = sizes.pop() if len(sizes) == 1 else _usual_size(path, stream.index)
    first = frames[0]
    matrix = _display_matrix(first)
    return VideoInfo(
        path=path,
        track=track,
        stream_index=stream.index,
        size=size,
        rate=fraction(stream.average_rate or stream.guessed_rate),
        time_base=fraction(stream.time_base) or Fraction(1, av.time_base),
        frames=stream.frames or None,
        seconds=_seconds(container, stream),
        colour=colour_of(first, siting),
        pixel_format=first.format.name,
        codec=stream.codec_context.codec.canonical_name,
        sample_aspect_ratio=fraction(stream.sample_aspect_ratio),
        display_matrix=matrix,
        rotation=int(first.rotation) if matrix else 0,
        interlaced=any(frame.interlaced_frame for frame in frames),
        hdr=hdr_of(first),
        left_out=_left_out(frames),
    )


def _seconds(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _display_matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    data = side_data(frame).get(Type.DISPLAYMATRIX)
    return tuple(int(number) for number in np.frombuffer(data, np.int32)) if data else None


def _left_out(frames: list[VideoFrame]) -> tuple[str, ...]:
    kinds = {kind for frame in frames for kind in side_data(frame)}
    return tuple(sorted({_UNWRITABLE[kind] for kind in kinds & _UNWRITABLE.keys()}))


def _size(frame: VideoFrame) -> Size:
    return Size(frame.width, frame.height)


def _key_frames(container: InputContainer, stream: VideoStream) -> list[VideoFrame]:
    """The key frames among the first packets: a track changes size only there."""
    stream.codec_context.skip_frame = "NONKEY"
    return list(_decode(container, stream, _PROBED_PACKETS))


def _first_frames(path: Path, index: int, count: int) -> list[VideoFrame]:
    with open_input(path) as container:
        frames = []
        for frame in _decode(container, video_stream(container, index)):
            frames.append(frame)
            if len(frames) == count:
                break
        return frames


def _usual_size(path: Path, index: int) -> Size:
    """The most frequent size among the first frames."""
    return Counter(_size(frame) for frame in _first_frames(path, index, _PROBED_PACKETS)).most_common(1)[0][0]


def _decode(container: InputContainer, stream: VideoStream, packets: int | None = None) -> Iterator[VideoFrame]:
    """Whatever decodes of the first `packets`; damage is for the reader to report, not for the probe."""
    try:
        for count, packet in enumerate(container.demux(stream)):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue
            if packets and count + 1 == packets:
                yield from stream.codec_context.decode(None)
                return
    except av.FFmpegError:
        return
