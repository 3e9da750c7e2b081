"""Making a picture small by 4 with a given kernel, as cameras, recorders and scalers do (kernels.py)."""

import cv2
import numpy as np

from .kernels import BEFORE, SCALE, TAPS, taps_of

WAYS = ("bicubic", "area", "lanczos", "bilinear", "gauss")
_FEW = 0.25  # of a kernel's weight
SPREAD = 2.0  # standard deviation of "gauss", output pixels


def reduction_taps(way: str, phase: float = 0.0, spread: float = SPREAD) -> np.ndarray:
    """float32 [24], summing to 1, of one of WAYS; phase in low-resolution pixels, spread of "gauss" in output ones."""
    return taps_of(f"gauss {spread}" if way == "gauss" else way, phase).astype(np.float32)


def papers_taps() -> np.ndarray:
    """float32 [2,24], along y and along x: the antialiased bicubic of the papers."""
    return np.stack([reduction_taps("bicubic")] * 2)


def reduce_by(taps: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Picture [C,4h,4w], uint8 or float of any range -> float32 [C,h,w], neither rounded nor clipped; taps [2,24] along
    y and along x.

    Beyond an edge there is nothing: the taps inside are scaled to sum to 1, as Pillow's are; where next to none are
    inside (a phase of almost 1), the rest of them weigh the edge.
    """
    down, across = (np.ascontiguousarray(each, np.float32) for each in taps)
    if pixels.dtype != np.uint8:  # of which OpenCV reads a quarter of the bytes
        pixels = pixels.astype(np.float32, copy=False)
    return np.stack([_along(_along(np.ascontiguousarray(plane), across, 1), down, 0) for plane in pixels])


def _along(plane: np.ndarray, taps: np.ndarray, axis: int) -> np.ndarray:
    """One pass; OpenCV's tap k weighs pixel x + k - 12, so the low-resolution pixel i is its x = 4i + 2."""
    still = np.ones(1, np.float32)
    across, down, anchor = (taps, still, (TAPS // 2, 0)) if axis else (still, taps, (0, TAPS // 2))
    moved = cv2.sepFilter2D(plane, cv2.CV_32F, across, down, anchor=anchor, borderType=cv2.BORDER_CONSTANT)
    count = plane.shape[axis] // SCALE
    total = moved.take(SCALE * np.arange(count) + SCALE // 2, axis)
    inside = _inside(taps, count)
    few, half = np.abs(inside) < _FEW, np.arange(count) < count // 2
    shape = (1, -1) if axis else (-1, 1)
    if few.any():
        edge = np.where(half.reshape(shape), plane.take([0], axis), plane.take([-1], axis))
        total = total + np.where(few, 1 - inside, 0).reshape(shape).astype(np.float32) * edge
    return total / np.where(few, 1, inside).reshape(shape).astype(np.float32)


def _inside(taps: np.ndarray, count: int) -> np.ndarray:
    """How much of the kernel's weight is inside, for each of so many low-resolution pixels of a line."""
    places = SCALE * np.arange(count)[:, None] - BEFORE + np.arange(TAPS)
    return ((places >= 0) & (places < SCALE * count)) @ taps
