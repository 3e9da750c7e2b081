"""Making a picture small by 4 with a given kernel, as cameras, recorders and scalers do (reduction_kernels.py)."""

import cv2
import numpy as np

from .reduction_kernels import SCALE, TAPS, taps_of

WAYS = ("bicubic", "area", "lanczos", "bilinear", "gauss")
SPREAD = 2.0  # standard deviation of "gauss", output pixels


def reduction_taps(way: str, phase: float = 0.0, spread: float = SPREAD) -> np.ndarray:
    """float32 [24], summing to 1, of one of WAYS; phase in low-resolution pixels, spread of "gauss" in output ones."""
    return taps_of(f"gauss {spread}" if way == "gauss" else way, phase).astype(np.float32)


def papers_taps() -> np.ndarray:
    """float32 [2,24], along y and along x: the antialiased bicubic of the papers."""
    return np.stack([reduction_taps("bicubic")] * 2)


def reduce_by(taps: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Picture [C,4h,4w], uint8 or float of any range -> float32 [C,h,w], neither rounded nor clipped; taps [2,24] along
    y and along x. Edges are repeated."""
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
