"""A filter brings what other cameras make of a scene to what the papers' reduction makes of it."""

import cv2
import numpy as np
import pytest
import torch

from lfvideo_sr.camera import equaliser
from lfvideo_sr.camera.equaliser import Equaliser
from lfvideo_sr.camera.reduction import papers_taps, reduce_by, reduction_taps

HIGH, WIDE = 256, 320


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Texture of all sizes, in colours: float32 [3,H,W] in [0,1]."""
    rng = np.random.default_rng(2)
    layers = [cv2.GaussianBlur(rng.normal(size=(HIGH, WIDE, 3)), (0, 0), sigma) * sigma for sigma in (1, 2, 4, 8, 16)]
    mixed = sum(layers)
    return np.clip(0.5 + 0.12 * mixed / mixed.std(), 0, 1).astype(np.float32).transpose(2, 0, 1)


def made_small(picture: np.ndarray, way: str) -> np.ndarray:
    """In 8 bits."""
    low = reduce_by(np.stack([reduction_taps(way)] * 2), picture)
    return np.round(np.clip(low, 0, 1) * 255).astype(np.float32) / 255


def error(low: np.ndarray, picture: np.ndarray) -> float:
    """Mean square, against the papers' reduction, of the middle."""
    return float(np.square(low - reduce_by(papers_taps(), picture))[:, 4:-4, 4:-4].mean())


@pytest.mark.parametrize(("way", "left"), [("gauss", 0.1), ("bilinear", 0.1), ("lanczos", 0.5), ("area", 0.75)])
def test_most_of_what_another_camera_does_is_made_up_for_on_another_picture_too(picture, way, left):
    fitted = Equaliser.of(made_small(picture, way), picture)
    other = np.ascontiguousarray(picture[::-1, ::-1])
    low = made_small(other, way)
    assert error(fitted(low), other) < left * error(low, other)
    assert abs(fitted.kernel.sum() - 1) < 1e-5 and np.allclose(fitted.kernel, fitted.kernel[::-1, ::-1])


def test_there_is_none_for_the_papers_own_reduction_nor_where_noise_is_all_that_differs(picture):
    low = made_small(picture, "bicubic")
    assert Equaliser.of(low, picture) is None
    flat = np.full_like(picture, 0.5)
    assert Equaliser.of(made_small(flat, "gauss"), flat) is None
    noisy = low + np.random.default_rng(3).normal(0, 0.003, low.shape).astype(np.float32)
    assert Equaliser.of(noisy, picture) is None


def test_of_a_large_frame_few_pixels_are_looked_at(picture, monkeypatch):
    low = made_small(picture, "gauss")
    all_of_them = Equaliser.of(low, picture)
    monkeypatch.setattr(equaliser, "_MOST", low[0].size // 9)
    few = Equaliser.of(low, picture)
    assert 0 < np.abs(few.kernel - all_of_them.kernel).max() < 0.1
    assert error(few(low), picture) < 0.1 * error(low, picture)


def test_there_is_none_of_a_picture_that_is_all_edge():
    tiny = np.random.default_rng(1).random((3, 32, 64)).astype(np.float32)
    assert Equaliser.of(made_small(tiny, "gauss"), tiny) is None


def test_compression_that_took_the_detail_is_not_sharpened(picture):
    """Noise of the size of what the camera blurs away makes the filter a weaker one."""
    low = made_small(picture, "gauss")
    noisy = low + np.random.default_rng(3).normal(0, 0.02, low.shape).astype(np.float32)
    noisy = np.clip(noisy, 0, 1)
    strong, weak = Equaliser.of(low, picture), Equaliser.of(noisy, picture)
    assert strong.kernel[2, 2] > 1.2
    assert weak is None or weak.kernel[2, 2] < 1


def test_camera_and_filter_together_have_taps_of_their_own(picture):
    gauss = np.stack([reduction_taps("gauss")] * 2)
    low = reduce_by(gauss, picture)
    fitted = Equaliser.of(low, picture)
    together = fitted.behind(gauss)
    assert np.allclose(together.sum(1), 1, atol=1e-5)
    assert np.abs(together - papers_taps()).sum() < 0.25 * np.abs(gauss - papers_taps()).sum()
    apart = (reduce_by(together, picture) - fitted(low))[:, 4:-4, 4:-4]
    assert np.square(apart).mean() < 0.02 * np.square(reduce_by(gauss, picture) - fitted(low)).mean()
    still = Equaliser(np.pad(np.ones((1, 1), np.float32), 2))
    shifted = np.stack([reduction_taps("area", 0.3), reduction_taps("area", -0.2)])
    assert np.allclose(still.behind(shifted), shifted, atol=1e-6)


def test_on_tensors_it_is_the_same_filter(picture):
    low = made_small(picture, "gauss")
    fitted = Equaliser.of(low, picture)
    by_torch = fitted(torch.from_numpy(low))
    assert by_torch.shape == low.shape and np.abs(by_torch.numpy() - fitted(low)).max() < 1e-5
