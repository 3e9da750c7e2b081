"""Scores a run against the truth, frame by frame, beside plain bicubic enlargement, and how steady it is over time."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..frames import Frame, View, size_of
from ..lightfields.grid import distance
from ..media.resize import bicubic
from ..metrics import eight_bit, psnr_rgb, psnr_y, ssim_y
from ..steadiness import Steadiness
from .pipeline import Restored


@dataclass(frozen=True)
class FrameScore:
    """PSNR in dB and SSIM of one frame; a PSNR is inf where nothing differs. view: of a light field's. lpips: where it
    is asked for."""

    index: int
    is_reference: bool
    psnr_y: float
    ssim_y: float
    psnr_rgb: float
    bicubic_psnr_y: float
    bicubic_ssim_y: float = math.nan
    view: View | None = None
    lpips: float | None = None
    bicubic_lpips: float | None = None


class Truth(Protocol):
    """What frames should be."""

    def of(self, frame: Frame) -> np.ndarray | None:
        """The true pixels [3,H,W] of a frame's moment or view; None where there are none."""

    def close(self) -> None: ...


class Scorer:
    """Compares 8-bit rounded frames with the truth of the same moment or view; frames without one are left out.

    distance: LPIPS of two pictures, where it is asked for.
    """

    def __init__(self, truth: Truth, distance: Callable[[np.ndarray, np.ndarray], float] | None = None):
        self._truth, self._distance = truth, distance
        self._last = -1  # index of the frame that was scored last
        self.scores: list[FrameScore] = []
        self.steadiness = Steadiness()  # of video; the views of a light field do not follow each other

    def add(self, restored: Restored) -> None:
        """Score a frame of which the truth is known; others are passed over."""
        pixels = self._truth.of(restored.frame)
        if pixels is None:
            return
        truth, picture = eight_bit(pixels), eight_bit(restored.frame.pixels)
        enlarged = eight_bit(bicubic(restored.source.pixels, size_of(truth)))
        self.scores.append(
            FrameScore(
                restored.frame.index,
                restored.own,
                psnr_y(picture, truth),
                ssim_y(picture, truth),
                psnr_rgb(picture, truth),
                psnr_y(enlarged, truth),
                ssim_y(enlarged, truth),
                stamp if isinstance(stamp := restored.frame.stamp, View) else None,
                *([] if self._distance is None else [self._distance(pixels, truth) for pixels in (picture, enlarged)]),
            )
        )
        if not isinstance(restored.frame.stamp, View):
            self._compare(restored, picture, truth)

    def _compare(self, restored: Restored, picture: np.ndarray, truth: np.ndarray) -> None:
        """With the frame before, where that is of the same scene."""
        index = restored.frame.index
        follows = index == self._last + 1 and not restored.source.cut
        self.steadiness.add(picture, truth, follows=follows, at_reference=restored.own or restored.passed)
        self._last = index

    def summary(self) -> dict[str, Any]:
        """The report's `metrics`: `summarise` of the scores, and `steadiness` where frames follow each other."""
        steady = {"steadiness": self.steadiness.summary()} if self.steadiness.pairs else {}
        return summarise(self.scores) | steady

    def close(self) -> None:
        self._truth.close()


def summarise(scores: list[FrameScore]) -> dict[str, Any]:
    """The report's `metrics`: over the frames that are no references, `all_frames` over all, and each frame.

    Frames equal to the truth have no PSNR: they are null, left out of means, and counted as `equal`.
    """
    others = [score for score in scores if not score.is_reference]
    frames = [
        {
            "index": score.index,
            "is_reference": score.is_reference,
            "psnr_y": _finite(score.psnr_y),
            "ssim_y": _finite(score.ssim_y),
            "bicubic_psnr_y": _finite(score.bicubic_psnr_y),
            **({} if score.lpips is None else {"lpips": _finite(score.lpips)}),
            **({"view": list(score.view)} if score.view else {}),
        }
        for score in scores
    ]
    return {**_planes(others), "all_frames": _planes(scores), "frames": frames}


def by_distance(scores: list[FrameScore], references: Sequence[View]) -> list[dict[str, Any]]:
    """Means over the views at each distance from the nearest reference, in steps of the grid; references left out."""
    rows: dict[int, list[FrameScore]] = {}
    for score in scores:
        if score.view is not None and not score.is_reference:
            rows.setdefault(min(distance(score.view, reference) for reference in references), []).append(score)
    return [
        {
            "distance": round(math.sqrt(squared), 2),
            "views": len(same),
            "psnr_y": _mean_and_min(score.psnr_y for score in same),
            "ssim_y": _mean_and_min(score.ssim_y for score in same),
            "bicubic_psnr_y": _mean_and_min(score.bicubic_psnr_y for score in same)["mean"],
            "bicubic_ssim_y": _mean_and_min(score.bicubic_ssim_y for score in same)["mean"],
        }
        for squared, same in sorted(rows.items())
    ]


def _planes(scores: list[FrameScore]) -> dict[str, Any]:
    bicubic = {"psnr_y": {"mean": _mean_and_min(score.bicubic_psnr_y for score in scores)["mean"]}}
    looks = {}
    if by_looks := [score for score in scores if score.lpips is not None]:
        looks = {"lpips": {"mean": _mean_and_min(score.lpips or 0.0 for score in by_looks)["mean"]}}
        bicubic |= {"lpips": {"mean": _mean_and_min(score.bicubic_lpips or 0.0 for score in by_looks)["mean"]}}
    return {
        "psnr_y": _mean_and_min(score.psnr_y for score in scores),
        "ssim_y": _mean_and_min(score.ssim_y for score in scores),
        "psnr_rgb": _mean_and_min(score.psnr_rgb for score in scores),
        **looks,
        "bicubic": bicubic,
        "count": len(scores),
        "equal": sum(score.psnr_rgb == math.inf for score in scores),
    }


def _mean_and_min(values: Iterable[float]) -> dict[str, float | None]:
    """Over the finite values: a black frame that comes out black must not make a clip's mean infinite."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return {"mean": None, "min": None}
    return {"mean": round(float(np.mean(finite)), 4), "min": round(min(finite), 4)}


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
