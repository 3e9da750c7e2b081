"""The camera of a stream, estimated from pairs of a sharp picture and the frame of the same moment as they come."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import ShapeError
from ..frames import size_of
from ..media.luma import luma
from .colour_transfer import BRIGHTEST, DARKEST, ColourTransfer, block_colours, fit_colours, tukey, unclipped_blocks
from .kernel_search import Evidence, Known, Moments, at_best_phase, combined, instrumented, least_squares
from .kernels import BEFORE, SCALE, TAPS
from .model import CameraModel

_PLACES, _PLAIN_PLACES = 4000, 1500  # of a pair: for instruments, and those of most detail for least squares
_CELL = 2  # low-resolution pixels; one place is taken of each square of so many, so that they are spread evenly
_MARGIN = 3  # low-resolution pixels at each side whose taps reach beyond the picture
_AROUND = 3  # low-resolution pixels to each side that serve as instruments
_LEAST_PLACES = 200
_SMALLEST = 4 * (_MARGIN + _AROUND)  # low-resolution pixels along a side: less is mostly edge
_MOST_PAIRS = 8
_SAME_PHASE = 0.15  # low-resolution pixels; a pair that is further from the others was not taken at the same moment
_USABLE = 0.5  # share of the frame's variation that a known kernel has to explain
_BLOCK = 8  # low-resolution pixels to a side over which colours are averaged


class CameraFit:
    """Estimates the camera of a stream while its references come; at most eight pairs are kept, 3 MB each."""

    def __init__(self) -> None:
        self._pairs: list[Pair] = []
        self._model: CameraModel | None = CameraModel.papers()

    def add(self, frame: np.ndarray, reference: np.ndarray) -> bool:
        """Take in a frame [3,h,w] and the picture [3,4h,4w] of the same moment, both float32 RGB in [0,1].

        False where they are not used: they are too flat, or show different things. Places that do not
        fit (something has moved between the two) count for nothing. A picture that is displaced by a constant shift
        of up to four output pixels is taken for the camera's phase, until other pairs contradict.
        Raises ShapeError where the picture is not four times as large as the frame.
        """
        if size_of(reference) != size_of(frame).scaled(SCALE):
            raise ShapeError(
                f"a picture of {size_of(reference)} for a frame of {size_of(frame)}; "
                f"{size_of(frame).scaled(SCALE)} is wanted: conform it first"
            )
        if min(size_of(frame)) < _SMALLEST:
            return False
        pair = _pair_of(frame, reference, self.model.taps)
        if pair is None:
            return False
        self._pairs.append(pair)
        if len(self._pairs) > _MOST_PAIRS:
            self._pairs.remove(self._oddest())
        self._model = None
        return True

    @property
    def pairs(self) -> int:
        """How many pairs the estimate uses; 0 where it is the papers' for want of any."""
        return len(self._agreeing())

    @property
    def model(self) -> CameraModel:
        """The present estimate; the papers' where there was no pair yet."""
        if self._model is None:
            self._model = self._estimated()
        return self._model

    def _estimated(self) -> CameraModel:
        pairs = self._agreeing()
        total = sum(pair.trust for pair in pairs)
        shares = [pair.trust / total for pair in pairs]
        evidence = Evidence(
            combined([pair.evidence.plain for pair in pairs], shares),
            combined([pair.evidence.instrumented for pair in pairs], shares),
        )
        reduced, seen = (np.concatenate([pair.colours[k] for pair in pairs]) for k in (0, 1))
        colours = fit_colours(reduced, seen)
        return CameraModel(evidence.kernel().astype(np.float32), linear_part(colours))

    def _off(self) -> np.ndarray:
        """How far each pair's phase is from that of most, in low-resolution pixels."""
        phases = np.array([pair.known.phases for pair in self._pairs])
        return np.abs(phases - np.median(phases, axis=0)).max(1)

    def _agreeing(self) -> "list[Pair]":
        """The pairs whose phase is that of most: in the others everything has moved."""
        if not self._pairs:
            return []
        return [pair for pair, off in zip(self._pairs, self._off()) if off <= _SAME_PHASE] or self._pairs[-1:]

    def _oddest(self) -> "Pair":
        """Of the pairs the one whose phase is furthest from the others', or else the oldest."""
        return self._pairs[int(np.argmax(np.maximum(self._off() - _SAME_PHASE, 0)))]


@dataclass(frozen=True, eq=False)
class Pair:
    """What is kept of a frame and its picture: the evidence of their lumas, a kernel that roughly fits, and colours
    [n,3] of the same blocks of picture and frame."""

    evidence: Evidence
    known: Known
    colours: tuple[np.ndarray, np.ndarray]

    @property
    def trust(self) -> float:
        """Falls with the square of the variance that a known kernel leaves: what an encoder does is no noise that
        averages out, and the frames that it changed least count most."""
        return 1 / (self.known.left * self.evidence.plain.frame + 1e-7) ** 2


def _pair_of(frame: np.ndarray, reference: np.ndarray, taps: np.ndarray) -> Pair | None:
    places, around = _telling_places(luma(frame), luma(reference))
    if len(places) < _LEAST_PLACES:
        return None
    values = around[:, around.shape[1] // 2]
    weights = np.ones(len(values), np.float32)
    for _ in range(2):
        weights = _weights(places @ np.outer(*taps).reshape(-1).astype(np.float32), values, weights)
        moments = instrumented(places, values, around, weights)
        known = _roughly(moments)
        taps = known.taps()
    plain = least_squares(places[:_PLAIN_PLACES], values[:_PLAIN_PLACES], weights[:_PLAIN_PLACES] + 1e-6)
    known = _roughly(plain)
    if known.left > 1 - _USABLE:
        return None
    return Pair(Evidence(plain, moments), known, _colours(frame, reference))


def _colours(frame: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the same blocks of the picture and of the frame, where nothing is clipped."""
    use = unclipped_blocks(reference, _BLOCK * SCALE) & unclipped_blocks(frame, _BLOCK)
    return block_colours(reference, _BLOCK * SCALE)[use], block_colours(frame, _BLOCK)[use]


def _roughly(moments: Moments) -> Known:
    phases = at_best_phase(moments, "bicubic", rounds=2)
    return min(phases, at_best_phase(moments, "gauss 2", phases.phases, rounds=1), key=lambda known: known.left)


def _telling_places(frame: np.ndarray, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the lumas [h,w] and [4h,4w] the places of most detail, first those with most: output pixels [n,576] and frame
    pixels [n,49] about each, less 0.5. Only the frame chooses, so that its error stays uncorrelated with it."""
    detail = np.abs(cv2.Sobel(frame, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(frame, cv2.CV_32F, 0, 1))
    detail[(frame < DARKEST) | (frame > BRIGHTEST)] = 0
    y, x = _strongest(detail)
    sharp = np.lib.stride_tricks.sliding_window_view(picture, (TAPS, TAPS))
    low = np.lib.stride_tricks.sliding_window_view(frame, (2 * _AROUND + 1,) * 2)
    places = sharp[SCALE * y - BEFORE, SCALE * x - BEFORE].reshape(len(y), TAPS * TAPS)
    around = low[y - _AROUND, x - _AROUND].reshape(len(y), (2 * _AROUND + 1) ** 2)
    return places - np.float32(0.5), around - np.float32(0.5)


def _strongest(detail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the strongest pixel of each cell, of the cells with the strongest ones, in falling order."""
    rows, columns = ((side - 2 * _MARGIN) // _CELL for side in detail.shape)
    if rows < 1 or columns < 1:
        return np.empty(0, int), np.empty(0, int)
    inner = detail[_MARGIN : _MARGIN + rows * _CELL, _MARGIN : _MARGIN + columns * _CELL]
    cells = inner.reshape(rows, _CELL, columns, _CELL).swapaxes(1, 2).reshape(rows * columns, _CELL * _CELL)
    within, most = cells.argmax(1), cells.max(1)
    chosen = np.argsort(-most, kind="stable")[:_PLACES]
    chosen = chosen[most[chosen] > 0]
    y = _MARGIN + chosen // columns * _CELL + within[chosen] // _CELL
    return y, _MARGIN + chosen % columns * _CELL + within[chosen] % _CELL


def _weights(predicted: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of places, by how well a kernel predicts them after the best gain and offset."""
    gain, offset = np.polyfit(predicted, values, 1, w=np.sqrt(weights) + 1e-6)
    return tukey(np.abs(values - gain * predicted - offset)).astype(np.float32)


def linear_part(colours: ColourTransfer) -> np.ndarray:
    """The matrix of a change of colours; a gamma is taken by its tangent in middle grey."""
    if colours.gamma == 1:
        return colours.matrix
    slope = colours.gamma * 0.5 ** (colours.gamma - 1)
    matrix = colours.matrix.copy()
    matrix[:, 3] += matrix[:, :3].sum(1) * (0.5**colours.gamma - 0.5 * slope)
    matrix[:, :3] *= slope
    return matrix
