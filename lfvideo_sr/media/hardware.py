"""Decoding on a GPU (NVDEC) by PyAV: whether it works here, and why not. Pictures stay on the device.

A `Reader`, which has the device, turns them into RGB there: nothing here imports torch.
"""

import io
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, Protocol, cast

import av
import numpy as np
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..errors import EngineError, first_line
from ..frames import on_host
from .codecs import quiet_options
from .colour import ColourSpec, Layout, planes_to_rgb
from .planes import planes_of
from .probe import VideoInfo, open_input, video_stream
from .pyav import open_media

DEPTHS = {"nv12": 8, "p010le": 10, "p016le": 12}  # what NVDEC gives of 4:2:0 video, and PyAV hands on by DLPack
PROBED = {"h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1"}
_SAME = 1e-4  # of two conversions of the same integers, in float32
_FAILS = (av.FFmpegError, NotImplementedError, RuntimeError, AssertionError)  # of a device that is absent or gives up
_SIZE = (256, 144)  # of the probe's pictures: above the least that NVDEC takes


class Reader(Protocol):
    """device: as torch names it; number: of the CUDA device."""

    device: str
    number: int

    def current(self) -> AbstractContextManager[object]:
        """Makes the context of its tensors the calling thread's own meanwhile; raises RuntimeError or
        AssertionError where there is none."""

    def __call__(self, picture: VideoFrame, spec: ColourSpec) -> Any:
        """A picture on the device -> float32 [3,H,W] there, RGB in [0,1], finished."""


def accelerator(number: int, current: bool = False) -> HWAccel:
    """Decodes on CUDA device `number`, and leaves pictures there.

    current: in the calling thread's present context, which outlives it; else in one of its own. Not in the device's
    primary one, as PyAV has it by default: FFmpeg refuses that as soon as the process uses it with other flags than its
    own, as torch does.
    """
    context: dict[str, object] = {"primary_ctx": "0", "current_ctx": "1" if current else "0"}
    name = str(number) if number else None
    return HWAccel("cuda", name, allow_software_fallback=True, options=context, is_hw_owned=True)


def open_on_device(path: Path, reader: Reader) -> InputContainer:
    """Open a media file that is known to open on the reader's device; raises EngineError where that cannot be had."""
    try:
        with reader.current():
            return open_media(path, hwaccel=accelerator(reader.number, current=True))
    except _FAILS as error:
        raise EngineError(f"no CUDA device decodes here ({reason_of(error)}); pass --decode cpu") from error


def is_on_device(picture: VideoFrame) -> bool:
    """Whether a decoded picture is on a CUDA device."""
    return picture.format.name == "cuda"


def depth_on_device(picture: VideoFrame) -> int | None:
    """The bit depth of a picture on the device; None where it is of no format that can be read there."""
    return DEPTHS.get(picture.sw_format.name) if picture.sw_format else None


def readable(picture: VideoFrame, colour: ColourSpec) -> bool:
    """Whether a `Reader` can take a picture on the device as it is: 4:2:0, even sides, the depth of its track."""
    even = picture.width % 2 == 0 and picture.height % 2 == 0
    return colour.layout is Layout.YUV420 and even and depth_on_device(picture) == colour.bit_depth


def absence(number: int) -> str | None:
    """Why FFmpeg cannot have CUDA device `number`; None where it can."""
    try:
        av.CodecContext.create("h264", "r", hwaccel=accelerator(number))
    except _FAILS as error:
        return f"FFmpeg finds no CUDA device to decode on ({reason_of(error)})"
    return None


def why_not(video: VideoInfo, reader: Reader) -> str | None:
    """Why a track cannot be decoded on the reader's device; None where its first picture was, and came out the same."""
    try:
        with closing(open_on_device(video.path, reader)) as container:
            theirs = _first(container, video)
            if theirs is None:
                return "its first picture does not decode there"
            if not is_on_device(theirs):
                return f"the device does not decode this {video.codec}, {video.pixel_format}"
            if not readable(theirs, video.colour):
                return f"of {video.pixel_format} {theirs.width}x{theirs.height} only 4:2:0 of even sides is read there"
            on_device = on_host(reader(theirs, video.colour))
    except (EngineError, ValueError, *_FAILS) as error:
        return reason_of(error).split("; ")[0]
    with closing(open_input(video.path)) as container:
        ours = _first(container, video)
    assert ours is not None, "the track was probed"
    on_host_pixels = planes_to_rgb(planes_of(ours, video.colour), video.colour)
    if on_device.shape != on_host_pixels.shape or np.abs(on_device - on_host_pixels).max() > _SAME:
        return "its first picture comes out different there"
    return None


def _first(container: InputContainer, video: VideoInfo) -> VideoFrame | None:
    """The first picture of a track; its file may be closed afterwards."""
    stream = video_stream(container, video.stream_index)
    for packet in container.demux(stream):
        try:
            for picture in packet.decode():
                return picture
        except av.FFmpegError:
            continue
    return None


def codecs_on_device(number: int = 0) -> tuple[list[str], str | None]:
    """Codecs of which the device really decoded a few pictures, and, where there are none, why."""
    if missing := absence(number):
        return [], missing
    working = [codec for codec, encoder in PROBED.items() if _decodes(encoder, number)]
    return working, None if working else "the device decodes none of " + ", ".join(PROBED)


def _decodes(encoder: str, number: int) -> bool:
    try:
        with open_media(_clip(encoder), hwaccel=accelerator(number)) as container:
            return any(is_on_device(picture) for picture in container.decode(video=0))
    except Exception:  # whatever the library raises, the answer is no
        return False


def _clip(encoder: str) -> io.BytesIO:
    """A file of three grey pictures."""
    file = io.BytesIO()
    with open_media(file, "w", format="matroska") as target:
        stream = cast(VideoStream, target.add_stream(encoder, 25, options=quiet_options(encoder)))
        (stream.width, stream.height), stream.pix_fmt = _SIZE, "yuv420p"
        for _ in range(3):
            picture = VideoFrame(*_SIZE, "yuv420p")
            for plane in picture.planes:
                np.frombuffer(memoryview(plane), np.uint8)[:] = 128
            target.mux(stream.encode(picture))
        target.mux(stream.encode(None))
    file.seek(0)
    return file


def reason_of(error: Exception) -> str:
    """The first line of an error's message."""
    if isinstance(error, av.PermissionError):  # so FFmpeg calls it
        return "NVIDIA's driver cannot be loaded"
    return getattr(error, "strerror", None) or first_line(error)
