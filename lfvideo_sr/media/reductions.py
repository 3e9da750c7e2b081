"""How data sets are made small, by name: bicubic as Pillow has it, and as MATLAB's imresize has it.

The kernel is the same. MATLAB mirrors the picture at its edges, where Pillow leaves out what is beyond them, and takes
rows first.
"""

from collections.abc import Callable, Mapping

import numpy as np

from .resize import cubic_kernel, degrade, to_float, to_uint8

Reduce = Callable[[np.ndarray, int], np.ndarray]  # float [3,H,W] in [0,1], sides multiples of the scale -> 8-bit levels


def matlab_degrade(pixels: np.ndarray, scale: int = 4) -> np.ndarray:
    """Float [3,H,W] in [0,1], sides multiples of `scale` -> what imresize(picture, 1/scale) makes of its 8-bit levels,
    which are rounded after each pass."""
    levels = to_uint8(pixels)
    for axis in (-2, -1):
        levels = _reduced(levels, scale, axis)
    return to_float(levels)


def _reduced(levels: np.ndarray, scale: int, axis: int) -> np.ndarray:
    taps = cubic_kernel((np.arange(4 * scale) - 2 * scale + 0.5) / scale)
    taps /= taps.sum()
    beyond = (len(taps) - scale) // 2
    edges = [(0, 0)] * levels.ndim
    edges[axis] = (beyond, beyond)
    padded = np.moveaxis(np.pad(levels, edges, mode="symmetric"), axis, -1).astype(np.float64)
    places = levels.shape[axis] // scale
    total = sum(
        weight * padded[..., tap : tap + scale * places : scale][..., :places] for tap, weight in enumerate(taps)
    )
    return np.moveaxis(np.clip(np.floor(total + 0.5), 0, 255).astype(np.uint8), -1, axis)


REDUCTIONS: Mapping[str, Reduce] = {"pillow": degrade, "matlab": matlab_degrade}
