"""Whether a reference shows what a frame shows where a match points, whatever the method thinks of its match.

The papers' methods take the most similar patch of any reference, and add its detail even where it shows something else.
Their own relevance tells little: means over photos of one place and over others overlap. What the frame itself shows
there tells it: fetched along the match and reduced, the reference must have the frame's texture.
"""

import cv2
import numpy as np

from ..correspondence import Correspondence
from ..frames import on_host
from ..media.luma import luma

_FINE = 3.0  # sigma in low-resolution pixels; texture is what a blur of it takes away
_FLAT = 1e-3  # standard deviation of a frame's texture, in [0,1], below which there is nothing to compare


def reduced_luma(picture: np.ndarray, scale: int) -> np.ndarray:
    """The luma of a reference [3,H,W] at the density of a frame, float32 [H/scale,W/scale]."""
    height, width = (max(1, side // scale) for side in picture.shape[1:])
    return cv2.resize(np.ascontiguousarray(luma(picture)), (width, height), interpolation=cv2.INTER_AREA)


def likeness(frame: np.ndarray, reduced: np.ndarray, field: Correspondence, scale: int) -> float:
    """Correlation of a frame's texture, [3,h,w] RGB in [0,1], with that of a reference where its match points.

    reduced: the reference's `reduced_luma`. Of several fields, as AMSA's, each place takes the most relevant one.
    1 where a frame has no texture.
    """
    height, width = frame.shape[1:]
    x, y = np.moveaxis((_for_each_pixel(field, height, width) + 0.5) / scale - 0.5, -1, 0)
    fetched = cv2.remap(
        reduced, np.ascontiguousarray(x), np.ascontiguousarray(y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    seen, shown = (plane - cv2.GaussianBlur(plane, (0, 0), _FINE) for plane in (luma(frame), fetched))
    energy = float((seen * seen).mean())
    if energy < _FLAT**2:
        return 1.0
    return float((seen * shown).mean() / np.sqrt(energy * max(float((shown * shown).mean()), 1e-12)))


def _for_each_pixel(field: Correspondence, height: int, width: int) -> np.ndarray:
    """Positions for every low-resolution pixel, float32 [h,w,2]; means of those of a finer field."""
    positions, relevance = on_host(field.positions), on_host(field.relevance)
    best = relevance.argmax(0)
    positions = np.take_along_axis(positions, best[None, :, :, None], 0)[0]
    return cv2.resize(np.asarray(positions, np.float32), (width, height), interpolation=cv2.INTER_AREA)
