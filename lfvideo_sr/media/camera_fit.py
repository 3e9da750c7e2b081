"""The camera of a stream, estimated from pairs of a sharp picture and the frame of the same moment as they come.

Each pair is kept as what least squares needs of it: how the 24x24 output pixels about a low-resolution pixel vary
together, and with that pixel, over the places that tell most. From this the misfit of any kernel follows at once, so that
known kernels are compared at every phase, and free taps are found along y and x in turn, held to the best known kernel
where the data tell little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ..errors import ShapeError
from ..frames import size_of
from .camera import CameraModel
from .colour import LUMA_WEIGHTS
from .colour_transfer import BRIGHTEST, DARKEST, ColourTransfer, fit_colours, tukey
from .reduction_kernels import BEFORE, NAMES, SCALE, TAPS, taps_of

_PLACES = 2000  # of a pair
_CELL = 4  # low-resolution pixels; one place is taken of each square of so many, so that they lie everywhere
_MARGIN = 3  # low-resolution pixels at each side whose taps reach beyond the picture
_MOST_PAIRS = 8
_PHASES = np.linspace(-1, 1, 81)  # low-resolution pixels
_SAME_PHASE = 0.15  # low-resolution pixels; a pair that is further from the others was not taken at the same moment
_USABLE = 0.5  # share of the variation of the frame that the best known kernel has to explain
_BLOCK = 8  # low-resolution pixels to a side over which colours are averaged
_ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Moments:
    """Second moments of places of a pair, about their means: of the output pixels round each, [576,576]; of these with
    the low-resolution pixel, [576]; of that pixel. `count` is the number of places that they stand for."""

    pixels: np.ndarray
    cross: np.ndarray
    frame: float
    count: float

    def along(self, other: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """What is left for the taps of one axis (0: y) where those of the other are known: [24,24] and [24]."""
        pixels = self.pixels.reshape([TAPS] * 4)
        cross = self.cross.reshape(TAPS, TAPS)
        if axis == 0:
            return np.tensordot(np.tensordot(pixels, other, (3, 0)), other, (1, 0)), cross @ other
        return np.tensordot(np.tensordot(pixels, other, (2, 0)), other, (0, 0)), cross.T @ other


def misfit(moments: Moments, pixels: np.ndarray, cross: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Share of the frame's variation that taps [...,24] along one axis leave unexplained, whatever the gain."""
    explained = np.clip(taps @ cross, 0, None) ** 2 / np.maximum(((taps @ pixels) * taps).sum(-1), 1e-12)
    return 1 - explained / moments.frame


def combined(many: Sequence[Moments], trust: Sequence[float]) -> Moments:
    """One, each weighed by its trust."""
    return Moments(
        sum(t * one.pixels for t, one in zip(trust, many)),
        sum(t * one.cross for t, one in zip(trust, many)),
        float(sum(t * one.frame for t, one in zip(trust, many))),
        sum(one.count for one in many),
    )


@dataclass(frozen=True)
class Known:
    """A known kernel that fits: its name, its phases along y and x, and the share of variation that it leaves."""

    name: str
    phases: tuple[float, float]
    left: float

    def taps(self) -> np.ndarray:
        """Float64 [2,24]."""
        return np.stack([taps_of(self.name, phase) for phase in self.phases])


def best_known(moments: Moments, names: Sequence[str] = NAMES) -> Known:
    """The known kernel and the phases that fit best; the papers' where no other fits clearly better."""
    found = {}
    start = _phase_found(moments, "bicubic", (0.0, 0.0), rounds=3)
    for name in names:
        found[name] = _phase_found(moments, name, start.phases, rounds=1)
    best = min(found.values(), key=lambda known: known.left)
    return found["bicubic"] if "bicubic" in found and found["bicubic"].left < _CLEARLY * best.left else best


_CLEARLY = 1.02


def _phase_found(moments: Moments, name: str, phases: tuple[float, float], rounds: int) -> Known:
    table = taps_of(name, _PHASES)
    now, left = list(phases), 1.0
    for axis in [0, 1] * rounds:
        other = taps_of(name, now[1 - axis])
        misfits = misfit(moments, *moments.along(other, axis), table)
        at = int(misfits.argmin())
        now[axis], left = _between(misfits, at), float(misfits[at])
    return Known(name, (now[0], now[1]), left)


def _between(misfits: np.ndarray, at: int) -> float:
    """The phase at the lowest point of the parabola through a least misfit and its neighbours."""
    if not 0 < at < len(misfits) - 1:
        return float(_PHASES[at])
    before, here, after = misfits[at - 1 : at + 2]
    bend = before - 2 * here + after
    step = 0.0 if bend <= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
    return float(_PHASES[at] + step * (_PHASES[1] - _PHASES[0]))


def free_taps(moments: Moments, known: Known, stiffness: float) -> np.ndarray:
    """Taps [2,24] by least squares along y and x in turn, held to those of a known kernel.

    stiffness: how much a place that the known kernel leaves unexplained counts against a departure from it.
    """
    start = known.taps()
    taps = start.copy()
    bending = np.diff(np.eye(TAPS), 2, axis=0)
    hold = stiffness * known.left * moments.frame * (np.eye(TAPS) + 4 * bending.T @ bending) / moments.count
    gain = 1.0
    for axis in [0, 1] * _ROUNDS:
        pixels, cross = moments.along(taps[1 - axis], axis)
        gain = float(taps[axis] @ cross) / max(float(taps[axis] @ pixels @ taps[axis]), 1e-12)
        new = np.linalg.solve(pixels + hold, cross / gain + hold @ start[axis])
        taps[axis] = new / new.sum()
    return taps


class CameraFit:
    """Estimates the camera of a stream while its references come."""

    def __init__(self) -> None:
        self._pairs: list[Pair] = []
        self._model: CameraModel | None = None

    def add(self, frame: np.ndarray, reference: np.ndarray) -> bool:
        """Take in a frame [3,h,w] and the picture [3,4h,4w] of the same moment, both float32 RGB in [0,1].

        False where they tell nothing and are not used: still too flat, or the picture shows something else. Places that
        do not fit (something has moved between the two) count for nothing.
        """
        if size_of(reference) != size_of(frame).scaled(SCALE):
            raise ShapeError(
                f"a frame of {size_of(frame)} with a picture of {size_of(reference)}; "
                f"one of {size_of(frame).scaled(SCALE)} is wanted: conform it first"
            )
        pair = _pair_of(frame, reference, self.model.taps)
        if pair is None:
            return False
        self._pairs = [*self._pairs, pair]
        if len(self._pairs) > _MOST_PAIRS:
            self._pairs.remove(self._oddest())
        self._model = None
        return True

    @property
    def pairs(self) -> int:
        """How many pairs the estimate stands on."""
        return len(self._agreeing())

    @property
    def model(self) -> CameraModel:
        """The present estimate; the papers' where there was no pair yet."""
        if self._model is None:
            self._model = self._estimated() if self._pairs else CameraModel.papers()
        return self._model

    def _estimated(self) -> CameraModel:
        pairs = self._agreeing()
        moments = combined([one.moments for one in pairs], [one.trust for one in pairs])
        taps = free_taps(moments, best_known(moments), STIFFNESS)
        colours = fit_colours(*(np.concatenate([one.colours[k] for one in pairs]) for k in (0, 1)))
        return CameraModel(taps.astype(np.float32), linear_part(colours))

    def _centre(self) -> np.ndarray:
        return np.median([one.known.phases for one in self._pairs], axis=0)

    def _agreeing(self) -> "list[Pair]":
        """The pairs whose phase is that of most: in the others everything has moved."""
        centre = self._centre() if self._pairs else np.zeros(2)
        near = [one for one in self._pairs if np.abs(one.known.phases - centre).max() <= _SAME_PHASE]
        return near or self._pairs[-1:]

    def _oddest(self) -> "Pair":
        """Of the pairs the one whose phase is furthest from the others', or else the oldest."""
        centre = self._centre()
        far = [max(float(np.abs(one.known.phases - centre).max()) - _SAME_PHASE, 0) for one in self._pairs]
        return self._pairs[int(np.argmax(far))]


STIFFNESS = 30.0


@dataclass(frozen=True, eq=False)
class Pair:
    """What is kept of a frame and its picture: moments of luma, the known kernel that fits them, colours of blocks."""

    moments: Moments
    known: Known
    colours: tuple[np.ndarray, np.ndarray]  # of the picture and of the frame, [n,3] each

    @cached_property
    def trust(self) -> float:
        """The inverse of the variance that the known kernel leaves, so that sharp and clean pairs tell most."""
        return 1 / (self.known.left * self.moments.frame / self.moments.count + 1e-8) / self.moments.count


def _pair_of(frame: np.ndarray, reference: np.ndarray, taps: np.ndarray) -> Pair | None:
    places, values = _telling_places(luma(frame), luma(reference))
    if len(values) < 8 * TAPS:
        return None
    kernel, weights = np.outer(taps[0], taps[1]).reshape(-1), np.ones(len(values), np.float32)
    for _ in range(2):
        weights = _weights(places @ kernel.astype(np.float32), values, weights)
        moments = _moments_of(places, values, weights)
        known = best_known(moments, ("bicubic", "gauss 2"))
        kernel = np.outer(*known.taps()).reshape(-1)
    known = best_known(moments)
    if known.left > 1 - _USABLE:
        return None
    return Pair(moments, known, (block_colours(reference, _BLOCK * SCALE), block_colours(frame, _BLOCK)))


def _telling_places(frame: np.ndarray, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the lumas [h,w] and [4h,4w] the places with most detail: output pixels [n,576] and frame pixels [n], less 0.5."""
    height, width = frame.shape
    detail = np.abs(cv2.Sobel(frame, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(frame, cv2.CV_32F, 0, 1))
    detail[(frame < DARKEST) | (frame > BRIGHTEST)] = 0
    bottom, right = (_MARGIN + (side - 2 * _MARGIN) // _CELL * _CELL for side in (height, width))
    if bottom <= _MARGIN or right <= _MARGIN:
        return np.empty((0, TAPS * TAPS), np.float32), np.empty(0, np.float32)
    rows, columns = (bottom - _MARGIN) // _CELL, (right - _MARGIN) // _CELL
    cells = detail[_MARGIN:bottom, _MARGIN:right].reshape(rows, _CELL, columns, _CELL).swapaxes(1, 2)
    cells = cells.reshape(rows * columns, _CELL * _CELL)
    most = cells.argmax(1)
    chosen = np.argsort(-cells.max(1), kind="stable")[:_PLACES]
    chosen = chosen[cells.max(1)[chosen] > 0]
    y = _MARGIN + chosen // columns * _CELL + most[chosen] // _CELL
    x = _MARGIN + chosen % columns * _CELL + most[chosen] % _CELL
    windows = np.lib.stride_tricks.sliding_window_view(picture, (TAPS, TAPS))
    around = windows[SCALE * y - BEFORE, SCALE * x - BEFORE].reshape(len(y), -1)
    return around - np.float32(0.5), frame[y, x] - np.float32(0.5)


def _weights(told: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of places, by how well what a kernel tells of them fits after the best gain and offset."""
    gain, offset = np.polyfit(told, values, 1, w=np.sqrt(weights) + 1e-6)
    return tukey(np.abs(values - gain * told - offset)).astype(np.float32)


def _moments_of(places: np.ndarray, values: np.ndarray, weights: np.ndarray) -> Moments:
    count = float(weights.sum())
    places = places - weights @ places / count
    values = values - weights @ values / count
    weighted = places * weights[:, None]
    return Moments(weighted.T @ places, weighted.T @ values, float(weights @ values**2), count)


def block_colours(picture: np.ndarray, side: int) -> np.ndarray:
    """Mean colours [n,3] of the squares of `side` pixels of a picture [3,H,W], from the top left."""
    rows, columns = picture.shape[1] // side, picture.shape[2] // side
    whole = np.ascontiguousarray(picture[:, : rows * side, : columns * side])
    means = [cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA) for plane in whole]
    return np.stack(means, -1).reshape(-1, 3)


def luma(picture: np.ndarray) -> np.ndarray:
    """RGB [3,H,W] -> BT.601 luma, float32 [H,W], unrounded."""
    red, blue = LUMA_WEIGHTS[601]
    weights = np.array([[red, 1 - red - blue, blue]], np.float32)
    return (weights @ picture.reshape(3, -1).astype(np.float32, copy=False)).reshape(picture.shape[1:])


def linear_part(colours: ColourTransfer) -> np.ndarray:
    """The matrix of a change of colours; a gamma is approximated by its tangent in middle grey."""
    if colours.gamma == 1:
        return colours.matrix
    slope = colours.gamma * 0.5 ** (colours.gamma - 1)
    matrix = colours.matrix.copy()
    matrix[:, 3] += matrix[:, :3].sum(1) * (0.5**colours.gamma - 0.5 * slope)
    matrix[:, :3] *= slope
    return matrix
