"""The constant by which the clock of references is off, found from what they show: `--ref-offset auto`.

Small pictures of luma are compared as correlations after what all frames have in common is taken away, so that a still
background tells nothing and another exposure changes nothing.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import ShapeError
from .luma import luma

LIMIT = 3.0  # seconds
_WIDTH = 64  # pixels of a small picture
_STILL = 2 / 255  # deviation over time of a small picture's pixels, below which nothing moves
_LIKE = 0.35  # correlation that a reference has to reach with its own frame, on average
_CLEAR = 0.05  # by which it has to be higher than at any offset that is not next to the best
_SMOOTH = 0.8  # pixels: references are as sharp as frames then


def estimate_offset(
    frames: Sequence[np.ndarray],
    times: Sequence[float],
    references: Sequence[tuple[float, np.ndarray]],
    limit: float = LIMIT,
) -> float | None:
    """Seconds to add to the references' times so that each falls on the frame that it shows, to a frame; None where the
    content does not tell: a still scene, one that repeats itself, references of something else.

    frames:     of the low-resolution stream, float32 [3,h,w] in [0,1] in the order of their times in seconds; their
                `thumbnail`s do as well, so that nobody has to hold a clip. They should cover the claimed times
                +- limit.
    references: (claimed time in seconds, picture [3,H,W] of any size) each.
    Raises ShapeError where times and frames do not belong together.
    """
    if len(frames) != len(times):
        raise ShapeError(f"{len(times)} times for {len(frames)} frames; one each is wanted")
    if len(frames) < 3 or not references:
        return None
    small = [thumbnail(one) for one in frames]
    height, width = small[0].shape
    stack = np.stack(small).reshape(len(small), -1)
    common = stack.mean(0)
    if float(np.median(stack.std(0))) < _STILL and float(np.percentile(stack.std(0), 90)) < 2 * _STILL:
        return None
    own = _normalised(stack - common)
    others = [_like(thumbnail(picture, (width, height)).reshape(-1), stack) - common for _, picture in references]
    alike = _normalised(np.stack(others)) @ own.T
    return _best(alike, np.asarray(times, float), np.array([float(time) for time, _ in references]), limit)


def thumbnail(picture: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """A picture's luma made small, float32 [h,64] or of (width, height) `size`; a thumbnail [h,w] stays as it is."""
    if picture.ndim == 2:
        return picture
    if size is None:
        size = (_WIDTH, max(1, round(_WIDTH * picture.shape[1] / picture.shape[2])))
    return cv2.GaussianBlur(cv2.resize(luma(picture), size, interpolation=cv2.INTER_AREA), (0, 0), _SMOOTH)


def _like(picture: np.ndarray, stack: np.ndarray) -> np.ndarray:
    """A picture [n] with the mean and the spread of the frames [k,n]: another exposure tells nothing."""
    spread = float(stack.std(1).mean()) / max(float(picture.std()), 1e-6)
    return (picture - picture.mean()) * spread + float(stack.mean())


def _normalised(rows: np.ndarray) -> np.ndarray:
    rows = rows - rows.mean(1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def _best(alike: np.ndarray, times: np.ndarray, claimed: np.ndarray, limit: float) -> float | None:
    """The offset at which references are most alike their frames; `alike` [references, frames]."""
    step = float(np.median(np.diff(times)))
    offsets = np.arange(-round(limit / step), round(limit / step) + 1) * step
    scores = np.array([_score(alike, times, claimed + offset, step) for offset in offsets])
    if not np.isfinite(scores).any():
        return None
    best = int(np.nanargmax(scores))
    peak = _peak(scores, best)
    rest = np.delete(scores, peak)
    second = np.nanmax(rest) if np.isfinite(rest).any() else -1.0
    if scores[best] < _LIKE or scores[best] < second + _CLEAR:
        return None
    return float(offsets[best])


def _score(alike: np.ndarray, times: np.ndarray, moments: np.ndarray, step: float) -> float:
    """Mean likeness of the references with the frames on show at these moments; NaN where fewer than half have any."""
    inside = (moments > times[0] - step) & (moments < times[-1] + step)
    if inside.sum() * 2 < len(moments) or not inside.any():
        return float("nan")
    at = np.abs(times[None] - moments[inside, None]).argmin(1)
    return float(alike[inside][np.arange(len(at)), at].mean())


def _peak(scores: np.ndarray, best: int) -> np.ndarray:
    """The indices round the best one over which scores only fall: neighbouring frames are alike."""
    first = last = best
    while first > 0 and scores[first - 1] <= scores[first]:
        first -= 1
    while last < len(scores) - 1 and scores[last + 1] <= scores[last]:
        last += 1
    return np.arange(first, last + 1)
