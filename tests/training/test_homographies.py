"""Pictures with known correspondences: what is said to be true is where things went."""

import cv2
import numpy as np
import pytest

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.trainers import correspondence
from lfvideo_sr.training.homographies import (
    BORDER,
    MOST,
    SIDE,
    STRIDE,
    box_moved,
    correspondence_sample,
    true_positions,
)
from lfvideo_sr.training.pairs import corners_moved, warped

SUBPIXEL = 0.15  # of the place of a bright dot in 8 bits


def photo(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (3, height, width), np.uint8)


def sampled(seed=0, side=64, picture=None):
    shown = photo(side + 7, side + 30) if picture is None else picture
    return correspondence_sample(lambda: shown, np.random.default_rng(seed), "near", side=side)


def test_papers_settings():
    assert (SIDE, STRIDE, MOST, BORDER) == (160, 4, 10, 10)


def test_what_a_sample_holds():
    sample = sampled()
    assert {name: array.shape for name, array in sample.items()} == {
        "sharp": (3, 64, 64), "frame": (3, 64, 64), "reference": (3, 64, 64), "truth": (16, 16, 2)
    }  # fmt: skip
    assert all(array.dtype == np.float32 for array in sample.values())
    for name in ("sharp", "frame", "reference"):
        assert sample[name].min() >= 0 and sample[name].max() <= 1
        assert np.allclose(sample[name] * 255, np.round(sample[name] * 255), atol=1e-3)  # in 256 levels
    low = np.round(degrade(sample["sharp"]) * 255).astype(np.uint8)
    assert np.array_equal(sample["frame"], bicubic(low, Size(64, 64)).astype(np.float32) / 255)


def test_samples_are_functions_of_their_number():
    photos = [lambda seed=seed: photo(170, 180, seed) for seed in range(3)]
    first, again, other = (correspondence.sample(photos, 1, number) for number in (5, 5, 6))
    assert all(np.array_equal(first[key], again[key], equal_nan=True) for key in first)
    assert not np.array_equal(first["sharp"], other["sharp"])
    assert not np.array_equal(first["sharp"], correspondence.sample(photos, 2, 5)["sharp"])


def dot(x, y, side=64):
    rows, columns = np.mgrid[:side, :side]
    bright = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
    return np.repeat(bright[None], 3, 0).astype(np.uint8)


def centre(picture):
    weight = picture[0].astype(np.float64)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


@pytest.mark.parametrize("place", [(6, 5), (8, 9), (10, 7)], ids=str)  # column, row, of the descriptors
def test_the_truth_is_where_a_dot_went(place):
    """A dot in the middle of a descriptor's place, and the same homography's picture of it."""
    x, y = (4 * coordinate + 1.5 for coordinate in place)
    for seed in range(6):
        sample = sampled(seed, picture=dot(x, y))
        there = sample["truth"][place[1], place[0]]
        assert np.abs(centre(sample["sharp"]) - (x, y)).max() < SUBPIXEL
        assert np.abs(centre(sample["reference"]) - there).max() < SUBPIXEL, seed


def test_the_truth_is_left_out_beyond_the_picture_and_near_its_edge():
    for seed in range(5):
        homography = corners_moved(np.random.default_rng(seed), (64, 64), 0, 12)
        truth = true_positions(homography, 64)
        assert truth.dtype == np.float32
        for row in range(16):
            for column in range(16):
                x, y, scale = homography @ (4 * column + 1.5, 4 * row + 1.5, 1)
                moved = np.array([x, y]) / scale
                if (moved >= 10).all() and (moved <= 53).all():
                    assert np.allclose(truth[row, column], moved, atol=1e-4)
                else:
                    assert np.isnan(truth[row, column]).all()
        assert np.isnan(truth).any() and np.isfinite(truth).any()


def test_corners_move_in_proportion_to_the_side():
    """By up to 10 pixels of 160."""
    for side in (64, 160):
        grids = [sampled(seed, side)["truth"] for seed in range(12)]
        places = np.arange(side // 4) * 4 + 1.5
        moved = np.concatenate([(grid - np.stack(np.meshgrid(places, places), -1)).ravel() for grid in grids])
        assert 0.3 * side / 16 < np.nanmax(np.abs(moved)) <= 1.1 * side / 16


def test_a_paired_view_shows_the_same():
    """Reading the reference at the true positions gives the sharp picture back."""
    small = np.random.default_rng(1).random((3, 10, 10), np.float32)
    source = (bicubic(small, Size(80, 80)).clip(0, 1) * 255).astype(np.uint8)
    sample = sampled(3, picture=source)
    read = cv2.remap(sample["reference"].transpose(1, 2, 0), sample["truth"], None, cv2.INTER_CUBIC)
    places = np.stack(np.meshgrid(*2 * [np.arange(16, dtype=np.float32) * 4 + 1.5]), -1)
    expected = cv2.remap(sample["sharp"].transpose(1, 2, 0), places, None, cv2.INTER_CUBIC)
    valid = np.isfinite(sample["truth"]).all(-1)
    assert valid.sum() > 60 and np.abs(read - expected)[valid].max() < 0.02


def test_warping_leaves_a_picture_alone_where_nothing_moves():
    assert np.array_equal(warped(photo(20, 30), np.eye(3)), photo(20, 30))


def largest_displacement(homography, side):
    corners = np.array([[0, 0], [side - 1, 0], [side - 1, side - 1], [0, side - 1]], np.float64)
    return np.linalg.norm(cv2.perspectiveTransform(corners[None], homography)[0] - corners, axis=1).max()


@pytest.mark.parametrize("side", [160, 80])
def test_published_homographies_are_as_wide_as_those_of_the_public_code(side):
    """Of 1,000, in pixels of 160: counted on the public code, the median is 18.4 and the 90th percentile 40.7."""
    rng = np.random.default_rng(0)
    moved = [largest_displacement(box_moved(rng, side), side) * 160 / side for _ in range(1000)]
    assert np.percentile(moved, 50) == pytest.approx(18.4, rel=0.07)
    assert np.percentile(moved, 90) == pytest.approx(40.7, rel=0.1)


def test_published_samples_show_the_same_at_true_positions_flips_included():
    small = np.random.default_rng(1).random((3, 10, 10), np.float32)
    source = (bicubic(small, Size(80, 80)).clip(0, 1) * 255).astype(np.uint8)
    orders = set()
    for seed in range(6):
        made = correspondence_sample(lambda: source, np.random.default_rng(seed), side=80)
        read = cv2.remap(made["reference"].transpose(1, 2, 0), made["truth"], None, cv2.INTER_CUBIC)
        places = np.stack(np.meshgrid(*2 * [np.arange(20, dtype=np.float32) * 4 + 1.5]), -1)
        expected = cv2.remap(made["sharp"].transpose(1, 2, 0), places, None, cv2.INTER_CUBIC)
        valid = np.isfinite(made["truth"]).all(-1)
        assert valid.sum() > 40 and np.abs(read - expected)[valid].max() < 0.03, seed
        shown = np.round(made["sharp"] * 255).astype(np.uint8)
        flips = [source, source[:, ::-1], source[:, :, ::-1], source[:, ::-1, ::-1]]
        flips += [picture.swapaxes(1, 2) for picture in flips]
        orders |= {number for number, picture in enumerate(flips) if np.array_equal(picture, shown)}
    assert len(orders) > 2


def test_a_run_takes_the_homographies_that_it_names():
    photos = [lambda: photo(170, 180)]
    near, wide = (correspondence.sample(photos, 1, 3, name)["reference"] for name in ("near", "published"))
    assert not np.array_equal(near, wide)
    assert (wide == 0).all(0).sum() > (near == 0).all(0).sum()  # black beyond the edge
