"""Classical dense optical flow (DIS): the seed that learned matching starts from, and flow_transfer's own matching."""

from dataclasses import dataclass

import cv2
import numpy as np

_SMALLEST = 12  # pixels of the shorter side at the finest level


@dataclass(frozen=True)
class FlowSettings:
    """Settings of OpenCV's dense inverse search.

    finest_scale: the pyramid level at which the search stops; 0 is full resolution.
    descents:     gradient descent steps per patch and level.
    refinements:  iterations of variational smoothing per level.
    """

    finest_scale: int = 0
    patch_stride: int = 4
    descents: int = 25
    refinements: int = 3


class DenseFlow:
    """Finds where each pixel of one gray picture is in another of the same size."""

    def __init__(self, settings: FlowSettings | None = None):
        self._settings = settings or FlowSettings()

    def __call__(self, source: np.ndarray, target: np.ndarray, initial: np.ndarray | None = None) -> np.ndarray:
        """uint8 [H,W] each -> displacement float32 [H,W,2], (dx, dy) in pixels: source(x, y) = target(x + dx, y + dy).

        `initial` is a displacement to start from; it is not changed.
        """
        start = None if initial is None else initial.astype(np.float32, copy=True)
        if min(source.shape) < _SMALLEST << self._settings.finest_scale:  # nothing to search; OpenCV crashes on some
            return np.zeros((*source.shape, 2), np.float32) if start is None else start
        return self._search().calc(source, target, start)  # type: ignore[arg-type]  # its stub forgets None

    def _search(self) -> cv2.DenseOpticalFlow:
        """A new one each time, which costs little: OpenCV 5.0's crashes when used again with another picture size."""
        search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        search.setFinestScale(self._settings.finest_scale)
        search.setPatchStride(self._settings.patch_stride)
        search.setGradientDescentIterations(self._settings.descents)
        search.setVariationalRefinementIterations(self._settings.refinements)
        return search


def gray(pixels: np.ndarray) -> np.ndarray:
    """RGB float [3,H,W] in [0,1], or uint8 -> BT.601 luma uint8 [H,W]."""
    if pixels.dtype != np.uint8:
        pixels = (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
    return cv2.cvtColor(np.ascontiguousarray(pixels.transpose(1, 2, 0)), cv2.COLOR_RGB2GRAY)
