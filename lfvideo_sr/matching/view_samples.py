"""What the neighbours of a light field's view measured between the view's own pixels.

A neighbour's pixel nearest to where it shows a place is up to half a low-resolution pixel beside that place. It is not
resampled: its value stays as it was measured, and where it was measured decides which of the 4x4 output pixels of the
place it counts for. All neighbours together fill the cells of a place, as more exposures of a camera would.

What is kept is the difference from what a restored picture of the view predicts there: the picture, reduced as cameras
reduce. Where this is zero everywhere, the picture explains every neighbour.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from ..camera.kernels import SCALE, TAPS
from ..camera.reduction import papers_taps
from .plane_sweep import Neighbour, texture_of
from .seed import pixel_grid

CELLS = SCALE**2
_SAME, _ALIKE = 0.5, 0.05  # levels, and share of the texture: neighbours that differ by more show something else
_NOISE = 0.5  # of what neighbours differ by in the median, likewise: where it is much, it is noise
_ROUNDS, _GAIN = 2, 1.8  # of back-projection, and how much of a difference each takes back
_REACH, _FEW = 0.8, 0.2  # output pixels that a sample reaches; samples to a pixel beside which it counts for half


class ViewSamples(NamedTuple):
    """Measured minus predicted luma, 0..255, for each cell of each low-resolution pixel.

    difference: f32 [16,h,w], cell 4 * i + j for output pixel (4y + i, 4x + j); 0 where nothing was measured.
    weight: f32 [16,h,w], how many samples it is the mean of.
    spread: f32 [h,w], how far they differ from the prediction.
    """

    difference: np.ndarray
    weight: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True, eq=False)
class Gathered:
    """A view's own pixels, and of each neighbour the pixels nearest to its places.

    own: f32 [h,w], 0..255. values: f32 [N,h,w]. beside: f32 [N,h,w,2], where they were measured, (x, y) low-resolution
    pixels from the place, -0.5 .. 0.5. inside: f32 [N,h,w], 1 where the neighbour has that pixel.
    """

    own: np.ndarray
    values: np.ndarray
    beside: np.ndarray
    inside: np.ndarray


def gathered(luma: np.ndarray, disparity: np.ndarray, neighbours: Sequence[Neighbour]) -> Gathered:
    """Of a view's luma f32 [h,w], 0..255, with its disparity f32 [h,w], see plane_sweep.py."""
    height, width = luma.shape
    values, besides, insides = [], [], []
    for neighbour in neighbours:
        at = pixel_grid(height, width) - disparity[..., None] * np.array(neighbour.step, np.float32)
        nearest = np.rint(at)
        values.append(cv2.remap(neighbour.luma, nearest, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE))  # type: ignore[call-overload]
        besides.append(nearest - at)
        insides.append(((nearest >= 0) & (nearest <= (width - 1, height - 1))).all(-1).astype(np.float32))
    return Gathered(luma, np.stack(values), np.stack(besides), np.stack(insides))


def view_samples(pixels: Gathered, restored: np.ndarray) -> ViewSamples:
    """What was gathered, beside what a restored luma f32 [4h,4w], 0..255, predicts."""
    predicted, places = blurred(restored), pixel_grid(*pixels.own.shape)
    own = pixels.own - _predicted(predicted, places)
    others = [values - _predicted(predicted, places + beside) for values, beside in zip(pixels.values, pixels.beside)]
    allowed = _SAME + _ALIKE * texture_of(pixels.own) + np.float32(_NOISE * np.median(np.abs(others)))
    weights = np.ones_like(own) * _cells(np.zeros_like(pixels.beside[0]))
    sums, squares = weights * own, np.square(own)
    for difference, beside, inside in zip(others, pixels.beside, pixels.inside):
        trust = inside * _trust(difference, allowed)
        counts = trust * _cells(beside)
        sums += counts * difference
        weights += counts
        squares += trust * np.square(difference)
    spread = np.sqrt(squares / np.maximum(weights.sum((0, 1)), 1e-3))
    mean, shape = sums / np.maximum(weights, 1e-3), (CELLS, *own.shape)
    return ViewSamples(mean.reshape(shape), weights.reshape(shape), spread)


def blurred(picture: np.ndarray) -> np.ndarray:
    """What a low-resolution pixel would show of a picture f32 [4h,4w] from any place: its value at (y, x) is that of a
    pixel whose centre is half an output pixel above and left of (y, x)."""
    down, across = papers_taps()
    anchor = (TAPS // 2, TAPS // 2)
    return cv2.sepFilter2D(picture, cv2.CV_32F, across, down, anchor=anchor, borderType=cv2.BORDER_REPLICATE)


def _predicted(predicted: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Of `blurred`, at places (x, y) [h,w,2] in low-resolution pixels."""
    at = (SCALE * places + np.float32((SCALE - 1) / 2 + 0.5)).astype(np.float32)
    return cv2.remap(predicted, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]


def _trust(difference: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """How surely a neighbour shows the same: differences of alternating sign are detail, those of one sign over several
    pixels are something else."""
    apart = cv2.GaussianBlur(difference, (0, 0), 1.0) / allowed
    return np.exp(-(apart * apart))


def _cells(beside: np.ndarray) -> np.ndarray:
    """How much samples [h,w,2] beside the middles of their places count for each of the 4x4 cells: f32 [4,4,h,w]."""
    at = SCALE * beside + np.float32((SCALE - 1) / 2)
    cells = np.arange(SCALE, dtype=np.float32)[:, None, None]
    across, down = (np.maximum(0, 1 - np.abs(at[..., axis] - cells)) for axis in (0, 1))
    return np.asarray(down[:, None] * across[None], np.float32)


class FusionInput(NamedTuple):
    """What a network sees that fuses a view with its neighbours.

    planes: f32 [4,4h,4w]: the restored luma; the same brought nearer to what was measured; measured minus predicted by
            the latter; and how many samples that is the mean of.
    spread: f32 [1,h,w], how far samples differ from the prediction. Lumas are levels of 255.
    """

    planes: np.ndarray
    spread: np.ndarray


Fuse = Callable[[FusionInput], np.ndarray]  # -> what to add to its second plane, f32 [4h,4w], in levels of 255


def fusion_input(pixels: Gathered, restored: np.ndarray) -> FusionInput:
    """Of a restored luma f32 [4h,4w], 0..255, which is brought nearer by iterative back-projection."""
    nearer = restored
    for _ in range(_ROUNDS):
        samples = view_samples(pixels, nearer)
        difference, weight = _large(samples.difference), _large(samples.weight)
        nearer = nearer + np.float32(_GAIN) * _smooth(difference * weight) / (_smooth(weight) + np.float32(_FEW))
    samples = view_samples(pixels, nearer)
    planes = (restored, nearer, _large(samples.difference), _large(samples.weight))
    return FusionInput(np.stack(planes).astype(np.float32), samples.spread[None].astype(np.float32))


def _smooth(plane: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(plane, (0, 0), _REACH)


def _large(cells: np.ndarray) -> np.ndarray:
    """[16,h,w] -> [4h,4w]"""
    height, width = cells.shape[1:]
    return cells.reshape(SCALE, SCALE, height, width).transpose(2, 0, 3, 1).reshape(SCALE * height, SCALE * width)
