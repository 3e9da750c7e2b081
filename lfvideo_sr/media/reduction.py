"""Reduction kernels: how cameras, recorders and scalers make a picture small by 4, as taps along one axis.

Tap k of low-resolution pixel i weighs output pixel 4i + 1.5 + (k - 11.5): the middle of 24 taps is the middle of the
low-resolution pixel. A phase, in low-resolution pixels, moves the kernel to the right or down.
"""

import cv2
import numpy as np

from .resize import cubic_kernel

SCALE = 4
TAPS = 24
SPREAD = 2.0  # standard deviation of "gauss", output pixels


def reduction_taps(way: str, phase: float = 0.0, spread: float = SPREAD) -> np.ndarray:
    """float32 [24], summing to 1, of one of WAYS. spread: standard deviation of "gauss" in output pixels."""
    away = np.arange(TAPS) - (TAPS - 1) / 2 - SCALE * phase
    weights = _WAYS[way](away, spread)
    return (weights / weights.sum()).astype(np.float32)


def papers_taps() -> np.ndarray:
    """float32 [2,24], along y and along x: the antialiased bicubic of the papers."""
    return np.stack([reduction_taps("bicubic")] * 2)


def reduce_by(taps: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Picture [C,4h,4w], uint8 or float of any range -> float32 [C,h,w]; taps [2,24] along y and along x. Edges are
    repeated."""
    down, across = (np.ascontiguousarray(each, np.float32) for each in taps)
    if pixels.dtype != np.uint8:  # of which OpenCV reads a quarter of the bytes
        pixels = pixels.astype(np.float32, copy=False)
    return np.stack([_along(_along(np.ascontiguousarray(plane), across, 1), down, 0) for plane in pixels])


def _along(plane: np.ndarray, taps: np.ndarray, axis: int) -> np.ndarray:
    """One pass; OpenCV's tap k weighs pixel x + k - 12, so the low-resolution pixel i is its x = 4i + 2."""
    still = np.ones(1, np.float32)
    kernels = (taps, still) if axis else (still, taps)
    anchor = (TAPS // 2, 0) if axis else (0, TAPS // 2)
    moved = cv2.sepFilter2D(plane, cv2.CV_32F, *kernels, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    return moved[:, SCALE // 2 :: SCALE] if axis else moved[SCALE // 2 :: SCALE]


def _area(away: np.ndarray, spread: float) -> np.ndarray:
    """The share of each output pixel that a low-resolution pixel covers."""
    return np.clip(SCALE / 2 + 0.5 - np.abs(away), 0, 1)


def _gauss(away: np.ndarray, spread: float) -> np.ndarray:
    """Sampled between two pixels, as a picture that was blurred and then reduced without antialiasing."""
    return sum(np.exp(-((away + side) ** 2) / (2 * spread**2)) for side in (-0.5, 0.5))


def _lanczos(away: np.ndarray, spread: float) -> np.ndarray:
    near = np.abs(away / SCALE) < 3
    return np.where(near, np.sinc(away / SCALE) * np.sinc(away / SCALE / 3), 0)


_WAYS = {
    "bicubic": lambda away, spread: cubic_kernel(away / SCALE),
    "area": _area,
    "lanczos": _lanczos,
    "bilinear": lambda away, spread: np.clip(1 - np.abs(away / SCALE), 0, None),
    "gauss": _gauss,
}
WAYS = tuple(_WAYS)
