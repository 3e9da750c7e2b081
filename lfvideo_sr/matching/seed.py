"""The classical seed of a match: optical flow between enlarged low-resolution pictures, on the host."""

import cv2
import numpy as np

from .flow import DenseFlow, FlowSettings, gray

COARSE = 1  # a level that takes a fifth of the time of level 0
_LARGE = 1 << 22  # enlarged pixels, beyond which a search at full resolution takes gigabytes


class FlowSeeder:
    """Seeds a match with one position every `stride` output pixels.

    Low-resolution pictures are enlarged by scale / stride first: the search compares patches with bilinear samples, and
    those of a picture whose detail reaches the sampling limit are too blurred to tell fractions of a pixel.
    With the field of the frame before, the search starts from there. level: of the pyramid of the enlarged pictures, at
    which the search stops; 0 is their full resolution, which pictures of more than 4 million enlarged pixels are not
    searched at. settings: of the search, in place of a level's.
    """

    def __init__(self, scale: int = 4, stride: int = 2, level: int = 0, settings: FlowSettings | None = None):
        self.stride, self.level = stride, level
        self._enlarged = scale // stride
        # From one frame to the next motion is small: half the enlarged size is enough.
        self._search = DenseFlow(settings or _settings(level))
        self._search_large = DenseFlow(settings or _settings(max(level, COARSE)))
        self._following = DenseFlow(_settings(COARSE if self._enlarged > 1 else 0))

    def prepare(self, low: np.ndarray) -> np.ndarray:
        """Picture [3,h,w], float in [0,1] or uint8 -> its luma enlarged by k = scale / stride: uint8 [kh,kw]."""
        luma = gray(low)
        return cv2.resize(luma, None, fx=self._enlarged, fy=self._enlarged, interpolation=cv2.INTER_CUBIC)

    def prepare_large(self, picture: np.ndarray) -> np.ndarray:
        """Picture [3,H,W] of the output's size, float in [0,1] or uint8 -> its luma reduced to a field's grid: uint8
        [H/stride,W/stride], as large as what `prepare` makes of its frame."""
        height, width = (side // self.stride for side in picture.shape[1:])
        return cv2.resize(gray(picture), (width, height), interpolation=cv2.INTER_AREA)

    def __call__(self, frame: np.ndarray, reference: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
        """Prepared frame [kh,kw] and prepared low version of a reference, of any size -> positions f32 [kh,kw,2] in
        reference pixels; `previous` is the field of the frame before on the same grid."""
        height, width = frame.shape
        ratio = np.array([reference.shape[1] / width, reference.shape[0] / height], np.float32)
        if reference.shape != frame.shape:
            reference = cv2.resize(reference, (width, height), interpolation=cv2.INTER_AREA)
        places = pixel_grid(height, width)
        initial = None if previous is None else (on_grid(previous, self.stride) + 0.5) / ratio - 0.5 - places
        search = self._search if frame.size <= _LARGE else self._search_large
        flow = search(frame, reference, initial)
        return in_pixels((places + flow + 0.5) * ratio - 0.5, self.stride)

    def follow(self, frame: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Two prepared frames of one size, the second one shown just before -> positions f32 [kh,kw,2] in output pixels
        of the frame before."""
        return in_pixels(pixel_grid(*frame.shape) + self._following(frame, before), self.stride)


def _settings(level: int) -> FlowSettings:
    """Fewer patches and iterations than usual cost little: see benchmarks/seeds.py."""
    return FlowSettings(finest_scale=level, patch_stride=5, descents=12, refinements=3)


def pixel_grid(height: int, width: int) -> np.ndarray:
    """(x, y) of every pixel, float32 [height,width,2]."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack([x, y], -1)


def in_pixels(places: np.ndarray, stride: int) -> np.ndarray:
    """(x, y) on the grid of a field, one place every `stride` output pixels -> in output pixels, float32."""
    return (places * stride + (stride - 1) / 2).astype(np.float32)


def on_grid(positions: np.ndarray, stride: int) -> np.ndarray:
    """(x, y) in output pixels -> on the grid of a field, float32."""
    return (positions - np.float32((stride - 1) / 2)) / np.float32(stride)
