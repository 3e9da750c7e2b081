"""YUV <-> RGB with the stream's own matrix, range, bit depth and chroma siting; never a library's guess.

Chroma is enlarged bilinearly from where its samples are, and shrunk by the filter centred there: a triangle
over a co-sited axis, a box over a centred one. Everything is float32 until the one rounding at the end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

from ..frames import Size

_PART = 1 << 14  # pixels mixed at a time
LUMA_WEIGHTS = {601: (0.299, 0.114), 709: (0.2126, 0.0722), 2020: (0.2627, 0.0593)}  # Kr, Kb of each matrix


class Layout(Enum):
    """Which planes a picture has, in the order this module takes them: Y | Y U V | R G B."""

    GRAY = "gray"
    YUV420 = "yuv420p"
    YUV422 = "yuv422p"
    YUV444 = "yuv444p"
    RGB = "gbrp"

    @property
    def chroma_step(self) -> tuple[int, int]:
        """Luma samples per chroma sample: (across, down)."""
        return {Layout.YUV420: (2, 2), Layout.YUV422: (2, 1)}.get(self, (1, 1))


class Siting(Enum):
    """Where a chroma sample is among its luma samples; (across, down) is True where it is at the first of them."""

    LEFT = "left"
    CENTER = "center"
    TOPLEFT = "topleft"

    @property
    def cosited(self) -> tuple[bool, bool]:
        """Whether chroma samples are at luma samples, across and down; else they are between them."""
        return self is not Siting.CENTER, self is Siting.TOPLEFT


@dataclass(frozen=True)
class ColourSpec:
    """How a stream's integers mean colours.

    matrix:     601, 709 or 2020; without meaning for RGB.
    full_range: 0..2^n-1 instead of 16..235 (chroma 16..240) times 2^(n-8).
    primaries, transfer: H.273 codes, passed through (2: unknown).
    assumed:    the file does not name matrix and range; these are the usual ones for its size.
    """

    layout: Layout = Layout.YUV420
    bit_depth: int = 8
    matrix: int = 709
    full_range: bool = False
    siting: Siting = Siting.LEFT
    primaries: int = 2
    transfer: int = 2
    assumed: bool = False

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name of these planes, e.g. "yuv420p10le"."""
        return self.layout.value + (f"{self.bit_depth}le" if self.bit_depth > 8 else "")

    @property
    def peak(self) -> int:
        """The largest integer of a plane."""
        return (1 << self.bit_depth) - 1

    def __str__(self) -> str:
        meaning = "RGB" if self.layout is Layout.RGB else f"BT.{self.matrix} {'full' if self.full_range else 'limited'}"
        return f"{self.pixel_format}, {meaning}{' (assumed)' if self.assumed else ''}"


def assumed_matrix(size: Size) -> int:
    """The matrix of a stream that does not name one: 709 from 1280x720 up, 601 below."""
    return 709 if size.width >= 1280 or size.height >= 720 else 601


def planes_to_rgb(planes: Sequence[np.ndarray], spec: ColourSpec) -> np.ndarray:
    """Planes of `spec` (uint8 or uint16, [H,W] and chroma rounded up) -> float32 [3,H,W], clipped to [0,1]."""
    height, width = planes[0].shape
    rgb = np.empty((3, height, width), np.float32)
    rgb[0] = planes[0]
    for channel in (1, 2):
        if spec.layout is Layout.GRAY:
            rgb[channel] = rgb[0]
        else:
            _enlarge_chroma(planes[channel], rgb[channel], spec)
    weights, offset = to_rgb_weights(spec)
    for part in _parts(rgb.reshape(3, -1)):
        mixed = weights @ part
        mixed += offset
        np.clip(mixed, 0, 1, out=part)
    return rgb


def rgb_to_planes(pixels: np.ndarray, spec: ColourSpec) -> list[np.ndarray]:
    """Float32 [3,H,W] in [0,1] -> planes of `spec`, rounded to nearest: uint8, or uint16 above 8 bits."""
    weights, offset = from_rgb_weights(spec)
    mixed = np.empty((len(weights), *pixels.shape[1:]), np.float32)
    for part, rgb in zip(_parts(mixed.reshape(len(weights), -1)), _parts(pixels.reshape(3, -1))):
        np.matmul(weights, rgb, out=part)
    planes = [mixed[0], *(_shrink_chroma(plane, spec) for plane in mixed[1:])]
    return [_round(plane, float(shift), spec) for plane, shift in zip(planes, offset[:, 0])]


def _parts(planes: np.ndarray) -> Iterator[np.ndarray]:
    """Views of [C,N] that fit the cache, and are too small for BLAS to call in threads, which wait on busy cores.

    Measured at 1080p beside a process that uses all cores: 4 ms instead of 8.
    """
    for start in range(0, planes.shape[1], _PART):
        yield planes[:, start : start + _PART]


def _code_range(spec: ColourSpec) -> tuple[float, float, float, float]:
    """Integers of luma 0, luma 1 minus luma 0, chroma 0, chroma 1 minus chroma 0."""
    if spec.full_range or spec.layout is Layout.RGB:
        return 0, spec.peak, 1 << (spec.bit_depth - 1), spec.peak
    step = 1 << (spec.bit_depth - 8)
    return 16 * step, 219 * step, 128 * step, 224 * step


def from_rgb_weights(spec: ColourSpec) -> tuple[np.ndarray, np.ndarray]:
    """Weights [P,3] and offset [P,1] from RGB in [0,1] to the unrounded integers of the P planes."""
    black, luma, grey, chroma = _code_range(spec)
    if spec.layout is Layout.RGB:
        return np.eye(3, dtype=np.float32) * np.float32(luma), np.zeros((3, 1), np.float32)
    red, blue = LUMA_WEIGHTS[spec.matrix]
    y = np.array([red, 1 - red - blue, blue])
    u = (np.array([0, 0, 1]) - y) / (2 * (1 - blue))
    v = (np.array([1, 0, 0]) - y) / (2 * (1 - red))
    weights = np.stack([y * luma, u * chroma, v * chroma])
    offset = np.array([[black], [grey], [grey]], np.float32)
    planes = 1 if spec.layout is Layout.GRAY else 3
    return weights[:planes].astype(np.float32), offset[:planes]


def to_rgb_weights(spec: ColourSpec) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `from_rgb_weights`: weights [3,3] and offset [3,1] from plane integers to RGB in [0,1]."""
    if spec.layout is Layout.GRAY:
        black, luma, _, _ = _code_range(spec)
        return np.eye(3, dtype=np.float32) / np.float32(luma), np.full((3, 1), -black / luma, np.float32)
    weights, offset = (part.astype(np.float64) for part in from_rgb_weights(spec))
    inverse = np.linalg.inv(weights)
    return inverse.astype(np.float32), (-inverse @ offset).astype(np.float32)


def _enlarge_chroma(plane: np.ndarray, out: np.ndarray, spec: ColourSpec) -> None:
    """Write a chroma plane at luma positions into `out` [H,W], bilinear; edges repeat."""
    steps = spec.layout.chroma_step
    if steps == (1, 1):
        out[:] = plane
        return
    x, y = (0.0 if cosited or step == 1 else -0.25 for cosited, step in zip(spec.siting.cosited, steps))
    _sample(plane.astype(np.float32), Size(*out.shape[::-1]), [1 / step for step in steps], (x, y), out)


def _shrink_chroma(plane: np.ndarray, spec: ColourSpec) -> np.ndarray:
    """A full-size chroma plane at chroma positions. A triangle is the mean of the boxes to both sides of its tip."""
    steps = spec.layout.chroma_step
    if steps == (1, 1):
        return plane
    size = Size(*(-(-length // step) for length, step in zip(plane.shape[::-1], steps)))
    xs, ys = (_box_centres(step, cosited) for step, cosited in zip(steps, spec.siting.cosited))
    boxes = [_sample(plane, size, steps, (x, y)) for x in xs for y in ys]
    return boxes[0] if len(boxes) == 1 else sum(boxes[1:], boxes[0]) * np.float32(1 / len(boxes))


def _box_centres(step: int, cosited: bool) -> tuple[float, ...]:
    if step == 1:
        return (0.0,)
    return (-0.5, 0.5) if cosited else (0.5,)


def _sample(
    plane: np.ndarray, size: Size, step: Sequence[float], start: tuple[float, float], out: np.ndarray | None = None
) -> np.ndarray:
    """Bilinear samples of `plane` at start + step * (x, y); steps of 1/2 and 2 and quarter starts are exact."""
    where = np.array([[step[0], 0, start[0]], [0, step[1], start[1]]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, where, size, dst=out, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _round(plane: np.ndarray, offset: float, spec: ColourSpec) -> np.ndarray:
    """plane + offset, rounded and held within the bit depth."""
    if spec.bit_depth == 8:
        return cv2.add(plane, offset, dtype=cv2.CV_8U)  # type: ignore[call-overload]  # its stub forgets numbers
    return np.minimum(cv2.add(plane, offset, dtype=cv2.CV_16U), np.uint16(spec.peak))  # type: ignore[call-overload]
