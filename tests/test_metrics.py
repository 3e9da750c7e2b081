"""PSNR and SSIM against numbers worked out by hand and against plain twins written from the papers' formulas."""

import math

import numpy as np
import pytest

from lfvideo_sr.media.luma import studio_luma
from lfvideo_sr.metrics import TTSR, eight_bit, luma, psnr_rgb, psnr_y, ssim_y


def noise(seed: int, height: int = 40, width: int = 52) -> np.ndarray:
    return np.random.default_rng(seed).random((3, height, width)).astype(np.float32)


def flat(*rgb: float, side: int = 26) -> np.ndarray:
    return np.broadcast_to(np.array(rgb, np.float32)[:, None, None], (3, side, side)).copy()


@pytest.mark.parametrize(
    ("rgb", "level"),
    [((0, 0, 0), 16), ((1, 1, 1), 235), ((1, 0, 0), 81.481), ((0, 1, 0), 144.553), ((0, 0, 1), 40.966)],
)
def test_luma_of_known_colours(rgb, level):
    assert luma(flat(*rgb)) == pytest.approx(np.full((26, 26), level), abs=1e-9)


def test_what_is_compared_in_is_the_luma_of_scores():
    pixels = np.random.default_rng(0).random((3, 40, 30)).astype(np.float32)
    np.testing.assert_allclose(studio_luma(pixels), luma(pixels), atol=1e-4)


def test_psnr_of_a_constant_difference():
    """Grey 0.5 and 0.6: Y differs by 0.1 * (235 - 16), RGB by 0.1."""
    a, b = flat(0.5, 0.5, 0.5), flat(0.6, 0.6, 0.6)
    assert psnr_y(a, b) == pytest.approx(20 * math.log10(255 / 21.9), abs=1e-5)
    assert psnr_rgb(a, b) == pytest.approx(20, abs=1e-5)


def test_the_plane_matters():
    """A difference in blue alone: small in Y, a third of the squared error in RGB."""
    a, b = flat(0.5, 0.5, 0.5), flat(0.5, 0.5, 0.6)
    assert psnr_y(a, b) == pytest.approx(20 * math.log10(255 / 2.4966), abs=1e-5)
    assert psnr_rgb(a, b) == pytest.approx(20 + 10 * math.log10(3), abs=1e-5)


def test_equal_pictures():
    assert psnr_y(noise(0), noise(0)) == psnr_rgb(noise(0), noise(0)) == math.inf
    assert ssim_y(noise(0), noise(0)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("measure", [psnr_y, psnr_rgb, ssim_y])
def test_both_orders_agree(measure):
    assert measure(noise(0), noise(1)) == pytest.approx(measure(noise(1), noise(0)), rel=1e-9)


@pytest.mark.parametrize("border", [0, 4, 7])
def test_the_border_is_left_out_and_nothing_else(border):
    a, inside, outside = flat(0.5, 0.5, 0.5), flat(0.5, 0.5, 0.5), flat(0.5, 0.5, 0.5)
    inside[:, border, -border - 1] += 0.25
    assert math.isfinite(psnr_y(a, inside, border)) and math.isfinite(psnr_rgb(a, inside, border))
    if border:
        outside[:, border - 1], outside[..., -border] = 1, 0
        outside[..., border - 1], outside[:, -border] = 1, 0
        assert psnr_y(a, outside, border) == psnr_rgb(a, outside, border) == math.inf
        assert ssim_y(a, outside, border) == pytest.approx(1, abs=1e-12)


def plain_psnr_y(a: np.ndarray, b: np.ndarray) -> float:
    total, count = 0.0, 0
    for y in range(4, a.shape[1] - 4):
        for x in range(4, a.shape[2] - 4):
            ya, yb = (16 + 65.481 * p[0, y, x] + 128.553 * p[1, y, x] + 24.966 * p[2, y, x] for p in (a, b))
            total, count = total + (ya - yb) ** 2, count + 1
    return 10 * math.log10(255**2 / (total / count))


@pytest.mark.parametrize("seed", [0, 1])
def test_psnr_equals_its_plain_twin(seed):
    a, b = noise(seed).astype(np.float64), noise(seed + 9).astype(np.float64)
    assert psnr_y(a, b) == pytest.approx(plain_psnr_y(a, b), abs=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_psnr_with_other_weights_equals_its_plain_twin(seed):
    """TTSR's: levels of 0..255 weighed in 256ths, the mean squared difference of the whole picture over 255."""
    a, b = noise(seed).astype(np.float64), noise(seed + 9).astype(np.float64)
    total = 0.0
    for y in range(a.shape[1]):
        for x in range(a.shape[2]):
            levels = (a[:, y, x] - b[:, y, x]) * 255
            total += ((65.738 * levels[0] + 129.057 * levels[1] + 25.064 * levels[2]) / 256 / 255) ** 2
    wanted = -10 * math.log10(total / a[0].size)
    assert psnr_y(a, b, border=0, weights=TTSR) == pytest.approx(wanted, abs=1e-9)
    assert luma(a, TTSR) == pytest.approx(luma(a), abs=1e-3)


def plain_ssim_y(a: np.ndarray, b: np.ndarray, border: int = 4) -> float:
    ya, yb = (16 + 65.481 * p[0] + 128.553 * p[1] + 24.966 * p[2] for p in (a.astype(np.float64), b.astype(np.float64)))
    return plain_ssim(ya, yb, border)


def plain_ssim(ya: np.ndarray, yb: np.ndarray, border: int) -> float:
    """Wang et al. 2004, equation 13 with their constants, window by window, of planes in 0..255."""
    line = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / np.outer(line, line).sum()
    scores = []
    for y in range(border, ya.shape[0] - border - 10):
        for x in range(border, ya.shape[1] - border - 10):
            wa, wb = ya[y : y + 11, x : x + 11], yb[y : y + 11, x : x + 11]
            mean_a, mean_b = (window * wa).sum(), (window * wb).sum()
            var_a, var_b = (window * (wa - mean_a) ** 2).sum(), (window * (wb - mean_b) ** 2).sum()
            both = (window * (wa - mean_a) * (wb - mean_b)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            score = (2 * mean_a * mean_b + c1) * (2 * both + c2)
            scores.append(score / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)))
    return float(np.mean(scores))


@pytest.mark.parametrize("strength", [0.02, 0.2, 1.0])
def test_ssim_equals_its_plain_twin(strength):
    a = noise(3)
    b = (1 - strength) * a + strength * noise(4)
    assert ssim_y(a, b) == pytest.approx(plain_ssim_y(a, b), abs=1e-9)


def test_ssim_of_flat_pictures():
    """No variance: only the means count. Grey 0.2 and 0.8 have Y = 59.8 and 191.2."""
    c1 = 2.55**2
    wanted = (2 * 59.8 * 191.2 + c1) / (59.8**2 + 191.2**2 + c1)
    assert ssim_y(flat(0.2, 0.2, 0.2), flat(0.8, 0.8, 0.8)) == pytest.approx(wanted, abs=1e-6)


def test_ssim_of_a_negative_is_negative():
    assert ssim_y(noise(5), 1 - noise(5)) < -0.5


def test_a_border_of_none_is_measured_too():
    a, b = noise(6), noise(7)
    assert ssim_y(a, b, border=0) == pytest.approx(plain_ssim_y(a, b, border=0), abs=1e-9)


def test_a_picture_too_small_to_judge_has_no_score():
    for side in (3, 8, 9, 18):
        a, b = flat(0, 0, 0, side=side), flat(1, 1, 1, side=side)
        assert math.isnan(ssim_y(a, b))
        assert math.isnan(psnr_y(a, b)) == math.isnan(psnr_rgb(a, b)) == (side <= 8)
    assert math.isfinite(ssim_y(flat(0, 0, 0, side=19), flat(1, 1, 1, side=19)))


def test_eight_bit_is_what_a_viewer_sees():
    levels = eight_bit(np.array([-0.5, 0, 0.4 / 255, 0.6 / 255, 254.6 / 255, 1, 7]))
    assert (levels * 255).tolist() == pytest.approx([0, 0, 0, 1, 255, 255, 255])
    every = np.arange(256, dtype=np.float32) / 255
    assert np.array_equal(eight_bit(every), every)
