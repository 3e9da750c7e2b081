"""Whether a high-resolution picture shows exactly what a low-resolution frame shows."""

import cv2
import numpy as np

from ..frames import Size
from .colour import LUMA_WEIGHTS
from .flow import DenseFlow, gray
from .resize import bicubic, to_uint8


def displacement(frame: np.ndarray, picture: np.ndarray) -> float:
    """Median length, in pixels of `picture`, of the flow between frame [3,h,w] and picture [3,H,W], both in [0,1]."""
    height, width = frame.shape[1:]
    reduced = to_uint8(bicubic(_luma(picture), Size(width, height)))
    flow = DenseFlow()(gray(frame), reduced)
    return float(np.median(np.hypot(flow[..., 0], flow[..., 1]))) * picture.shape[2] / width


def _luma(picture: np.ndarray) -> np.ndarray:
    """As `gray` weighs, unrounded: one plane is reduced in a third of the time of three."""
    red, blue = LUMA_WEIGHTS[601]
    return cv2.addWeighted(cv2.addWeighted(picture[0], red, picture[1], 1 - red - blue, 0), 1, picture[2], blue, 0)
