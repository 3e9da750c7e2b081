"""Pictures with known correspondences: a photo and its view under a random homography (C2-Matching, section 3.1).

The paper does not state how wide its homographies are. Its code moves the corners of a box by less than 10 pixels of
160, and the box is as large as the picture but mostly outside of it, so that the picture's own corners move farther.
"""

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np

from ..frames import Size
from ..media.resize import bicubic, degrade
from .pairs import corners_moved, cut, flipped, warped

STRIDE = 4  # of descriptors
SIDE = 160
MOST = 10.0  # pixels that corners move, of SIDE
BORDER = 10.0  # true matches nearer to the edge are left out
Homographies = Literal["published", "near"]


def correspondence_sample(
    load: Callable[[], np.ndarray], rng: np.random.Generator, homographies: str = "published", *, side: int = SIDE
) -> dict[str, np.ndarray]:
    """sharp f32 [3,s,s], frame f32 [3,s,s] (the same reduced by 4 and enlarged again, in 256 levels), reference
    f32 [3,s,s] (the photo under a homography), truth f32 [s/4,s/4,2]: where in the reference, in its pixels, the centre
    of each place of the descriptors is; NaN where that is beyond the picture or near its edge.

    homographies: "published": as C2-Matching's code, after flips, with black beyond the picture's edge. "near": the
    picture's own corners move by up to 10 pixels of 160, and beyond its edge it is mirrored.
    """
    photo = cut(rng, load(), side)
    if homographies == "published":
        (photo,) = flipped(rng, photo)
        homography = box_moved(rng, side)
        reference = warped(photo, homography, cv2.BORDER_CONSTANT)
    else:
        homography = corners_moved(rng, photo.shape[1:], 0, MOST * side / SIDE)
        reference = warped(photo, homography)
    low = (degrade(photo.astype(np.float32) / 255) * 255).round().astype(np.uint8)
    frame = bicubic(low, Size(side, side))
    truth = true_positions(homography, side)
    pictures = {"sharp": photo, "frame": frame, "reference": reference}
    return {name: picture.astype(np.float32) / 255 for name, picture in pictures.items()} | {"truth": truth}


def box_moved(rng: np.random.Generator, side: int) -> np.ndarray:
    """A homography, float64 [3,3], of a picture of so many pixels a side. A box of this size is placed with its top
    left corner 10 to 159 pixels of 160 to the right of the picture's and below it, its corners are moved by 0 to 9
    pixels along both axes, either way, and the homography brings them back."""
    unit = side / SIDE
    corner = rng.integers(int(MOST), SIDE, 2)
    box = corner + SIDE * np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    moved = box + rng.integers(0, int(MOST), (4, 2)) * rng.choice([-1, 1], (4, 2))
    return cv2.getPerspectiveTransform((unit * moved).astype(np.float32), (unit * box).astype(np.float32))


def true_positions(homography: np.ndarray, side: int) -> np.ndarray:
    """Where the centres of a descriptor's places move, float32 [s/4,s/4,2], NaN outside."""
    centres = np.arange(side // STRIDE, dtype=np.float64) * STRIDE + (STRIDE - 1) / 2
    grid = np.stack(np.meshgrid(centres, centres), -1)
    moved = cv2.perspectiveTransform(grid, homography)
    inside = ((moved >= BORDER) & (moved <= side - 1 - BORDER)).all(-1, keepdims=True)
    return np.where(inside, moved, np.nan).astype(np.float32)
