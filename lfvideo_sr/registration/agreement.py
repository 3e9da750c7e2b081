"""Whether what a camera would make of a picture shows what a frame shows, tile by tile.

A displacement of a tile is judged against what its noise could be, so that a heavily compressed frame does not make an
exact picture fail.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..camera.colour_transfer import BRIGHTEST, DARKEST
from ..camera.kernels import SCALE
from .global_motion import gradients

_LARGEST, _SMALLEST = 32, 8  # low-resolution pixels, side of a tile
_CONTRAST = 0.012  # standard deviation within a tile, below which a tile is not compared
_ALIKE = 0.6  # correlation within a tile of things that are the same
_TELLING = 0.6  # output pixels: a tile is located if noise moves it by less
_FITS = 0.85  # squared correlation, below which a tile whose difference stands out shows something else
_STANDS_OUT, _LOUD = 2.5, 20 / 255  # times the difference of most tiles; more than encoders do
_MARGIN = 2  # low-resolution pixels at each side that are not compared
_NOISE = 2.0  # an encoder's error is alike in neighbouring pixels, and moves a tile more than white noise would
OFF = 0.5  # output pixels that are not seen


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    displacement:  of the whole, in output pixels.
    moved:         share of tiles with contrast that are off by more than OFF for certain, or show something else.
    alike:         share of tiles with contrast that show the same.
    colour:        median difference of colours of tiles, of the channel that differs most, in [0,1].
    brightness:    median of picture over frame, of tiles' lumas: 1.12 is 12 % brighter.
    misfit:        median difference of luma, after gain and offset, in [0,1].
    tiles:         how many of them had contrast.
    """

    displacement: float
    moved: float
    alike: float
    colour: float
    brightness: float
    misfit: float
    tiles: int


def compare(frame: np.ndarray, reduced: np.ndarray, inside: np.ndarray | None = None) -> Comparison:
    """Frame and reduced picture [4,h,w] each, R G B and luma in [0,1]; `inside` bool [h,w] where the picture shows
    anything."""
    height, width = frame.shape[1:]
    if min(height, width) < _SMALLEST + 2 * _MARGIN:  # too small to compare anything but its colours
        return Comparison(0.0, 0.0, 1.0, float(np.abs(frame[:3] - reduced[:3]).mean((1, 2)).max()), 1.0, 0.0, 0)
    side = int(np.clip(min(height, width) // 4, _SMALLEST, _LARGEST))
    use = np.ones((height, width), np.float32) if inside is None else inside.astype(np.float32)
    use[:_MARGIN] = use[-_MARGIN:] = use[:, :_MARGIN] = use[:, -_MARGIN:] = 0
    share = _means(use, side)
    whole = share > 0.5
    if not whole.any():
        return Comparison(0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0)

    def mean(plane: np.ndarray) -> np.ndarray:
        return _means(plane * use, side)[whole] / share[whole]

    colour, brightness = _colour(frame, reduced, mean)
    seen, shown = frame[3], reduced[3]
    seen_mean, shown_mean = mean(seen), mean(shown)
    seen_var, shown_var = mean(seen * seen) - seen_mean**2, mean(shown * shown) - shown_mean**2
    both = mean(seen * shown) - seen_mean * shown_mean
    contrast = np.minimum(seen_var, shown_var) > _CONTRAST**2
    if not contrast.any():
        return Comparison(0.0, 0.0, 0.0, colour, brightness, 0.0, 0)
    alike = both / np.sqrt(np.maximum(seen_var * shown_var, 1e-12)) > _ALIKE
    gain = np.where(alike, both / np.maximum(shown_var, 1e-9), 1)

    def spread_out(values: np.ndarray) -> np.ndarray:
        return _per_pixel(values, whole, side, seen.shape)

    leveled = spread_out(gain) * (shown - spread_out(shown_mean))
    left = seen - spread_out(seen_mean) - leveled
    moved, noise = _displacements(left, leveled, mean, share[whole] * side * side)
    different = contrast & (~alike | _is_unlike(mean(left * left), mean(leveled * leveled), contrast))
    off = contrast & (noise < _TELLING) & (np.linalg.norm(moved, axis=1) - 2 * noise > OFF)
    return Comparison(
        displacement=_of_the_whole(moved, noise, contrast & ~different),
        moved=float((off | different)[contrast].mean()),
        alike=float(alike[contrast].mean()),
        colour=colour,
        brightness=brightness,
        misfit=float(np.median(np.abs(left)[use > 0])),
        tiles=int(contrast.sum()),
    )


def _is_unlike(left: np.ndarray, kept: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Of the tiles those that differ by more than most do, or than any encoder makes them."""
    most = max(_STANDS_OUT**2 * float(np.median(left[contrast])), 1e-6)
    return (left > min(most, _LOUD**2)) & (kept / np.maximum(kept + left, 1e-12) < _FITS)


def _colour(frame: np.ndarray, reduced: np.ndarray, mean) -> tuple[float, float]:
    seen = np.stack([mean(plane) for plane in frame])
    shown = np.stack([mean(plane) for plane in reduced])
    unclipped = ((seen > DARKEST) & (seen < BRIGHTEST)).all(0)
    unclipped = unclipped if unclipped.any() else np.ones_like(unclipped)
    off = float(np.median(np.abs(shown - seen)[:3, unclipped], axis=1).max())
    return off, float(np.median(shown[3, unclipped] / np.maximum(seen[3, unclipped], 0.02)))


def _displacements(left: np.ndarray, luma: np.ndarray, mean, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each tile, (x, y) in output pixels [n,2] by least squares, and how far noise alone would move it [n]."""
    down, across = gradients(luma)
    xx, xy, yy = mean(across * across), mean(across * down), mean(down * down)
    x, y, noise = mean(across * left), mean(down * left), mean(left * left)
    ridge = 1e-8
    xx, yy = xx + ridge, yy + ridge
    area = xx * yy - xy * xy
    moved = np.stack([yy * x - xy * y, xx * y - xy * x], 1) / area[:, None]
    explained = moved[:, 0] * x + moved[:, 1] * y
    spread = _NOISE * np.sqrt(np.maximum(noise - explained, 1e-9) * (xx + yy) / area / count)
    return SCALE * moved, SCALE * spread


def _of_the_whole(moved: np.ndarray, noise: np.ndarray, telling: np.ndarray) -> float:
    """Length of the weighted median displacement: of the tiles that show it best, whatever some of them do."""
    if not telling.any():
        return 0.0
    weights = 1 / noise[telling] ** 2
    across, down = (_weighted_median(component, weights) for component in moved[telling].T)
    return float(np.hypot(across, down))


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])


def _means(plane: np.ndarray, side: int) -> np.ndarray:
    """Means of the whole square tiles of a plane [h,w]; what is left at the right and below is not looked at."""
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    return cv2.resize(plane[: rows * side, : columns * side], (columns, rows), interpolation=cv2.INTER_AREA)


def _per_pixel(values: np.ndarray, whole: np.ndarray, side: int, shape: tuple[int, ...]) -> np.ndarray:
    """Values of the tiles in `whole` spread over their pixels; 0 elsewhere."""
    tiles = np.zeros(whole.shape, np.float32)
    tiles[whole] = values
    spread = np.zeros(shape, np.float32)
    wide = tiles.repeat(side, 0).repeat(side, 1)
    spread[: wide.shape[0], : wide.shape[1]] = wide
    return spread
