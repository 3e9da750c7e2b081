"""Where one scene ends and the next begins: hard cuts, found while the stream passes."""

import cv2
import numpy as np


class CutDetector:
    def __init__(self):
        self._before: np.ndarray | None = None

    def is_cut(self, pixels: np.ndarray) -> bool:
        thumbnail = cv2.resize(pixels[1], (64, 36), interpolation=cv2.INTER_AREA)
        before, self._before = self._before, thumbnail
        return before is not None and bool(np.abs(thumbnail - before).mean() > 0.15)
