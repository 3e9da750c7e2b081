"""OpenEXR and DPX, one picture a file, by FFmpeg's decoders and encoder: OpenCV's wheels come without them."""

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from ..errors import InputError, OutputError
from ..frames import size_of
from .colour import planes_to_rgb
from .demuxers import reading_options
from .limits import check_file_size, max_pixels
from .planes import colour_of, has_alpha, planes_of

_FLOAT_DEPTH = 16  # bits of an integer that has the steps of a half float near 1, and more


def read_film_picture(path: Path) -> tuple[np.ndarray, int, bool]:
    """An EXR or a DPX: float32 [3,H,W] RGB, bits per channel (16 for floats), and whether it has transparency.

    The values of an EXR are given as they are, without a transfer function: they may be outside [0,1], infinite or no
    numbers. Raises InputError for what cannot be decoded, and for more pixels than are allowed (limits.py).
    """
    frame = _decoded(path)
    alpha = has_alpha(frame.format.name)
    if "f32" in frame.format.name or "f16" in frame.format.name:
        return _floats(frame), _FLOAT_DEPTH, alpha
    colour = colour_of(frame)
    return planes_to_rgb(planes_of(frame, colour), colour), colour.bit_depth, alpha


def exr_bytes(pixels: np.ndarray) -> bytes:
    """An EXR of half floats of RGB float [3,H,W]."""
    size = size_of(pixels)
    context = cast(VideoCodecContext, av.CodecContext.create("exr", "w"))
    context.width, context.height = size
    context.pix_fmt, context.time_base = "gbrpf32le", Fraction(1, 25)
    context.options = {"format": "half", "compression": "zip16"}
    frame = VideoFrame(size.width, size.height, "gbrpf32le")
    for plane, channel in zip(frame.planes, (1, 2, 0)):
        rows = np.frombuffer(memoryview(plane), np.float32).reshape(-1, plane.line_size // 4)
        rows[: size.height, : size.width] = pixels[channel]
    try:
        packets = [*context.encode(frame), *context.encode(None)]
    except av.FFmpegError as error:
        raise OutputError(f"a picture of {size} cannot be written as EXR ({error.strerror}); write PNG") from error
    return b"".join(bytes(packet) for packet in packets)


def _decoded(path: Path) -> VideoFrame:
    try:
        check_file_size(path.stat().st_size, path)
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the name") from error
    decoder = cast(VideoCodecContext, av.CodecContext.create(path.suffix.lower().removeprefix("."), "r"))
    decoder.options = {"max_pixels": reading_options()["max_pixels"]}
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)] if data else []
    except av.FFmpegError:
        frames = []
    if not frames:
        raise InputError(
            f"{path} is no {path.suffix[1:].upper()} that FFmpeg decodes; save it again, or, where it has more than "
            f"{max_pixels() / 1e6:.6g} million pixels, raise --max-pixels"
        )
    return frames[0]


def _floats(frame: VideoFrame) -> np.ndarray:
    """Float32 [3,H,W] RGB of a decoded frame of floats."""
    if not frame.format.name.startswith(("gbr", "grayf")):
        frame = frame.reformat(format="gbrpf32le")
    dtype = np.dtype("<f2" if "f16" in frame.format.name else "<f4")
    planes = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), dtype).reshape(-1, plane.line_size // dtype.itemsize)
        planes.append(rows[: frame.height, : frame.width].astype(np.float32))
    return np.stack([planes[2], planes[0], planes[1]] if len(planes) >= 3 else [planes[0]] * 3)
