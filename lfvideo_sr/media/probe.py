"""What is known of a video file before it is decoded: its tracks, and the errors of other files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
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
from .demuxers import names_others
from .file_state import FileState, state_of
from .first_pictures import FirstPictures, all_pictures, key_pictures
from .hdr import HDRMetadata, hdr_of, side_data
from .input_file import check_file
from .limits import check_size, max_pixels
from .picture_sequence import PictureSequence
from .planes import colour_of, description_of, has_alpha, siting_in
from .pyav import LIBVPX, fraction, open_media
from .stereo import stereo_mode
from .streams import video_streams

_UNWRITABLE = {
    Type.A53_CC: "closed captions",
    Type.DYNAMIC_HDR_PLUS: "HDR10+ metadata",
    Type.DOVI_RPU_BUFFER: "Dolby Vision metadata",
    Type.DOVI_METADATA: "Dolby Vision metadata",
    Type.SPHERICAL: "360-degree (spherical) projection",
}
_DEEPER = {"probesize": "100000000", "analyzeduration": "100000000"}  # bytes, microseconds; FFmpeg's own: 5 MB, 5 s


@dataclass(frozen=True)
class VideoInfo:
    """One video track.

    track:        0-based among the file's video tracks without cover art; `stream_index` counts all streams.
    size:         of the coded picture, before rotation; the most frequent one where a track changes size.
    frames, seconds: None where the file does not give them.
    left_out: what the pictures carry and cannot be written again, because PyAV attaches no side data to frames.
    pictures: the numbered pictures that the track is; None for a track of a file.
    display_matrix: nine integers as FFmpeg has them, or None; `rotation` is their angle, counter-clockwise degrees.
    alpha:    the pictures have transparency, in their own format or, in WebM, beside it.
    stereo:   how the views of a 3-D video are packed into a picture, in Matroska's words, or None.
    cropping: what the container cuts off the pictures when they are shown, as FFmpeg describes it, or "".
    default:  the file marks the track as the one to play.
    sizes:    those of the pictures that were looked at, the most frequent one first.
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
    alpha: bool = False
    stereo: str | None = None
    cropping: str = ""
    default: bool = False
    sizes: tuple[Size, ...] = ()
    pictures: PictureSequence | None = None

    @property
    def bit_depth(self) -> int:
        return self.colour.bit_depth

    def __str__(self) -> str:
        rate = f", {float(self.rate):.5g} fps" if self.rate else ""
        return f"{self.path.name}#v:{self.track} ({self.size}{rate}, {self.codec}, {self.colour})"


@dataclass(frozen=True)
class MediaInfo:
    """What one look at the start of a file shows.

    tracks:  the video tracks of which a picture decodes, cover art left out.
    damaged: the numbers of those of which none does. unsized: those among them of which FFmpeg states no size.
    unknown: the indices, among all streams, of video whose codec FFmpeg does not know; they have no number.
    """

    path: Path
    tracks: tuple[VideoInfo, ...]
    damaged: tuple[int, ...] = ()
    unsized: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()


def open_input(path: Path) -> InputContainer:
    """Open a media file; InputError, in one line, where it is none."""
    check_file(path)
    try:
        container = open_media(path)
        if _lacks_parameters(container):  # sound, as a rule, that starts late in a broadcast
            container.close()
            container = open_media(path, options=_DEEPER)
    except av.FFmpegError as error:
        raise InputError(_why_unreadable(path, error)) from error
    if container.format.name == "tty":  # FFmpeg shows any text as a picture of a terminal
        container.close()
        raise InputError(f"{path} is a text file; a video file is wanted")
    return container


def _lacks_parameters(container: InputContainer) -> bool:
    """Whether FFmpeg knows the codec of a stream and has not read far enough to know more."""
    sounds = [stream for stream in container.streams.audio if stream.codec_context]
    videos = [stream for stream in container.streams.video if stream.codec_context]
    return any(not sound.rate for sound in sounds) or any(not video.width for video in videos)


def video_stream(container: InputContainer, index: int) -> VideoStream:
    """Stream `index` of a file, which is known to be video."""
    return cast(VideoStream, container.streams[index])


def media_info(path: str | Path) -> MediaInfo:
    """What a file's first packets show. A file that has not changed is read once in a process. Raises InputError where
    it holds no video track."""
    path = Path(path)
    check_file(path)
    return _media_info(path, state_of(path), max_pixels())


@lru_cache(maxsize=64)
def _media_info(path: Path, state: FileState, most_pixels: int) -> MediaInfo:
    """state, most_pixels: what the answer is remembered for."""
    with open_input(path) as container:
        streams = video_streams(container)
        if not streams:
            raise InputError(f"{path} holds no video track; give a file with one")
        for track, stream in enumerate(streams):
            check_size(Size(stream.codec_context.width, stream.codec_context.height), f"video track {track} of {path}")
        description = description_of(container)
        looked = [_repeated(path, stream, seen) for stream, seen in zip(streams, key_pictures(container, streams))]
        tracks = [
            described(path, container, stream, track, seen, description)
            for track, (stream, seen) in enumerate(zip(streams, looked))
            if seen.first
        ]
        unknown = tuple(stream.index for stream in container.streams.video if not stream.codec_context)
        unsized = tuple(track for track, stream in enumerate(streams) if not stream.codec_context.width)
    damaged = tuple(track for track, seen in enumerate(looked) if not seen.first)
    return MediaInfo(path, tuple(tracks), damaged, unsized, unknown)


def video_tracks(path: str | Path) -> list[VideoInfo]:
    """Every video track of a file that decodes, cover art left out; InputError where there is none."""
    info = media_info(path)
    if not info.tracks:
        raise _undecodable(info, 0)
    return list(info.tracks)


def video_track(path: str | Path, track: int = 0) -> VideoInfo:
    """Video track number `track` of a file, cover art not counted."""
    info = media_info(path)
    for video in info.tracks:
        if video.track == track:
            return video
    if track in info.damaged:
        raise _undecodable(info, track)
    count = len(info.tracks) + len(info.damaged)
    raise InputError(f"{path} has no video track {track}; it has {count}, counted from 0")


def _undecodable(info: MediaInfo, track: int) -> InputError:
    """FFmpeg forgets the size of frames that have more pixels than are allowed."""
    if _is_webp(info.path):
        return InputError(
            f"{info.path} is a WebP whose pictures FFmpeg does not decode; save it as GIF, APNG or a video"
        )
    large = f", or they have more than {max_pixels() / 1e6:.6g} million pixels; see --max-pixels"
    why = f"the file is damaged{large if track in info.unsized else ''}"
    return InputError(f"{info.path}: no frame of video track {track} decodes; {why}")


def _is_webp(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WEBP"


def _why_unreadable(path: Path, error: av.FFmpegError) -> str:
    if isinstance(error, PermissionError):
        return f"{path} may not be read; check its permissions"
    with path.open("rb") as file:
        head = file.read(64)
    if names_others(head):
        return f"{path} is a list of other files, and only what is named here is read; give the video files themselves"
    if head[4:8] == b"ftyp":
        return f"{path} cannot be opened: its index (moov) is missing, so it was cut off; copy or record it again"
    return f"{path} is not a media file that FFmpeg can open ({error.strerror}); give a video file"


def _repeated(path: Path, stream: VideoStream, seen: FirstPictures) -> FirstPictures:
    """What the first pictures show; where no key frame decodes or their sizes differ, of all that come first."""
    if seen.first and len(seen.sizes) == 1:
        return seen
    with open_input(path) as container:
        return all_pictures(container, video_stream(container, stream.index))


def described(
    path: Path, container: InputContainer, stream: VideoStream, track: int, seen: FirstPictures, description: str
) -> VideoInfo:
    """What is known of a track by its container, some pictures, of which one was seen, and FFmpeg's description."""
    first = seen.first
    assert first is not None, "a picture was seen"
    codec, matrix = stream.codec_context.codec.canonical_name, _display_matrix(first)
    return VideoInfo(
        path=path,
        track=track,
        stream_index=stream.index,
        size=seen.sizes.most_common(1)[0][0],
        rate=fraction(stream.average_rate or stream.guessed_rate),
        time_base=fraction(stream.time_base) or Fraction(1, av.time_base),
        frames=stream.frames or None,
        seconds=_seconds(container, stream),
        colour=colour_of(first, siting_in(description, stream.index)),
        pixel_format=first.format.name,
        codec=codec,
        sample_aspect_ratio=fraction(stream.sample_aspect_ratio),
        display_matrix=matrix,
        rotation=first.rotation if matrix and abs(first.rotation) <= 180 else 0,  # a matrix of zeros has no angle
        interlaced=seen.interlaced,
        hdr=hdr_of(first),
        left_out=tuple(sorted({_UNWRITABLE[kind] for kind in seen.kinds & _UNWRITABLE.keys()})),
        alpha=has_alpha(first.format.name) or (codec in LIBVPX and stream_alpha(stream.metadata)),
        stereo=stereo_mode(first),
        cropping=_cropping(description, stream.index),
        default=bool(stream.disposition & Disposition.default),
        sizes=tuple(size for size, _ in seen.sizes.most_common()),
    )


def stream_alpha(metadata: Mapping[str, str]) -> bool:
    """Whether the tags of a track say that it has transparency beside its pictures, as in WebM."""
    return any(key.lower() == "alpha_mode" and value == "1" for key, value in metadata.items())


def _seconds(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _display_matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    data = side_data(frame).get(Type.DISPLAYMATRIX)
    return tuple(int(number) for number in np.frombuffer(data, np.int32)) if data else None


def _cropping(description: str, index: int) -> str:
    """ "TOP/BOTTOM/LEFT/RIGHT" pixels that the container cuts off stream `index`, or ""."""
    stream = re.search(rf"Stream #0:{index}\b.*?(?=Stream #0:|\Z)", description, re.DOTALL)
    stated = stream and re.search(r"[Cc]ropping:? *([\d/]+)", stream[0])
    return stated[1] if stated and stated[1].strip("0/") else ""
