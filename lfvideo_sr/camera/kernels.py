"""The kernels by which pictures are commonly made four times smaller, as taps of one axis.

A kernel has TAPS taps. Tap k of low-resolution pixel i weighs output pixel 4*i + 1.5 + (k - 11.5) = 4*i - 10 + k.
Its phase is how far its centre is beyond the low-resolution pixel's own, in low-resolution pixels: 0.5 is two output
pixels further right or down.
"""

from collections.abc import Callable

import numpy as np

from ..media.resize import cubic_kernel

SCALE = 4
TAPS = 24
BEFORE = 10  # taps before output pixel 4*i
OFFSETS = np.arange(TAPS) - (TAPS - 1) / 2  # of the taps from the low-resolution pixel's centre, in output pixels


def _area(x: np.ndarray) -> np.ndarray:
    """How much of each output pixel the low-resolution pixel covers."""
    return np.clip(np.minimum(x + 0.5, SCALE / 2) - np.maximum(x - 0.5, -SCALE / 2), 0, None)


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 3 * SCALE, np.sinc(x / SCALE) * np.sinc(x / (3 * SCALE)), 0)


def _bilinear(x: np.ndarray) -> np.ndarray:
    return np.clip(1 - np.abs(x) / SCALE, 0, None)


SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bicubic": lambda x: cubic_kernel(x / SCALE),  # antialiased, as papers reduce
    "area": _area,
    "lanczos": _lanczos,  # FFmpeg's, with a = 3
    "bilinear": _bilinear,  # FFmpeg's triangle
}
SIGMAS = np.arange(1.0, 3.51, 0.125)  # of Gaussians that are distinguished, in output pixels


def taps_of(name: str, phase: float | np.ndarray = 0.0) -> np.ndarray:
    """The taps of one of SHAPES, or of "gauss 2.0" (sigma in output pixels): float64 [24], [...,24] for phases [...].

    They sum to 1. Phases are in low-resolution pixels, within -1 .. 1.
    """
    x = OFFSETS - SCALE * np.asarray(phase)[..., None]
    if name.startswith("gauss "):
        weights = np.exp(-((x / float(name.removeprefix("gauss "))) ** 2) / 2)
    else:
        weights = SHAPES[name](x)
    return weights / weights.sum(-1, keepdims=True)


NAMES = (*SHAPES, *(f"gauss {sigma:g}" for sigma in SIGMAS))


def nearest(taps: np.ndarray) -> tuple[str, float, float]:
    """The kernel of NAMES that taps [24] come nearest to, its phase, and how far they are from it: the length of the
    difference as a share of the length of the taps."""
    phases = np.linspace(-1, 1, 201)
    candidates = []
    for name in NAMES:
        far = np.linalg.norm(taps_of(name, phases) - taps, axis=1)
        best = int(far.argmin())
        candidates.append((float(far[best] / np.linalg.norm(taps)), name, float(phases[best])))
    far_off, name, phase = min(candidates)
    return name, phase, far_off
