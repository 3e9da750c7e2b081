"""The classical seed of a match: optical flow between low-resolution pictures, on the host, in a few milliseconds."""

import cv2
import numpy as np

from .flow import DenseFlow, FlowSettings, gray


class FlowSeeder:
    """Seeds a match at one position per low-resolution pixel (stride `scale` in output pixels).

    With the field of the frame before, the search starts from there.
    """

    def __init__(self, scale: int = 4, settings: FlowSettings | None = None):
        self._scale = scale
        self._search = DenseFlow(settings or FlowSettings())

    def prepare(self, low: np.ndarray) -> np.ndarray:
        """Low-resolution picture float [3,h,w] in [0,1] -> luma uint8 [h,w]."""
        return gray(low)

    def __call__(self, frame: np.ndarray, reference: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
        """Lumas of the frame [h,w] and of the reference's low version [h',w'] -> positions f32 [h,w,2] in reference
        pixels; `previous` is the field of the frame before on the same grid."""
        height, width = frame.shape
        ratio = np.array([reference.shape[1] / width, reference.shape[0] / height], np.float32)
        if reference.shape != frame.shape:
            reference = cv2.resize(reference, (width, height), interpolation=cv2.INTER_AREA)
        own = pixel_grid(height, width)
        initial = None if previous is None else (self._low(previous) + 0.5) / ratio - 0.5 - own
        flow = self._search(frame, reference, initial)
        return self._full((own + flow + 0.5) * ratio - 0.5)

    def _full(self, low: np.ndarray) -> np.ndarray:
        return (low * self._scale + (self._scale - 1) / 2).astype(np.float32)

    def _low(self, full: np.ndarray) -> np.ndarray:
        return (full - (self._scale - 1) / 2) / self._scale


def pixel_grid(height: int, width: int) -> np.ndarray:
    """(x, y) of every pixel, float32 [height,width,2]."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack([x, y], -1)
