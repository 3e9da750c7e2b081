"""Luma of RGB, unrounded: what pictures are compared in. Scores are of `metrics.luma`, which is exact."""

import numpy as np

from .colour import LUMA_WEIGHTS

STUDIO_RANGE = np.float32(219)  # levels from black to white


def luma(picture: np.ndarray) -> np.ndarray:
    """RGB [3,H,W] -> BT.601 luma, float32 [H,W], in the range of what is given."""
    red, blue = LUMA_WEIGHTS[601]
    weights = np.array([[red, 1 - red - blue, blue]], np.float32)
    return (weights @ picture.reshape(3, -1).astype(np.float32, copy=False)).reshape(picture.shape[1:])


def studio_luma(picture: np.ndarray) -> np.ndarray:
    """RGB [3,H,W] in [0,1] -> BT.601 luma, float32 [H,W] in 16..235: `metrics.luma` to a ten-thousandth of a level."""
    return 16 + STUDIO_RANGE * luma(picture)
