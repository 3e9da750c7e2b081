"""Pictures with known correspondences: a photo and its view under a random homography (C2-Matching, section 3.1)."""

from collections.abc import Callable

import cv2
import numpy as np

from ..frames import Size
from ..media.resize import bicubic, degrade
from .pairs import corners_moved, cut, warped

STRIDE = 4  # of descriptors
SIDE = 160
MOST = 10.0  # pixels that corners move, of SIDE
BORDER = 10.0  # true matches nearer to the edge are left out


def correspondence_sample(
    load: Callable[[], np.ndarray], rng: np.random.Generator, *, side: int = SIDE
) -> dict[str, np.ndarray]:
    """sharp f32 [3,s,s], frame f32 [3,s,s] (the same reduced by 4 and enlarged again, in 256 levels), reference
    f32 [3,s,s] (the photo under a homography), truth f32 [s/4,s/4,2]: where in the reference, in its pixels, the centre
    of each place of the descriptors is; NaN where that is beyond the picture or near its edge."""
    photo = cut(rng, load(), side)
    homography = corners_moved(rng, photo.shape[1:], 0, MOST * side / SIDE)
    reference = warped(photo, homography)
    low = (degrade(photo.astype(np.float32) / 255) * 255).round().astype(np.uint8)
    frame = bicubic(low, Size(side, side))
    truth = true_positions(homography, side)
    pictures = {"sharp": photo, "frame": frame, "reference": reference}
    return {name: picture.astype(np.float32) / 255 for name, picture in pictures.items()} | {"truth": truth}


def true_positions(homography: np.ndarray, side: int) -> np.ndarray:
    """Where the centres of a descriptor's places move, float32 [s/4,s/4,2], NaN outside."""
    centres = np.arange(side // STRIDE, dtype=np.float64) * STRIDE + (STRIDE - 1) / 2
    grid = np.stack(np.meshgrid(centres, centres), -1)
    moved = cv2.perspectiveTransform(grid, homography)
    inside = ((moved >= BORDER) & (moved <= side - 1 - BORDER)).all(-1, keepdims=True)
    return np.where(inside, moved, np.nan).astype(np.float32)
