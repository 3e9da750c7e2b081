"""The disparity of a light field's view, from several of its neighbours at once, by a plane sweep: the neighbours are
moved onto the view as planes of many disparities would have it, and each place takes the plane on which they agree.

Disparity is how far a place moves, in low-resolution pixels, from one column (and one row) to the next. Near things
move left (up) as the column (row) grows, so a place p of the view is at p - disparity * step in a neighbour.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

WIDEST = 4.0  # pixels: a neighbour next to the view moves by this at most
_APART = 0.35  # pixels by which the farthest neighbour moves from one plane to the next
_MOST_PLANES = 96
_DIFFERENT = 24.0  # levels of luma: a larger difference costs no more
_FLAT = 3.0  # pixels: changes of brightness over larger areas are left out of the comparison
_WINDOW = 0.8  # pixels, standard deviation of the window that agrees on a plane
_TEXTURED = 3.0  # levels, standard deviation: places with less have no disparity
_SPREAD = 0.5  # percent of textured places beyond either end of the range
_BESIDE = 0.3  # pixels that the range is widened by


class Neighbour(NamedTuple):
    """A neighbour of a view. luma: f32 [h,w], 0..255. step: (columns, rows) from the view to it."""

    luma: np.ndarray
    step: tuple[float, float]

    @property
    def length(self) -> float:
        """Of the longer of both steps."""
        return max(map(abs, self.step))


class Swept(NamedTuple):
    """What a sweep finds. disparity: f32 [h,w]. unlike: the share of the view's texture that is not in the neighbours,
    about 0.02 of clean views, 0.5 of noisy ones, and 0.8 or more of pictures of different things."""

    disparity: np.ndarray
    unlike: float


def disparity_range(luma: np.ndarray, neighbours: Sequence[Neighbour]) -> tuple[float, float] | None:
    """The least and the largest disparity of a view f32 [h,w], 0..255, by its nearest neighbours; None where nothing in
    it has texture."""
    nearest = sorted(neighbours, key=lambda neighbour: neighbour.length)[:4]
    unit = nearest[0].length
    textured = texture_of(luma) > _TEXTURED
    if not textured.any():
        return None
    found = sweep(luma, nearest, (-WIDEST / unit, WIDEST / unit)).disparity[textured]
    low, high = np.percentile(found, [_SPREAD, 100 - _SPREAD])
    return float(low) - _BESIDE / unit, float(high) + _BESIDE / unit


def sweep(luma: np.ndarray, neighbours: Sequence[Neighbour], bounds: tuple[float, float]) -> Swept:
    """The disparity of each place of a view f32 [h,w], 0..255, within bounds, to a fraction of the planes' distance."""
    planes = _planes(bounds, max(neighbour.length for neighbour in neighbours))
    view = _without_flat(luma)
    others = [Neighbour(_without_flat(neighbour.luma), neighbour.step) for neighbour in neighbours]
    costs = np.stack([_cost(view, others, float(plane)) for plane in planes])
    texture = np.minimum(2 * np.square(view), _DIFFERENT**2).mean()  # what unlike pictures of so much texture differ by
    return Swept(_best(costs, planes), float(costs.min(0).mean() / max(texture, 1e-6)))


def texture_of(luma: np.ndarray) -> np.ndarray:
    """Standard deviation of a luma f32 [h,w] round each place, f32 [h,w]."""
    mean, square = (cv2.GaussianBlur(part, (0, 0), _WINDOW) for part in (luma, luma * luma))
    return np.sqrt(np.maximum(square - mean * mean, 0))


def _planes(bounds: tuple[float, float], longest: float) -> np.ndarray:
    low, high = bounds
    count = min(_MOST_PLANES, max(3, 1 + int(np.ceil((high - low) * longest / _APART))))
    return np.linspace(low, high, count)


def _without_flat(luma: np.ndarray) -> np.ndarray:
    return luma - cv2.GaussianBlur(luma, (0, 0), _FLAT)


def _cost(view: np.ndarray, neighbours: Sequence[Neighbour], plane: float) -> np.ndarray:
    """Mean squared difference between a view and its neighbours, moved onto it as a plane of this disparity, smoothed:
    f32 [h,w]. Where a neighbour shows nothing, the difference is the largest there is."""
    height, width = view.shape
    total = np.zeros_like(view)
    for luma, (across, down) in neighbours:
        moves = np.array([[1, 0, -plane * across], [0, 1, -plane * down]], np.float32)
        moved = cv2.warpAffine(
            luma, moves, (width, height), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        total += np.minimum(np.square(moved - view), _DIFFERENT**2)
    return cv2.GaussianBlur(total / np.float32(len(neighbours)), (0, 0), _WINDOW)


def _best(costs: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """The disparity at each place: that of the plane of least cost [planes,h,w], moved to the least of the parabola
    through it and the planes beside it."""
    best = costs.argmin(0)
    middle = best.clip(1, len(planes) - 2)
    before, at, after = (np.take_along_axis(costs, middle[None] + beside, 0)[0] for beside in (-1, 0, 1))
    curve = before - 2 * at + after
    bent = np.where(curve > 0, curve, 1)
    shift = np.where(curve > 0, 0.5 * (before - after) / bent, best - middle).clip(-1, 1)
    disparity = planes[0] + (middle + shift) * (planes[1] - planes[0])
    smoothed: np.ndarray = cv2.medianBlur(disparity.astype(np.float32), 5)
    return smoothed
