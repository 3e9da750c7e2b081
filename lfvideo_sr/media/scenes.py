"""Where one scene ends and the next begins: hard cuts, found while the stream passes."""

from collections import deque
from typing import Any

import cv2
import numpy as np

from ..frames import on_host
from .luma import luma

_SIDE = 64  # pictures are compared at 64x64, whatever their shape
_ENOUGH = 180  # rows or columns that a thumbnail is made from, at least
_BLOCK, _REACH = 16, 12  # blocks of the new picture are looked for in the old one, up to 12 of 64 pixels away
_RECENT = 8
_REMEMBERED = 3  # frames back: after a flash the picture is that before it
_FLAT = 0.02  # standard deviation below which a picture shows nothing: black, or the white of a flash
_LEAST_CHANGE = 0.02
_STRANGE, _FAMILIAR = 0.62, 0.85  # shares found: below it is new, above it is known, between them colours decide
_SUDDEN = 0.85  # of what is usually found
_NEW_COLOURS = 0.5


class CutDetector:
    """Give it every frame in order; it reports which ones start a new scene.

    After a cut little of the picture is found in the ones before, wherever it may have moved (block matching, blind to
    brightness), and much less than was found in the frames just before it: so pans, flashes and fades are no cuts.
    Measured on 45 clips: 0.68 or more is found between frames of a scene, 0.57 or less across their cuts.
    """

    def __init__(self) -> None:
        self._before: deque[np.ndarray] = deque(maxlen=_REMEMBERED)
        self._usual: deque[float] = deque([1.0], maxlen=_RECENT)

    def is_cut(self, pixels: Any) -> bool:
        """Whether `pixels` [3,H,W], an array or a tensor anywhere, show another scene than the frames given before;
        False for the first."""
        now = _thumbnail(pixels)
        if luma(now).std() < _FLAT:
            return False
        before = list(self._before)
        self._before.append(now)
        if not before or float(np.abs(luma(now) - luma(before[-1])).mean()) < _LEAST_CHANGE:
            self._usual.append(1.0)
            return False
        share, colours = max((familiarity(now, old), colour_difference(now, old)) for old in before)
        return self._is_sudden(share, colours)

    def _is_sudden(self, share: float, colours: float) -> bool:
        """Whether so little of a picture is found that it is new, by itself and against the frames before it."""
        strange = share < _STRANGE or (share < _FAMILIAR and colours > _NEW_COLOURS)
        cut = strange and share < _SUDDEN * sum(self._usual) / len(self._usual)
        if cut:
            self._usual.clear()
        self._usual.append(1.0 if cut else share)
        return cut


def _thumbnail(pixels: Any) -> np.ndarray:
    """[3,64,64] of [3,H,W]; of large pictures some samples do, at a tenth of the time of all."""
    every = max(1, min(pixels.shape[1:]) // _ENOUGH)
    some = np.ascontiguousarray(on_host(pixels[:, ::every, ::every]))
    return np.stack([cv2.resize(plane, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for plane in some])


def _lit_like(picture: np.ndarray, lit: np.ndarray) -> np.ndarray:
    """`picture` with the brightnesses of `lit`, rank by rank: undoes flashes, even where they clip."""
    matched = np.empty(picture.size, np.float32)
    matched[np.argsort(picture, axis=None)] = np.sort(lit, axis=None)
    return matched.reshape(picture.shape)


def familiarity(now: np.ndarray, before: np.ndarray) -> float:
    """How much of thumbnail `now` is found in `before`: correlation of each block's best match, by contrast."""
    now, before = luma(now), _lit_like(luma(before), luma(now))
    searched = cv2.copyMakeBorder(before, _REACH, _REACH, _REACH, _REACH, cv2.BORDER_REPLICATE)
    total = weight = 0.0
    for y in range(0, _SIDE, _BLOCK):
        for x in range(0, _SIDE, _BLOCK):
            block = np.ascontiguousarray(now[y : y + _BLOCK, x : x + _BLOCK])
            window = searched[y : y + _BLOCK + 2 * _REACH, x : x + _BLOCK + 2 * _REACH]
            match = cv2.matchTemplate(window, block, cv2.TM_CCOEFF_NORMED)
            contrast = float(block.std())
            total += contrast * float(np.clip(np.nan_to_num(match, posinf=0, neginf=0), 0, 1).max())
            weight += contrast
    return total / weight


def colour_difference(now: np.ndarray, before: np.ndarray) -> float:
    """Share of the pixels of two thumbnails [3,64,64] whose colours differ, by histograms of 8x8x8 colours.

    The colours reach up to the brightest of both, so that dark pictures are distinguished like bright ones.
    """
    peak = max(float(now.max()), float(before.max()), _FLAT)
    return 1 - float(np.minimum(_histogram(now / peak), _histogram(before / peak)).sum()) / _SIDE**2


def _histogram(thumbnail: np.ndarray) -> np.ndarray:
    red, green, blue = np.minimum(thumbnail * 8, 7).astype(int)
    return np.bincount((red * 64 + green * 8 + blue).ravel(), minlength=512)
