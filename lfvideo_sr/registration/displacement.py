"""Whether a high-resolution picture shows exactly what a low-resolution frame shows."""

import numpy as np

from ..frames import Size
from ..matching.flow import DenseFlow, gray
from ..media.luma import luma
from ..media.resize import bicubic, to_uint8


def displacement(frame: np.ndarray, picture: np.ndarray) -> float:
    """Median length, in pixels of `picture`, of the flow between frame [3,h,w] and picture [3,H,W], both in [0,1]."""
    height, width = frame.shape[1:]
    reduced = to_uint8(bicubic(luma(picture), Size(width, height)))
    flow = DenseFlow()(gray(frame), reduced)
    return float(np.median(np.hypot(flow[..., 0], flow[..., 1]))) * picture.shape[2] / width
