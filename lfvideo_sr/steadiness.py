"""How steady a clip is over time, against its truth: warping error, flicker, and the pulse at references.

All of it is of luma as `metrics.luma` has it (BT.601 in 16..235, in levels of 8 bits), between neighbouring frames of
one scene, along the flow of the *truth*: nothing is searched in what is measured, so that no picture looks steadier by
misleading the search. Places that the next frame hides are left out (forward-backward check, Sundaram et al. 2010).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from .matching.flow import DenseFlow, FlowSettings
from .media.luma import studio_luma

ROUNDED_DB = 10 * math.log10(255**2 * 12)  # 58.9: the PSNR that rounding to 8 bits alone leaves
_BORDER = 4  # pixels that PSNR leaves out, as `metrics.psnr_y` does
_SEARCH = FlowSettings(finest_scale=1, descents=12, refinements=1)  # three times as fast as to the finest


class Motion(NamedTuple):
    """Where the pixels of a frame are in the next one.

    positions: float32 [H,W,2], (x, y) in pixels of the next frame.
    visible:   bool [H,W]; False where the next frame hides the place, or it is outside.
    """

    positions: np.ndarray
    visible: np.ndarray


@dataclass(frozen=True)
class PairSteadiness:
    """A frame and the next one of the same scene.

    references:    how many of the two show the very moment of a reference: 0, 1 or 2.
    warping_error: mean square, in levels, of luma minus the next frame's luma moved along the truth's flow, over what
                   is visible in both: Lai et al. 2018 (there on RGB); nan where nothing is.
    truth_warping_error: the same of the truth.
    flicker:       mean square, in levels, of what the *error* (luma minus the truth's) changes along the flow: the
                   difference of the two differences above. Blur makes a warping error smaller; this it makes larger.
    psnr_step:     change of PSNR-Y in dB; PSNR counts up to ROUNDED_DB.
    luma_step:     change, in levels, of mean luma minus the truth's.
    sharpness_step: change of sharpness, which is the variance of the Laplacian of luma divided by the truth's; nan
                   where the truth is flat.
    """

    references: int
    warping_error: float
    truth_warping_error: float
    flicker: float
    psnr_step: float
    luma_step: float
    sharpness_step: float


class Steadiness:
    """Takes a clip's frames in order and compares each with the one before; holds two frames of pixels at most."""

    def __init__(self) -> None:
        self._before: _Seen | None = None
        self.pairs: list[PairSteadiness] = []

    def add(self, picture: np.ndarray, truth: np.ndarray, *, follows: bool = True, at_reference: bool = False) -> None:
        """The next frame: float [3,H,W] RGB in [0,1], and what it should be.

        follows:      False where this frame starts a scene, or frames between it and the one before are missing.
        at_reference: a reference shows this very moment, whatever was made of it.
        """
        seen = _Seen.of(picture, truth, at_reference)
        if follows and self._before is not None and self._before.truth.shape == seen.truth.shape:
            self.pairs.append(_compared(self._before, seen))
        self._before = seen

    def summary(self) -> dict[str, Any]:
        """See `summarise_steadiness`."""
        return summarise_steadiness(self.pairs)


def motion(first: np.ndarray, second: np.ndarray) -> Motion:
    """Of two lumas [H,W] of one scene, as `luma` has them."""
    now, then = _eight_bit(first), _eight_bit(second)
    search = DenseFlow(_SEARCH)
    forth, back = search(now, then), search(then, now)
    height, width = now.shape
    positions = forth + np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
    returned = _moved(back, positions)
    apart = ((forth + returned) ** 2).sum(-1)
    far = (forth**2).sum(-1) + (returned**2).sum(-1)
    inside = ((positions >= 0) & (positions <= np.array((width - 1, height - 1), np.float32))).all(-1)
    return Motion(positions, inside & (apart < 0.01 * far + 0.5))


def changes(first: np.ndarray, second: np.ndarray, along: Motion) -> np.ndarray:
    """float32 [N]: a luma [H,W] minus the next frame's, moved along a motion, at the N places that are visible."""
    return (first - _moved(second, along.positions))[along.visible]


def sharpness(luma: np.ndarray) -> float:
    """Variance of the Laplacian of a float luma [H,W], in square levels."""
    return float(cv2.Laplacian(luma, -1).var(dtype=np.float64))


def summarise_steadiness(pairs: Sequence[PairSteadiness]) -> dict[str, Any]:
    """The report's `metrics.steadiness`; null where there is nothing to average.

    warping_error: root of the mean over all pairs, in levels, of the output and of the truth, and their `ratio`: 1 is
                   as steady as the truth; blur alone can make it less.
    flicker:       likewise in levels; 0 is as steady as the truth.
    at_references, elsewhere: means over the pairs with one frame at a reference, and over those with none: absolute
                   steps of PSNR in dB, of mean luma in levels and of sharpness as a share of the truth's; flicker.
                   What is larger at references is seen as a pulse.
    """
    output, truth = (_root(pair.warping_error for pair in pairs), _root(pair.truth_warping_error for pair in pairs))
    return {
        "pairs": len(pairs),
        "warping_error": {
            "output": _rounded(output),
            "truth": _rounded(truth),
            "ratio": _rounded(output / truth if truth > 0 else math.nan),
        },
        "flicker": _rounded(_root(pair.flicker for pair in pairs)),
        "at_references": _steps([pair for pair in pairs if pair.references == 1]),
        "elsewhere": _steps([pair for pair in pairs if pair.references == 0]),
    }


def _steps(pairs: Sequence[PairSteadiness]) -> dict[str, Any]:
    def mean_of(value: Callable[[PairSteadiness], float]) -> float | None:
        return _rounded(_mean(abs(value(pair)) for pair in pairs))

    return {
        "pairs": len(pairs),
        "psnr_step": mean_of(lambda pair: pair.psnr_step),
        "luma_step": mean_of(lambda pair: pair.luma_step),
        "sharpness_step": mean_of(lambda pair: pair.sharpness_step),
        "flicker": _rounded(_root(pair.flicker for pair in pairs)),
    }


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is kept of a frame until the next one: float32 lumas [H,W], and what steps are made of."""

    picture: np.ndarray
    truth: np.ndarray
    at_reference: bool
    psnr: float
    luma: float
    sharpness: float

    @classmethod
    def of(cls, picture: np.ndarray, truth: np.ndarray, at_reference: bool) -> "_Seen":
        shown, true = studio_luma(picture), studio_luma(truth)
        whole = sharpness(true)
        relative = sharpness(shown) / whole if whole > 0 else math.nan
        return cls(shown, true, at_reference, _psnr(shown, true), float((shown - true).mean()), relative)


def _compared(before: _Seen, after: _Seen) -> PairSteadiness:
    along = motion(before.truth, after.truth)
    shown, true = (changes(getattr(before, kind), getattr(after, kind), along) for kind in ("picture", "truth"))
    return PairSteadiness(
        references=before.at_reference + after.at_reference,
        warping_error=_mean_square(shown),
        truth_warping_error=_mean_square(true),
        flicker=_mean_square(shown - true),
        psnr_step=after.psnr - before.psnr,
        luma_step=after.luma - before.luma,
        sharpness_step=after.sharpness - before.sharpness,
    )


def _eight_bit(luma: np.ndarray) -> np.ndarray:
    """16..235 -> uint8 0..255, what a flow is searched in."""
    return cv2.convertScaleAbs(luma - np.float32(16), alpha=255 / 219)


def _moved(plane: np.ndarray, positions: np.ndarray) -> np.ndarray:
    how, border = cv2.INTER_CUBIC if plane.ndim == 2 else cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    return cv2.remap(plane, positions[..., 0], positions[..., 1], how, borderMode=border)


def _psnr(shown: np.ndarray, true: np.ndarray) -> float:
    inner = np.s_[_BORDER:-_BORDER, _BORDER:-_BORDER]
    error = _mean_square(shown[inner] - true[inner])
    return min(10 * math.log10(255**2 / error), ROUNDED_DB) if error else ROUNDED_DB


def _mean_square(values: np.ndarray) -> float:
    return float(np.mean(np.square(values), dtype=np.float64)) if values.size else math.nan


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def _root(mean_squares: Iterable[float]) -> float:
    return math.sqrt(_mean(mean_squares))


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
