"""Bicubic resize, equal to Pillow's: the degradation every paper of the field means by "bicubic x4".

Keys' cubic with a = -0.5, widened by the factor when shrinking (antialias), horizontal pass first. 8-bit pictures are
resized by Pillow itself, one axis at a time, since Pillow 13 takes the vertical pass first for some sizes.
Beside it, the reduction by area that makes large photos handy.
"""

from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

from ..frames import Size, size_of

_SUPPORT = 2.0
FRACTION_BITS = 22  # Pillow's fixed point for 8-bit pictures


def resized(pixels: np.ndarray, size: Size) -> np.ndarray:
    """Float [3,H,W] resized to `size` with bicubic, kept in [0,1]; the same array where it has that size."""
    return pixels if size_of(pixels) == size else np.clip(bicubic(pixels, size), 0, 1)


def bicubic(pixels: np.ndarray, size: Size) -> np.ndarray:
    """Resize `pixels` [...,H,W]; float is not rounded or clipped, uint8 is rounded after each pass like Pillow's."""
    pass_over = _pass_uint8 if pixels.dtype == np.uint8 else _pass_float
    return pass_over(pass_over(pixels, size.width, axis=-1), size.height, axis=-2)


def to_uint8(pixels: np.ndarray) -> np.ndarray:
    """[0,1] -> 0..255, rounded half up."""
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)


def to_float(pixels: np.ndarray) -> np.ndarray:
    """uint8 or uint16 -> float32 in [0,1]."""
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def degrade(pixels: np.ndarray, scale: int = 4) -> np.ndarray:
    """Float [3,H,W] in [0,1], sides multiples of `scale` -> the papers' low-resolution version: 8-bit bicubic."""
    height, width = pixels.shape[-2:]
    return to_float(bicubic(to_uint8(pixels), Size(width // scale, height // scale)))


def within(pixels: np.ndarray, longest: int) -> np.ndarray:
    """A picture [3,H,W] reduced by area, by the least whole factor that leaves no side longer than `longest`."""
    factor = -(-max(pixels.shape[1:]) // longest)
    if factor == 1:
        return pixels
    size = Size(pixels.shape[2] // factor, pixels.shape[1] // factor)
    return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in pixels])


def crop_to_multiple(pixels: np.ndarray, multiple: int) -> np.ndarray:
    """The top left part of [...,H,W] whose height and width are multiples of `multiple`."""
    height, width = pixels.shape[-2:]
    return pixels[..., : height - height % multiple, : width - width % multiple]


def cubic_kernel(x: np.ndarray) -> np.ndarray:
    """Keys' interpolation kernel with a = -0.5 at distances `x`, in samples."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < _SUPPORT, far, 0.0))


@lru_cache(maxsize=64)
def resize_taps(length: int, target: int) -> tuple[np.ndarray, np.ndarray]:
    """First source index [target] and weights [target, taps] of each output sample; weights sum to 1."""
    scale = length / target
    stretch = max(scale, 1.0)
    centre = (np.arange(target) + 0.5) * scale
    first = np.maximum((centre - _SUPPORT * stretch + 0.5).astype(int), 0)
    last = np.minimum((centre + _SUPPORT * stretch + 0.5).astype(int), length)
    index = np.arange((last - first).max())
    weights = cubic_kernel((first[:, None] + index - centre[:, None] + 0.5) / stretch)
    weights[index >= (last - first)[:, None]] = 0
    return first, weights / weights.sum(1, keepdims=True)


def _pass_float(pixels: np.ndarray, target: int, axis: int) -> np.ndarray:
    length = pixels.shape[axis]
    if length == target:
        return pixels
    first, weights = resize_taps(length, target)
    shape = [1] * pixels.ndim
    shape[axis] = target
    total: np.ndarray = np.zeros((), np.float32)
    for tap, weight in enumerate(weights.astype(np.float32).T):
        total = total + np.take(pixels, np.minimum(first + tap, length - 1), axis=axis) * weight.reshape(shape)
    return total


def _pass_uint8(pixels: np.ndarray, target: int, axis: int) -> np.ndarray:
    *leading, height, width = pixels.shape
    size = (target, height) if axis == -1 else (width, target)
    if size == (width, height):
        return pixels
    planes = [Image.fromarray(plane) for plane in pixels.reshape(-1, height, width)]
    resized_planes = [np.asarray(plane.resize(size, Image.Resampling.BICUBIC)) for plane in planes]
    return np.stack(resized_planes).reshape(*leading, size[1], size[0])


def fixed_point(weights: np.ndarray) -> np.ndarray:
    """Weights as Pillow holds them for 8-bit pictures: int32, FRACTION_BITS behind the point."""
    scaled = weights * (1 << FRACTION_BITS)
    return np.trunc(scaled + np.copysign(0.5, scaled)).astype(np.int32)
