"""Whether the rows and columns of a grid are the right way round, judged by how things move from view to view.

Near things move left (up) by their disparity as the column (row) grows, and by the same number along both. So motion
from column to column that goes along y means that rows and columns are exchanged; disparities that are opposite along
rows and columns mean that one of them is mirrored. Both mirrored look like a scene turned inside out: only what hides
what can decide that, and it shows which one, too.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..frames import View
from ..matching.flow import DenseFlow, gray
from ..matching.seed import pixel_grid
from .field import LightField
from .samples import is_empty

_ENLARGED = 2  # classical flow sees fractions of a pixel better on enlarged pictures
_APART = 0.3  # enlarged pixels per view: surfaces that are to hide each other differ by at least this much
_AROUND = 9  # enlarged pixels: a hidden place is no further than half of this from what hides it
_UNSEEN, _SEEN = 6.0, 3.0  # levels of 255: misfits of what is hidden, and of what is not
_CLEAR = 0.15  # of all votes: the lead that settles what hides what
_VOTES = 300  # fewer settle nothing
_MOVING = 0.04  # pixels per view: below this everything is in the focal plane
_AGREE = 0.3  # correlation of the disparities along rows and columns


@dataclass(frozen=True)
class AxisMotion:
    """What a pair of views says along one axis of the grid.

    disparity f32 [h,w]: pixels per view along the axis the motion should have, near positive. across: the mean motion
    along the other axis. along: that along its own. front: -1..1, whether what has the larger disparity hides what
    has the smaller one (1), the other way round (-1), or that is unknown (0).
    """

    disparity: np.ndarray
    along: float
    across: float
    front: float


@dataclass(frozen=True)
class Verdict:
    """disparity: lowest and highest, 1st and 99th percentile, pixels per view; None where no axis has two views.

    problem: "" where nothing is wrong, else one line; mirror, transpose: what puts it right. sure: False where the
    pictures do not say enough.
    """

    disparity: tuple[float, float] | None
    problem: str = ""
    mirror: tuple[str, ...] = ()
    transpose: bool = False
    sure: bool = True
    note: str = ""


def check_grid(field: LightField) -> Verdict:
    """Look at the centre and its neighbours."""
    horizontal, vertical = _motion(field, 0), _motion(field, 1)
    motions = [motion for motion in (horizontal, vertical) if motion is not None]
    if not motions:
        return Verdict(None, sure=False, note="a single view: there is no disparity")
    values = np.concatenate([motion.disparity.ravel() for motion in motions])
    spread = (round(float(np.percentile(values, 1)), 2), round(float(np.percentile(values, 99)), 2))
    if max(motion.along + motion.across for motion in motions) < _MOVING:
        return Verdict(spread, sure=False, note="views hardly differ: the grid's sense is unknown")
    if all(motion.across > 1.5 * motion.along for motion in motions):
        return Verdict(spread, "things move down from column to column: rows and columns are exchanged", (), True)
    if horizontal is None or vertical is None:
        return _one_axis(spread, motions[0], "columns" if vertical is None else "rows")
    return _both_axes(spread, horizontal, vertical)


def _one_axis(spread: tuple[float, float], motion: AxisMotion, name: str) -> Verdict:
    if motion.front < 0:
        return Verdict(spread, f"far things hide near ones: {name} are mirrored", (name,))
    return Verdict(spread, sure=motion.front > 0, note="" if motion.front > 0 else "nothing shows what hides what")


def _both_axes(spread: tuple[float, float], horizontal: AxisMotion, vertical: AxisMotion) -> Verdict:
    agreement = float(np.sum(horizontal.disparity * vertical.disparity)) / max(
        float(np.linalg.norm(horizontal.disparity) * np.linalg.norm(vertical.disparity)), 1e-9
    )
    if abs(agreement) < _AGREE:
        return Verdict(spread, sure=False, note="disparities along rows and columns are unlike each other")
    if agreement > 0:
        if horizontal.front + vertical.front < 0:
            return Verdict(spread, "far things hide near ones: rows and columns are mirrored", ("rows", "columns"))
        sure = horizontal.front + vertical.front > 0
        return Verdict(spread, sure=sure, note="" if sure else "nothing shows what hides what")
    name = "rows" if horizontal.front > vertical.front else "columns"
    sure = horizontal.front != vertical.front
    note = "" if sure else "nothing shows what hides what: it may be rows as well"
    return Verdict(
        spread, f"disparities along rows and columns are opposite: {name} are mirrored", (name,), sure=sure, note=note
    )


def _neighbours(field: LightField, axis: int, view: np.ndarray) -> tuple[int, int] | None:
    """How many steps it is from the centre, whose picture is given, to a view before and one behind it along an axis
    (0: columns), two where there are so many; of a single one on both sides the same. Views that show nothing do not
    count. None where there is no other view."""
    grid, centre = field.info.grid, field.info.grid.centre
    names, middle = (grid.columns, centre.column) if axis == 0 else (grid.rows, centre.row)
    steps = [name - middle for name in names if name != middle and _beside(centre, axis, name - middle) in grid]
    steps.sort(key=lambda step: (abs(abs(step) - 2), abs(step)))
    shown = (step for step in steps if not is_empty(field.read(_beside(centre, axis, step)), view))
    ends: dict[bool, int] = {}
    for step in shown:
        ends.setdefault(step > 0, step)
        if len(ends) == 2:
            break
    return (min(ends.values()), max(ends.values())) if ends else None


def _motion(field: LightField, axis: int) -> AxisMotion | None:
    centre = field.info.grid.centre
    pixels = field.read(centre)
    steps = _neighbours(field, axis, pixels)
    if steps is None:
        return None
    view = _enlarged(pixels)
    sides = [_Side.of(view, _enlarged(field.read(_beside(centre, axis, step))), step, axis) for step in steps]
    disparity = (sides[0].disparity + sides[1].disparity) / 2
    along, across = (_mean_motion(sides, coordinate) for coordinate in (axis, 1 - axis))
    front = _front(*sides) if steps[0] != steps[1] else 0.0
    return AxisMotion(disparity / _ENLARGED, along / _ENLARGED, across / _ENLARGED, front)


def _mean_motion(sides: "list[_Side]", coordinate: int) -> float:
    """Enlarged pixels per view along x (coordinate 0) or y (1)."""
    return float(np.mean([np.abs(side.flow[..., coordinate]).mean() / abs(side.step) for side in sides]))


def _beside(view: View, axis: int, step: int) -> View:
    return View(view.row, view.column + step) if axis == 0 else View(view.row + step, view.column)


@dataclass(frozen=True)
class _Side:
    """From the centre to a view at `step`: flow f32 [h,w,2], the disparity it means, and what does not fit, 0..255."""

    step: int
    flow: np.ndarray
    disparity: np.ndarray
    misfit: np.ndarray

    @classmethod
    def of(cls, view: np.ndarray, other: np.ndarray, step: int, axis: int) -> "_Side":
        flow = DenseFlow()(view, other)
        places = pixel_grid(*view.shape) + flow
        warped = cv2.remap(other, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        misfit = cv2.GaussianBlur(cv2.absdiff(view, warped).astype(np.float32), (0, 0), 1)
        return cls(step, flow, -flow[..., axis] / step, misfit)


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    return cv2.resize(gray(pixels), None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC)


def _front(first: _Side, second: _Side) -> float:
    """What is seen from one side and not from the other is hidden there. Of the two surfaces at such a place, has it
    the smaller disparity, as the farther one must?"""
    votes = np.concatenate([_hidden_votes(first, second), _hidden_votes(second, first)])
    if len(votes) < _VOTES:
        return 0.0
    lead = float(votes.mean())
    return lead if abs(lead) > _CLEAR else 0.0


def _hidden_votes(hides: _Side, shows: _Side) -> np.ndarray:
    """1 where a hidden place has the smaller disparity of those around it, -1 the larger; of those that count."""
    window = np.ones((_AROUND, _AROUND), np.uint8)
    low, high = cv2.erode(shows.disparity, window), cv2.dilate(shows.disparity, window)
    hidden = (hides.misfit > _UNSEEN) & (shows.misfit < _SEEN) & (high - low > _APART)
    place = (shows.disparity[hidden] - low[hidden]) / (high - low)[hidden]
    return 1 - 2 * place
