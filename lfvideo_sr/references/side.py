"""The low-resolution side of a reference that has no frame of its own."""

import numpy as np

from ..camera.reduction import papers_taps, reduce_by
from .reference import Side


def papers_side(picture: np.ndarray) -> Side:
    """The side of a reference [3,4h,4w] in [0,1]: its reduction as the papers make it."""
    taps = papers_taps()
    return Side(np.clip(reduce_by(taps, picture), 0, 1), taps)
