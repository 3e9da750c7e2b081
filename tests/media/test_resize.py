"""Bicubic against Pillow, which the papers' protocols mean by it, and against its arithmetic written out."""

import numpy as np
import pytest
from PIL import Image

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import (
    FRACTION_BITS,
    bicubic,
    crop_to_multiple,
    degrade,
    fixed_point,
    resize_taps,
    to_float,
    to_uint8,
)


def picture(width: int, height: int) -> np.ndarray:
    """uint8 [3,H,W]: noise, edges and a ramp."""
    random = np.random.default_rng(width)
    noise = random.integers(0, 256, (3, height, width))
    noise[:, : height // 2] = np.linspace(0, 255, width)
    noise[:, :, : width // 4] = 255 * (np.arange(height) % 7 < 3)[:, None]
    return noise.astype(np.uint8)


def by_pillow(pixels: np.ndarray, size: Size) -> np.ndarray:
    image = Image.fromarray(pixels.transpose(1, 2, 0))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC)).transpose(2, 0, 1)


def one_axis(pixels: np.ndarray, target: int, axis: int) -> np.ndarray:
    """A pass over 8-bit [...,H,W] in whole numbers, as Pillow's C does it."""
    length = pixels.shape[axis]
    if length == target:
        return pixels
    first, weights = resize_taps(length, target)
    samples = np.moveaxis(pixels, axis, -1)
    index = np.minimum(first[:, None] + np.arange(weights.shape[1]), length - 1)
    total = (samples[..., index].astype(np.int32) * fixed_point(weights)).sum(-1) + (1 << (FRACTION_BITS - 1))
    return np.moveaxis(np.clip(total >> FRACTION_BITS, 0, 255).astype(np.uint8), -1, axis)


SIZES = pytest.mark.parametrize(
    ("size", "target"),
    [
        (Size(96, 64), Size(24, 16)),
        (Size(97, 61), Size(24, 15)),
        (Size(321, 181), Size(80, 45)),
        (Size(24, 16), Size(96, 64)),
        (Size(33, 21), Size(132, 84)),
        (Size(100, 80), Size(67, 80)),
        (Size(5, 5), Size(1, 1)),
        (Size(2, 3), Size(8, 12)),
    ],
)


@SIZES
def test_eight_bits_are_the_arithmetic_in_whole_numbers_horizontally_first(size, target):
    pixels = picture(*size)
    by_hand = one_axis(one_axis(pixels, target.width, axis=-1), target.height, axis=-2)
    assert np.array_equal(bicubic(pixels, target), by_hand)
    assert np.array_equal(bicubic(pixels[None, :2], target), by_hand[None, :2])


@SIZES
def test_eight_bits_equal_pillow(size, target):
    pixels = picture(*size)
    ours, theirs = bicubic(pixels, target), by_pillow(pixels, target)
    assert ours.dtype == np.uint8 and (ours == theirs).mean() >= 0.999
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_float_is_pillow_without_the_rounding():
    pixels = picture(96, 64)
    ours, theirs = bicubic(to_float(pixels), Size(24, 16)), by_pillow(pixels, Size(24, 16))
    assert ours.dtype == np.float32 and np.abs(np.clip(ours, 0, 1) * 255 - theirs).max() <= 2


def test_degrade_is_the_papers_protocol():
    pixels = to_float(picture(96, 64))
    assert (to_uint8(degrade(pixels)) == by_pillow(to_uint8(pixels), Size(24, 16))).mean() >= 0.999


def test_the_same_size_changes_nothing():
    pixels = picture(31, 17)
    assert (bicubic(pixels, Size(31, 17)) == pixels).all()
    assert crop_to_multiple(pixels, 4).shape == (3, 16, 28)
