"""Views of cameras that differ in exposure, white balance or gamma, brought to the colours of one of them and back.

All views show the same things, so that the colours of two of them are distributed alike, wherever each thing is. A
power law for each channel brings one distribution to the other.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from ..frames import View, size_of
from ..lightfields.samples import is_empty
from ..media.resize import bicubic

_QUANTILES = np.linspace(0.1, 0.9, 17)
_BLACK = 2 / 255  # added to colours: what is near black has no ratio
_ENOUGH = 40000  # pixels to look at
_SEEN = 0.04  # of brightness in some channel: smaller differences come from what moves in and out of the picture
_MOST = 3.0  # times as bright: more is no camera of the same grid
_LOWERED = 0.8  # of what colours are apart: what leaves more is no camera's doing, but things in and out of the picture
_SMALL = (8, 6)  # width and height
_BENT = 0.5  # of what a gain alone leaves: a gamma is only taken where it leaves less

Read = Callable[[View, int], np.ndarray]


@dataclass(frozen=True, eq=False)
class ColourChange:
    """gain, gamma: f32 [3,1,1]: a colour v of a view, from `_BLACK` up, is gain * v ** gamma in the others' colours."""

    gain: np.ndarray
    gamma: np.ndarray

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """[3,H,W] in the view's colours -> in the others', which may lead beyond [0,1]."""
        return (self.gain * (np.maximum(pixels, 0) + _BLACK) ** self.gamma - _BLACK).astype(np.float32)

    def back(self, pixels: np.ndarray) -> np.ndarray:
        """The other way round."""
        return (((np.maximum(pixels, 0) + _BLACK) / self.gain) ** (1 / self.gamma) - _BLACK).astype(np.float32)

    def restored(self, restored: np.ndarray, low: np.ndarray) -> np.ndarray:
        """A restored view [3,H,W] in the others' colours -> in its own, in [0,1]. low: [3,h,w] as it came in; what was
        brighter there than any colour of the others is enlarged from it."""
        pixels, beyond = self.back(restored), low - self.back(np.clip(self(low), 0, 1))
        if np.abs(beyond).max() > 1e-4:
            pixels = pixels + bicubic(beyond.astype(np.float32), size_of(restored))
        return np.clip(pixels, 0, 1).astype(np.float32)


def change_between(view: np.ndarray, base: np.ndarray) -> ColourChange | None:
    """What brings the colours of a view [3,h,w] to those of another; None where they are alike, and where the view
    shows next to nothing."""
    if is_empty(view, base):
        return None
    ours, theirs = (np.log(np.quantile(_some(low), _QUANTILES, axis=(1, 2)) + _BLACK) for low in (view, base))
    gain = np.median(theirs - ours, 0)
    if not _SEEN < np.abs(gain).max() < np.log(_MOST):
        return None
    gamma, offset = _lines(ours, theirs)
    left, left_bent = np.abs(theirs - ours - gain).mean(), np.abs(theirs - gamma * ours - offset).mean()
    if left_bent > _BENT * left or not (gamma > 0.5).all() or not (gamma < 2).all():
        gamma, offset = np.ones(3), gain
    change = ColourChange(*(values.astype(np.float32)[:, None, None] for values in (np.exp(offset), gamma)))
    return change if _apart(change(view), base) < _LOWERED * _apart(view, base) else None


def _apart(view: np.ndarray, base: np.ndarray) -> float:
    """How far colours are apart, place by place, on pictures so small that things hardly move from one to the other."""
    small, other = (cv2.resize(low.transpose(1, 2, 0), _SMALL, interpolation=cv2.INTER_AREA) for low in (view, base))
    return float(np.abs(small - other).mean())


def _some(low: np.ndarray) -> np.ndarray:
    """Every so many pixels of a large picture."""
    every = max(1, round((low[0].size / _ENOUGH) ** 0.5))
    return low[:, ::every, ::every]


def _lines(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and offset of y over x, [n,3], for each channel, by least squares."""
    across = x - x.mean(0)
    slope = (across * (y - y.mean(0))).sum(0) / np.maximum((across**2).sum(0), 1e-9)
    return slope, y.mean(0) - slope * x.mean(0)


@dataclass(eq=False)
class EvenedViews:
    """The views of a light field in the colours of one of them, `base`. A view's change is found when it is first read,
    and is the same in all frames: it is a camera's."""

    source: Read
    base: View
    _changes: dict[View, ColourChange | None] = field(default_factory=dict)
    _base: tuple[int, np.ndarray] | None = None

    def read(self, view: View, frame: int = 0) -> np.ndarray:
        """Float32 [3,h,w] RGB in [0,1]."""
        pixels = self.source(view, frame)
        change = self.change(view, frame, pixels)
        return pixels if change is None else np.clip(change(pixels), 0, 1)

    def change(self, view: View, frame: int = 0, pixels: np.ndarray | None = None) -> ColourChange | None:
        """Of a view, None where it has the colours of the others already. pixels: the view as it came in."""
        if view == self.base:
            return None
        if view not in self._changes:
            pixels = self.source(view, frame) if pixels is None else pixels
            self._changes[view] = change_between(pixels, self._of_base(frame))
        return self._changes[view]

    @property
    def changed(self) -> int:
        """How many views have other colours, of those read."""
        return sum(change is not None for change in self._changes.values())

    def _of_base(self, frame: int) -> np.ndarray:
        if self._base is None or self._base[0] != frame:
            self._base = frame, self.source(self.base, frame)
        return self._base[1]
