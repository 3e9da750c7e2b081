"""Picture quality. The name has the plane: `_y` is luma, BT.601 in 16..235 unless other weights are given, as
super-resolution papers use it."""

import math
from typing import NamedTuple

import cv2
import numpy as np

_WINDOW = 11  # of SSIM


class LumaWeights(NamedTuple):
    """Y = offset + red * R + green * G + blue * B, of R, G, B in [0,1]; Y is on the scale of 0..255."""

    red: float
    green: float
    blue: float
    offset: float = 16.0


BT601 = LumaWeights(65.481, 128.553, 24.966)
# TTSR's public code weighs levels 0..255 and divides by 256: BT.601 again, to 4 parts in a million.
TTSR = LumaWeights(*(255 / 256 * weight for weight in (65.738, 129.057, 25.064)))


def luma(pixels: np.ndarray, weights: LumaWeights = BT601) -> np.ndarray:
    """RGB [3,H,W] in [0,1] -> Y [H,W], BT.601's in 16..235, float64."""
    return weights.offset + np.tensordot(np.array(weights[:3]), pixels.astype(np.float64), 1)


def eight_bit(pixels: np.ndarray) -> np.ndarray:
    """Round to the 256 levels a viewer would see; stays in [0,1]."""
    return np.round(np.clip(pixels, 0, 1) * 255) / 255


def psnr_y(picture: np.ndarray, truth: np.ndarray, border: int = 4, weights: LumaWeights = BT601) -> float:
    """PSNR in dB of the luma of two RGB pictures [3,H,W] in [0,1], `border` pixels left out; inf where equal,
    nan where the border is all there is."""
    return _psnr(luma(picture, weights), luma(truth, weights), border, 255.0)


def psnr_rgb(picture: np.ndarray, truth: np.ndarray, border: int = 4) -> float:
    """PSNR in dB over all three channels of [3,H,W] in [0,1]."""
    return _psnr(picture, truth, border, 1.0)


def _psnr(a: np.ndarray, b: np.ndarray, border: int, peak: float) -> float:
    difference = _inner(a.astype(np.float64) - b, border)
    if not difference.size:
        return math.nan
    error = float(np.mean(difference**2))
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)


def ssim_y(picture: np.ndarray, truth: np.ndarray, border: int = 4, weights: LumaWeights = BT601) -> float:
    """SSIM of the luma (Wang et al. 2004: 11x11 Gaussian, sigma 1.5, valid part only), after leaving out the border;
    nan where no window fits."""
    a, b = (_inner(luma(image, weights), border) for image in (picture, truth))
    return _ssim(a, b, 255.0) if min(a.shape) >= _WINDOW else math.nan


def _inner(plane: np.ndarray, border: int) -> np.ndarray:
    """[...,H,W] without `border` pixels on each side."""
    return plane[..., border : plane.shape[-2] - border, border : plane.shape[-1] - border]


def _ssim(a: np.ndarray, b: np.ndarray, peak: float) -> float:
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2

    def blur(x: np.ndarray) -> np.ndarray:
        return _inner(cv2.GaussianBlur(x, (_WINDOW, _WINDOW), 1.5), _WINDOW // 2)

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    score = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float(np.mean(score / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))))
