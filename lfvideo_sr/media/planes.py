"""PyAV frames <-> planes: which integers a decoded frame holds, what they mean, and how they go into a frame again."""

import re
import threading
from collections.abc import Sequence

import av
import av.logging
import cv2
import numpy as np
from av.video.frame import VideoFrame

from ..errors import InputError
from ..frames import Size
from .colour import ColourSpec, Layout, Siting, assumed_matrix

_MATRIX_OF_CODE = {1: 709, 4: 601, 5: 601, 6: 601, 7: 709, 9: 2020, 10: 2020}  # H.273; 4 and 7 differ by under 1 %
_UNSAID = (2, 3)
_FULL, _LIMITED = 2, 1
_log_levels = threading.Lock()


def layout_of(pixel_format: str) -> tuple[Layout, int]:
    """The layout and bit depth that hold every colour of FFmpeg's `pixel_format` (alpha aside)."""
    known = av.VideoFormat(pixel_format, 16, 16)
    colours = [part for part in known.components if not part.is_alpha]
    depth = next((depth for depth in (8, 10, 12) if colours[0].bits <= depth), 16)
    if known.is_rgb or known.has_palette or known.name.startswith("xyz"):
        return Layout.RGB, depth
    if len(colours) == 1:
        return Layout.GRAY, depth
    across, down = 16 // known.chroma_width(16), 16 // known.chroma_height(16)
    if across == 1:
        return Layout.YUV444, depth
    return (Layout.YUV422 if down == 1 else Layout.YUV420), depth


def has_alpha(pixel_format: str) -> bool:
    """Whether FFmpeg's pixel format of this name has a plane or component of transparency."""
    return any(part.is_alpha for part in av.VideoFormat(pixel_format, 16, 16).components)


def without_alpha(pixel_format: str) -> str:
    """FFmpeg's name of the same planes without that of transparency: yuva420p -> yuv420p; other names as they are."""
    return pixel_format.replace("yuva", "yuv").replace("gbrap", "gbrp")


def alpha_of(frame: VideoFrame) -> np.ndarray | None:
    """Transparency of a decoded frame, float32 [H,W], 0 (clear) .. 1 (opaque); None for a format without it."""
    name = frame.format.name
    if not has_alpha(name):
        return None
    bits = next(part.bits for part in frame.format.components if part.is_alpha)
    if name == without_alpha(name):  # packed or a palette
        bits = 8 if bits <= 8 else 16
        frame = frame.reformat(format="gbrap" if bits == 8 else "gbrap16le", threads=1)
    plane = _view(frame, len(frame.planes) - 1, ColourSpec(bit_depth=bits))
    return plane.astype(np.float32) / np.float32((1 << bits) - 1)


def colour_of(frame: VideoFrame, siting: Siting = Siting.LEFT) -> ColourSpec:
    """What the integers of a decoded frame mean: its tags, or the usual meaning for its size where it has none."""
    layout, depth = layout_of(frame.format.name)
    tagged = frame.colorspace not in _UNSAID or layout in (Layout.RGB, Layout.GRAY)
    return ColourSpec(
        layout=layout,
        bit_depth=depth,
        matrix=_matrix_of(frame, layout),
        full_range=_is_full_range(frame, layout),
        siting=siting,
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
        assumed=not tagged,
    )


def _matrix_of(frame: VideoFrame, layout: Layout) -> int:
    code = int(frame.colorspace)
    if code in _MATRIX_OF_CODE:
        return _MATRIX_OF_CODE[code]
    if code in _UNSAID or layout in (Layout.RGB, Layout.GRAY):
        return assumed_matrix(Size(frame.width, frame.height))
    raise InputError(f"the video's colour matrix (H.273 code {code}) is not known here; convert it to BT.709")


def _is_full_range(frame: VideoFrame, layout: Layout) -> bool:
    if frame.color_range in (_LIMITED, _FULL):
        return frame.color_range == _FULL
    return layout in (Layout.RGB, Layout.GRAY) or frame.format.name.startswith("yuvj")


def matrix_code(spec: ColourSpec) -> int:
    """The H.273 code to tag a picture of `spec` with."""
    if spec.layout is Layout.RGB:
        return 0
    return {601: 5 if spec.primaries == 5 else 6, 709: 1, 2020: 9}[spec.matrix]


def range_code(spec: ColourSpec) -> int:
    """FFmpeg's number for the range of the integers, limited or full."""
    return _FULL if spec.full_range or spec.layout is Layout.RGB else _LIMITED


def description_of(container: av.container.InputContainer) -> str:
    """FFmpeg's own description of a file, which has what PyAV has no property for."""
    with _log_levels:
        before = av.logging.get_level()
        av.logging.set_level(av.logging.INFO)
        av.logging.set_libav_level(av.logging.VERBOSE)
        try:
            return container.dumps_format()  # type: ignore[attr-defined]  # its stub forgets this
        finally:
            av.logging.set_level(before)
            av.logging.set_libav_level(av.logging.INFO)


def siting_in(description: str, index: int) -> Siting:
    """Where stream `index` puts its chroma, by the description of its file."""
    match = re.search(rf"Stream #0:{index}\b.*?Video:[^\n]*?\([^)]*\b(left|center|topleft)\)", description)
    return Siting(match[1]) if match else Siting.LEFT


def planes_of(frame: VideoFrame, spec: ColourSpec) -> list[np.ndarray]:
    """The planes of a decoded frame in the order of `spec`; views that keep the frame alive.

    Formats other than `spec`'s own (packed, semi-planar, palette, alpha) are rearranged by swscale, without loss: in
    one thread, for where several cut a picture between two rows of a chroma sample, that sample can be wrong.
    """
    name = frame.format.name.replace("yuvj", "yuv")
    if name != spec.pixel_format:
        kept = _FULL if spec.full_range else _LIMITED
        frame = frame.reformat(format=spec.pixel_format, src_color_range=kept, dst_color_range=kept, threads=1)
    planes = [_view(frame, index, spec) for index in range(len(frame.planes))]
    return [planes[2], planes[0], planes[1]] if spec.layout is Layout.RGB else planes


def _view(frame: VideoFrame, index: int, spec: ColourSpec) -> np.ndarray:
    plane = frame.planes[index]
    dtype = np.dtype(np.uint8 if spec.bit_depth == 8 else np.uint16)
    rows = np.frombuffer(memoryview(plane), dtype).reshape(-1, plane.line_size // dtype.itemsize)
    return rows[: plane.height, : plane.width]


def frame_of(
    planes: Sequence[np.ndarray], spec: ColourSpec, pixel_format: str, alpha: np.ndarray | None = None
) -> VideoFrame:
    """A tagged PyAV frame holding a copy of `planes`; `pixel_format` is spec's own, that with a plane of transparency,
    or "bgr0" or "bgra" for 8-bit RGB.

    alpha: float32 [H,W] in [0,1], for formats that have it; None: opaque.
    """
    height, width = planes[0].shape
    frame = VideoFrame(width, height, pixel_format)
    transparency = _alpha_plane(alpha, planes[0], spec) if has_alpha(pixel_format) else None
    if pixel_format in ("bgr0", "bgra"):
        red, green, blue = planes
        last = np.zeros_like(red) if transparency is None else transparency
        packed = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(height, -1)
        packed[:, : 4 * width] = cv2.merge([blue, green, red, last]).reshape(height, -1)
    else:
        ordered = [planes[1], planes[2], planes[0]] if spec.layout is Layout.RGB else list(planes)
        for index, plane in enumerate(ordered if transparency is None else [*ordered, transparency]):
            _view(frame, index, spec)[:] = plane
    frame.colorspace, frame.color_range = matrix_code(spec), range_code(spec)
    frame.color_primaries, frame.color_trc = spec.primaries, spec.transfer
    return frame


def _alpha_plane(alpha: np.ndarray | None, like: np.ndarray, spec: ColourSpec) -> np.ndarray:
    """Transparency as integers of the depth of `spec`; opaque where there is none."""
    if alpha is None:
        return np.full_like(like, spec.peak)
    return (np.clip(alpha, 0, 1) * spec.peak + 0.5).astype(like.dtype)
