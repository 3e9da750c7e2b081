"""A sharp picture beside a frame, taken at no known moment: the form in which it serves as a reference."""

from typing import NamedTuple

import numpy as np

from ..camera.kernels import SCALE
from ..frames import size_of
from .conform import conform
from .sharpness import adds_detail

_FAR = 16.0  # output pixels that a dense search follows by itself
_SMALLEST = 16  # low-resolution pixels of a frame's shorter side, below which there is too little to compare


class Form(NamedTuple):
    """A picture as a reference.

    pixels:  float32 [3,H,W] in [0,1].
    changes: what was done to it, for reports; "" where nothing was.
    valid:   bool [H,W] where it shows anything of its own; None where everywhere.
    useful:  whether it has detail that the frame lacks.
    """

    pixels: np.ndarray
    changes: str = ""
    valid: np.ndarray | None = None
    useful: bool = True


def form_beside(frame: np.ndarray, picture: np.ndarray) -> Form:
    """A picture [3,H,W] of any size for a frame [3,h,w], float32 RGB in [0,1] both: brought to the frame where a global
    transform was found that a dense search would not find by itself, else as it is."""
    if min(frame.shape[1:]) < _SMALLEST:
        return Form(picture)
    conformed = conform(frame, picture)
    transform = conformed.transform
    fits = size_of(picture) == size_of(frame).scaled(SCALE)
    if transform is None or (fits and _reach(transform, picture.shape[1:]) < _FAR):
        same = fits and bool(np.isfinite(conformed.displacement))
        return Form(picture, useful=adds_detail(frame, picture, same))
    useful = adds_detail(frame, conformed.picture, same=True)
    return Form(conformed.picture, conformed.changes(), conformed.valid, useful)


def _reach(transform: np.ndarray, shape: tuple[int, ...]) -> float:
    """How far a transform [2,3] moves the corner that it moves most, in pixels."""
    height, width = shape
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64).T
    return float(np.linalg.norm(transform @ corners - corners[:2], axis=0).max())
