"""Brings a stream's frames near to what the papers' reduction would have made of the same scenes.

Methods learn from the papers' reduction, and take what another camera makes of a scene for blurred or jagged. A filter
of a few low-resolution pixels makes up for most of that where the camera kept enough. It is the one that brings a frame
nearest to the reduction of its sharp picture in the sense of least squares, and so allows for noise and compression by
itself (Wiener's filter).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ..media.luma import luma
from .kernels import SCALE
from .reduction import papers_taps, reduce_by

_REACH = 2  # low-resolution pixels to each side
_MARGIN = 4  # low-resolution pixels at each side, of which kernels saw what is beyond the edge
_MOST = 1 << 18  # pixels to look at; of a larger frame, every second one along both axes, or every third ...
_RIDGE = 1e-7  # of squared differences of neighbours: where there are none, the filter does nothing
_WORTHWHILE = 0.85  # of the mean squared error: a filter that leaves more is none


@dataclass(frozen=True, eq=False)
class Equaliser:
    """A filter of low-resolution pictures.

    kernel: float32 [5,5], sums to 1, the same upside down and left to right: nothing is moved.
    """

    kernel: np.ndarray

    @classmethod
    def of(cls, frame: np.ndarray, picture: np.ndarray) -> "Equaliser | None":
        """From a frame [3,h,w] and the picture [3,4h,4w] of the same moment, in its colours and place, both float32 RGB
        in [0,1]. None where no filter would take 15 % of the squared error between the frame and the papers' reduction
        of the picture: there the camera is much like theirs, or compression has taken what differs."""
        seen, aim = luma(frame), luma(reduce_by(papers_taps(), picture))
        places = (slice(_MARGIN, -_MARGIN, 1 + int((seen.size / _MOST) ** 0.5)),) * 2
        if min(seen[places].shape) < 1:
            return None
        parts = np.stack([part[places].ravel() for part in _symmetric_parts(seen)]).astype(np.float64)
        missing = (aim - seen)[places].ravel().astype(np.float64)
        weights = np.linalg.solve(parts @ parts.T + _RIDGE * missing.size * np.eye(len(parts)), parts @ missing)
        left = missing - weights @ parts
        if left @ left >= _WORTHWHILE * (missing @ missing):
            return None
        return cls(_kernel_of(weights))

    def behind(self, taps: np.ndarray) -> np.ndarray:
        """A camera's taps float32 [2,24] (camera/reduction.py) -> those of the camera and the filter together."""
        along = self.kernel.sum(1), self.kernel.sum(0)
        return np.stack([_filtered(line, each) for line, each in zip(along, taps)])

    def __call__(self, picture: Any) -> Any:
        """An array or a tensor float32 [C,h,w] in [0,1] -> the same, where it is; beyond an edge the edge goes on."""
        if not isinstance(picture, np.ndarray):
            return _plainly(self.kernel, picture)
        edge = cv2.BORDER_REPLICATE
        return np.stack([cv2.filter2D(plane, -1, self.kernel, borderType=edge) for plane in picture]).clip(0, 1)


def _plainly(kernel: np.ndarray, picture: Any) -> Any:
    """The same of an array or a tensor, by what both can."""
    height, width = picture.shape[1:]
    rows, columns = (np.clip(np.arange(-_REACH, side + _REACH), 0, side - 1) for side in (height, width))
    padded = picture[:, rows][:, :, columns]
    moved = (padded[:, y : y + height, x : x + width] * float(weight) for (y, x), weight in np.ndenumerate(kernel))
    return sum(moved).clip(0, 1)  # type: ignore[union-attr]  # a sum of nothing would be a number


def _filtered(line: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Taps [24] behind a filter of low-resolution pixels along their axis; what is beyond them is cut off."""
    spread = np.zeros(2 * _REACH * SCALE + 1)
    spread[::SCALE] = line
    both = np.convolve(taps, spread, "same")
    return (both / both.sum()).astype(np.float32)


def _places() -> list[tuple[int, int]]:
    """A quarter of the kernel without its centre, from which the rest follows."""
    return [(y, x) for y in range(_REACH + 1) for x in range(_REACH + 1) if y or x]


def _mirrored(y: int, x: int) -> list[tuple[int, int]]:
    """Where a place of the quarter is in the other quarters, itself included."""
    return [(down, across) for down in {y, -y} for across in {x, -x}]


def _symmetric_parts(plane: np.ndarray) -> Iterator[np.ndarray]:
    """What a unit at each place of the quarter, taken from the centre, adds to a plane [h,w]."""
    height, width = plane.shape
    padded = np.pad(plane, _REACH, mode="edge")

    def moved(y: int, x: int) -> np.ndarray:
        return padded[_REACH + y : _REACH + y + height, _REACH + x : _REACH + x + width]

    for place in _places():
        yield np.sum([moved(*at) - plane for at in _mirrored(*place)], 0)


def _kernel_of(weights: np.ndarray) -> np.ndarray:
    kernel = np.zeros((2 * _REACH + 1,) * 2)
    for place, weight in zip(_places(), weights):
        for y, x in _mirrored(*place):
            kernel[_REACH + y, _REACH + x] = weight
    kernel[_REACH, _REACH] = 1 - kernel.sum()
    return kernel.astype(np.float32)
