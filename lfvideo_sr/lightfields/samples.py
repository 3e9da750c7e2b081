"""What a sample of a file means: integers or floats, one channel, three, or three and a weight; and what is white."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from ..frames import size_of
from ..media.resize import bicubic
from ..media.sample_range import likely_white
from ..metrics import luma

_OVERSHOOT = 0.25  # how far a resampling filter may lead a float beyond [0,1]
_STUDIO = 16 / 255, 235 / 255  # BT.601's luma of black and of white
_BEYOND, _FEW = 2 / 255, 0.01  # luma this far off that range, in more than that share of samples, is of the full one
_RANGES = (255, 1023, 4095)  # that may be kept in 16 bits
_EMPTY = 0.25  # of another view's brightness or contrast: what has less shows nothing, as corners behind a lens's rim
KINDS = {0: "luma", 1: "luma", 3: "RGB", 4: "RGB and weight"}


class Levels(NamedTuple):
    """The samples of a file that are black and white."""

    black: float
    white: float

    @property
    def full(self) -> float:
        """The white that RGB samples of the same scale have."""
        return self.white / _STUDIO[1] if self.black else self.white

    def shown(self, dtype: np.dtype) -> str:
        """For people, to be read after the type: ", white 1023", ", 16..235"; "" where samples fill their type."""
        full = _full(dtype)
        if self.black:
            return f", {255 * self.black / full:.0f}..{255 * self.white / full:.0f} of 255"
        return "" if self.white == full else f", white {self.white:g}"


def check_samples(dtype: np.dtype, channels: int, what: str) -> str:
    """Describe samples, e.g. "uint8 RGB"; InputError for those that cannot be pictures."""
    if not (dtype.kind == "f" or (dtype.kind == "u" and dtype.itemsize <= 2)):
        raise InputError(f"{what} holds {dtype} samples; uint8, uint16, or floats in [0,1] are wanted")
    if channels not in KINDS:
        raise InputError(f"{what} has {channels} channels; 1, 3, or 4 (RGB and weight) are wanted; see --layout")
    return f"{dtype} {KINDS[channels]}"


def levels_of(views: Iterable[np.ndarray], dtype: np.dtype, white: float | None = None, studio: bool = False) -> Levels:
    """Of samples, by some views [channel,y,x] as stored.

    white:  of samples of 16 bits and of floats, where the user says so.
    studio: they may be luma from 16 to 235 of 255; they are unless the views show others.
    """
    full = _full(dtype)
    if dtype == np.uint8 or (white is None and dtype.kind == "f"):
        white = full
    if white is None or studio:
        views = list(views)
    if white is None:
        white = likely_white((view[:3] for view in views), _RANGES)
    if not (studio and _is_studio(views, white)):
        return Levels(0.0, white)
    return Levels(_STUDIO[0] * white, _STUDIO[1] * white)


def _is_studio(views: Iterable[np.ndarray], white: float) -> bool:
    low, high = _STUDIO[0] * white - _BEYOND * white, _STUDIO[1] * white + _BEYOND * white
    return float(np.mean([((view < low) | (view > high)).mean() for view in views])) <= _FEW


def to_rgb(view: np.ndarray, what: str, levels: Levels) -> np.ndarray:
    """[channel,y,x] as stored -> float32 [3,H,W] RGB in [0,1]; luma becomes grey, a weight channel is left out."""
    black, white = levels
    samples = _checked(view, what, levels.full)
    if black or white != 1:
        samples = (samples - np.float32(black)) / np.float32(white - black)
    pixels = np.clip(samples, 0, 1)
    return np.ascontiguousarray(np.broadcast_to(pixels[:1], (3, *pixels.shape[1:])) if len(pixels) == 1 else pixels[:3])


def _checked(view: np.ndarray, what: str, white: float) -> np.ndarray:
    samples = view[:3].astype(np.float32)
    if view.dtype.kind == "u":
        peak = int(samples.max(initial=0))
        if peak > np.ceil(white) and view.dtype != np.uint8:
            raise InputError(f"{what} has samples up to {peak}, above the white {white:g}; pass --white {peak} or more")
        return samples
    if not np.isfinite(samples).all():
        raise InputError(f"{what} holds NaN or infinite samples; repair it, or leave it out with --views")
    if samples.size and (samples.max() > (1 + _OVERSHOOT) * white or samples.min() < -_OVERSHOOT * white):
        spread = f"{samples.min():g} to {samples.max():g}"
        raise InputError(f"{what} holds floats from {spread}; scale them to [0,1], pass --white, or store integers")
    return samples


def from_rgb(
    pixels: np.ndarray, dtype: np.dtype, channels: int, levels: Levels, source: np.ndarray | None = None
) -> np.ndarray:
    """Float [3,H,W] RGB in [0,1] -> [channel,y,x] of that type and those levels: luma is BT.601's; a weight channel is
    enlarged from the stored view `source` [4,h,w]."""
    black, white = levels
    view = _grey(pixels) if channels <= 1 else pixels
    view = np.clip(view, 0, 1) * np.float32(white - black) + np.float32(black)
    if dtype.kind == "u":
        view = (view + np.float32(0.5)).astype(dtype)
    if channels == 4 and source is not None:
        weight = bicubic(source[3:].astype(np.float32), size_of(pixels))
        limit = np.iinfo(dtype).max if dtype.kind == "u" else float(source[3:].max())
        weight = np.clip(weight, 0, limit)
        view = np.concatenate([view, np.round(weight) if dtype.kind == "u" else weight])
    return view.astype(dtype, copy=False)


def _grey(pixels: np.ndarray) -> np.ndarray:
    """RGB [3,H,W] -> [1,H,W]: luma, stretched to [0,1]."""
    return ((luma(pixels) - 16) / 219)[None].astype(np.float32)


def is_empty(view: np.ndarray, other: np.ndarray) -> bool:
    """Whether a view [3,H,W] shows next to nothing of what another one of the light field shows."""
    return bool(view.mean() < _EMPTY * other.mean() or view.std() < _EMPTY * other.std())


def _full(dtype: np.dtype) -> float:
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)
