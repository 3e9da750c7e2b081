"""What the views of a light field tell about each other: one disparity per place of a reference predicts its field in
every view, since positions move in proportion to the steps along rows and columns.

A few views, the probes, are matched freely. Each gives a disparity for every place of the reference; their median is
taken, with what the probes have in common beside it: a smooth motion off the lines (lenses and rigs are not ideal),
and relevance. A further view costs a few look-ups instead of a search.

Coordinates: places (x, y) of the field's own grid, `stride` output pixels apart; a step is (columns, rows) between
two views. A place p of the view at step D from the reference lies at q = p + D * disparity(q) + bend(q) D.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np

from ..matching.seed import pixel_grid

Places = tuple[np.ndarray, np.ndarray]  # x and y, f32 [h,w] each

_ROUNDS = 2  # of the fixed point that carries a map from one view to another; a third changes 0.001 dB
_BENT = 0.3  # places: what lies further off the lines is a wrong match, not a lens
_SMOOTH = 3.0  # places, of the motion off the lines
_SAME = 0.7  # places: two views agree on a disparity within this
_NOISE, _WRONG = 20.0, 6.0  # levels of 255: aliasing alone makes a misfit of the first; beyond it trust falls to 1/e
_ASTRAY = 0.4  # of the motion lies off the lines: the views stand in no such grid


@dataclass(frozen=True, eq=False)
class Probe:
    """A view matched freely. step: (columns, rows) from the reference. places f32 [h,w,2]: where each of its places
    lies in the reference. relevance f32 [h,w]."""

    step: tuple[int, int]
    places: np.ndarray
    relevance: np.ndarray

    @property
    def motion(self) -> np.ndarray:
        """How far each place moves to the reference, [h,w,2]."""
        return self.places - pixel_grid(*self.relevance.shape)

    @cached_property
    def disparity(self) -> np.ndarray:
        """The motion along the line of the step, places per step, on this view's places [h,w]."""
        along = np.array(self.step, np.float32)
        return np.ascontiguousarray(self.motion @ along / (along @ along))


@dataclass(frozen=True, eq=False)
class Prediction:
    """places f32 [h,w,2] in the reference, relevance f32 [h,w], and the mean misfit in levels of 255."""

    places: np.ndarray
    relevance: np.ndarray
    misfit: float


@dataclass(frozen=True, eq=False)
class Parallax:
    """On the places of a reference: disparity f32 [h,w], bend f32 [2,h,w,2] (motion off the lines for one column, one
    row), relevance f32 [h,w], and its luma f32 [h,w], 0..255.

    astray: how much of the probes' motion lies off the lines, as a part of all; see `trusted`.
    """

    disparity: np.ndarray
    bend: np.ndarray
    relevance: np.ndarray
    luma: np.ndarray
    astray: float

    @classmethod
    def of(cls, probes: Sequence[Probe], luma: np.ndarray) -> "Parallax":
        """From one probe or more, on different sides of the reference where there are such."""
        carried = [_carried(probe.disparity, _negative(probe.step)) for probe in probes]
        disparity = np.median(carried, 0).astype(np.float32)
        sources = [_moved(values, _negative(probe.step)) for values, probe in zip(carried, probes)]
        relevances = [look_up(probe.relevance, at) for probe, at in zip(probes, sources)]
        relevance = np.median(relevances, 0).astype(np.float32)
        motions = [look_up(probe.motion, at) for probe, at in zip(probes, sources)]
        along = [disparity[..., None] * np.array(probe.step, np.float32) for probe in probes]
        off = [motion - on_line for motion, on_line in zip(motions, along)]
        bend = _bend(off, [probe.step for probe in probes])
        return cls(disparity, bend, relevance, luma, _astray(off, motions, relevance))

    @property
    def trusted(self) -> bool:
        """Whether the probes moved along the lines that a grid demands; not where rows or columns are mirrored."""
        return self.astray < _ASTRAY

    @cached_property
    def _bends(self) -> np.ndarray:
        """bend as [h,w,4], for one look-up."""
        return np.dstack([self.bend[0], self.bend[1]])

    def followed(self, places: np.ndarray, relevance: np.ndarray, luma: np.ndarray) -> "Parallax":
        """Of another frame, whose view at the reference's place has that luma, and whose places lie at `places`
        [h,w,2] of the reference, with that relevance. Things keep their distance from frame to frame."""
        at = places[..., 0], places[..., 1]
        bend = np.stack([look_up(motion, at) for motion in self.bend])
        return Parallax(look_up(self.disparity, at), bend, relevance, luma, self.astray)

    def per_step(self, step: tuple[int, int]) -> np.ndarray:
        """How far what the view at that step from the reference shows moves, x and y, from one column to the next and
        from one row to the next: places, f32 [h,w,4] on the places of that view."""
        disparity = _carried(self.disparity, step)
        bends = look_up(self._bends, _moved(disparity, step))
        bends[..., 0] += disparity
        bends[..., 3] += disparity
        return -bends

    def predict(self, step: tuple[int, int], luma: np.ndarray) -> Prediction:
        """The field of the view at that step from the reference, whose luma on the field's grid is f32 [h,w]."""
        disparity = _carried(self.disparity, step)
        at = _moved(disparity, step)
        apart = (look_up(self.disparity, at) - disparity) * (max(map(abs, step)) / _SAME)
        relevance = look_up(self.relevance, at) * np.exp(-(apart**2))
        off = look_up(self._bends, at)
        places = np.dstack([at[axis] + off[..., axis] * step[0] + off[..., 2 + axis] * step[1] for axis in (0, 1)])
        misfit = misfit_of(luma, self.luma, places)
        relevance *= np.exp(-np.maximum(misfit - _NOISE, 0) / _WRONG)
        return Prediction(places, relevance, float(misfit.mean()))


def misfit_of(luma: np.ndarray, reference: np.ndarray, places: np.ndarray) -> np.ndarray:
    """How far two pictures f32 [h,w] differ where places [h,w,2] join them, smoothed: f32 [h,w]."""
    moved = cv2.remap(reference, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return cv2.GaussianBlur(cv2.absdiff(luma, moved), (0, 0), 1)


def _carried(values: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    """Disparities of one view on the places of another at `step` from it: d(p) = values(p + step * d(p))."""
    carried = values
    for _ in range(_ROUNDS):
        carried = look_up(values, _moved(carried, step))
    return carried


def _moved(disparity: np.ndarray, step: tuple[int, int]) -> Places:
    """Each place p of [h,w] moved to p + step * d(p)."""
    x, y = _grid(*disparity.shape)
    return x + disparity * np.float32(step[0]), y + disparity * np.float32(step[1])


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> Places:
    """The places themselves; not to be written to."""
    grid = pixel_grid(height, width)
    return np.ascontiguousarray(grid[..., 0]), np.ascontiguousarray(grid[..., 1])


def _bend(off: Sequence[np.ndarray], steps: Sequence[tuple[int, int]]) -> np.ndarray:
    """What motion off the lines grows in proportion with the step, by least squares, smoothed: f32 [2,h,w,2]."""
    inverse = np.linalg.pinv(np.array(steps, np.float32))
    bend = np.tensordot(inverse, np.clip(np.stack(off), -_BENT, _BENT), 1)
    return np.stack([cv2.GaussianBlur(motion.astype(np.float32), (0, 0), _SMOOTH) for motion in bend])


def _astray(off: Sequence[np.ndarray], motions: Sequence[np.ndarray], relevance: np.ndarray) -> float:
    """Of the motion, as a part; where it is below half a place nothing can be said, and nothing is wrong."""
    weight = relevance[..., None] / max(float(relevance.sum()), 1e-6)
    astray, total = (sum(float((np.abs(field) * weight).sum()) for field in fields) for fields in (off, motions))
    return astray / max(total, 0.5 * len(off))


def look_up(values: np.ndarray, at: Places) -> np.ndarray:
    """values f32 [h,w] or [h,w,channels] at places; beyond the edge: its value."""
    return cv2.remap(values, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _negative(step: tuple[int, int]) -> tuple[int, int]:
    return -step[0], -step[1]
