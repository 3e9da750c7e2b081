"""Disparity by a plane sweep: right on planes whose disparity is known, within a range that it finds itself."""

import cv2
import numpy as np
import pytest

from lfvideo_sr.matching.plane_sweep import Neighbour, disparity_range, sweep

SIDE = 48
STEPS = [(-1, 0), (1, 0), (0, -1), (0, 1), (-2, -2), (2, 2), (2, -2), (-2, 2)]


def pattern(seed: int = 0) -> np.ndarray:
    """A luma with texture of several pixels, larger than a view."""
    noise = np.random.default_rng(seed).standard_normal((4 * SIDE, 4 * SIDE)).astype(np.float32)
    return 120 + 250 * cv2.GaussianBlur(noise, (0, 0), 2.0)


def seen(picture: np.ndarray, across: float, down: float) -> np.ndarray:
    """A view of a pattern that is moved left and up by so much."""
    moves = np.array([[1, 0, SIDE + across], [0, 1, SIDE + down]], np.float32)
    return cv2.warpAffine(picture, moves, (SIDE, SIDE), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)


def plane(disparity: float) -> tuple[np.ndarray, list[Neighbour]]:
    """A view of one plane, and its neighbours."""
    picture = pattern()
    return seen(picture, 0, 0), [Neighbour(seen(picture, disparity * x, disparity * y), (x, y)) for x, y in STEPS]


@pytest.mark.parametrize("disparity", [-1.3, -0.2, 0.0, 0.37, 2.1])
def test_a_planes_disparity_is_found_to_a_few_hundredths_of_a_pixel(disparity):
    view, neighbours = plane(disparity)
    bounds = disparity_range(view, neighbours)
    assert bounds is not None and bounds[0] < disparity < bounds[1] and bounds[1] - bounds[0] < 1.5
    inner = sweep(view, neighbours, bounds).disparity[8:-8, 8:-8]
    assert np.abs(inner - disparity).mean() < 0.03


def test_steps_along_columns_and_rows_both_count():
    """A neighbour below moves things up, and one on the right moves them left."""
    view, neighbours = plane(0.8)
    for only in ([neighbours[0], neighbours[1]], [neighbours[2], neighbours[3]]):
        assert np.median(sweep(view, only, (-1.5, 1.5)).disparity[8:-8, 8:-8]) == pytest.approx(0.8, abs=0.05)


def test_other_brightness_of_neighbours_does_not_matter():
    view, neighbours = plane(0.6)
    brighter = [Neighbour(luma + 20, step) for luma, step in neighbours]
    assert np.median(sweep(view, brighter, (-1.5, 1.5)).disparity[8:-8, 8:-8]) == pytest.approx(0.6, abs=0.03)


def test_a_view_without_texture_has_no_range():
    flat = np.full((SIDE, SIDE), 90, np.float32)
    assert disparity_range(flat, [Neighbour(flat, (1, 0))]) is None


def test_pictures_of_something_else_are_unlike():
    view, neighbours = plane(0.5)
    others = [Neighbour(seen(pattern(1), x, y), (x, y)) for x, y in STEPS]
    right, wrong = (sweep(view, some, (-1.0, 1.0)).unlike for some in (neighbours, others))
    assert right < 0.1 and wrong > 0.75
