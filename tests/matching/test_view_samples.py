"""What neighbours measured between a view's pixels, by the cells of its output pixels."""

import cv2
import numpy as np
import pytest

from lfvideo_sr.camera.reduction import papers_taps, reduce_by
from lfvideo_sr.frames import Size
from lfvideo_sr.matching.plane_sweep import Neighbour
from lfvideo_sr.matching.view_samples import blurred, fusion_input, gathered, view_samples
from lfvideo_sr.media.resize import bicubic

LOW = 20
OWN = np.pad(np.full((2, 2), 0.25), 1)  # what a view's own pixel counts: it is in the middle of its 4x4 cells


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    """A luma 0..255 of fine texture, with a margin of 16 output pixels."""
    picture = np.random.default_rng(3).uniform(60, 200, (4 * LOW + 32, 4 * LOW + 32)).astype(np.float32)
    return np.ascontiguousarray(picture)


def view_of(sharp: np.ndarray, right: int = 0, down: int = 0) -> np.ndarray:
    """The output picture of a camera that is moved by so many output pixels."""
    return np.ascontiguousarray(sharp[16 + down : 16 + down + 4 * LOW, 16 + right : 16 + right + 4 * LOW])


def low_of(sharp: np.ndarray, right: int = 0, down: int = 0) -> np.ndarray:
    """Its low-resolution view, from the whole picture, so that nothing is cut off at its edge."""
    moved = np.roll(sharp, (-down, -right), (0, 1))
    return reduce_by(papers_taps(), moved[None])[0][4:-4, 4:-4]


def test_blurred_is_the_reduction_from_anywhere(sharp):
    reduced = reduce_by(papers_taps(), sharp[None])[0]
    assert np.allclose(blurred(sharp)[2::4, 2::4][3:-3, 3:-3], reduced[3:-3, 3:-3], atol=1e-2)


@pytest.mark.parametrize(("right", "down"), [(1, 0), (-1, 1), (1, -1)])
def test_a_neighbours_pixels_count_where_they_were_measured(sharp, right, down):
    """A camera that is a few output pixels aside has its pixels in the cells beside the middle: disparity is 1/4."""
    neighbour = Neighbour(low_of(sharp, right, down), (right, down))
    flat = np.full((LOW, LOW), 0.25, np.float32)
    samples = view_samples(gathered(low_of(sharp), flat, [neighbour]), view_of(sharp))
    cells = samples.weight[:, 5:-5, 5:-5].mean((1, 2)).reshape(4, 4)
    extra = cells - OWN
    # the middle of a low-resolution pixel is 1.5 output pixels from its first one
    expected = np.zeros((4, 4))
    for y, x in np.ndindex(4, 4):
        expected[y, x] = max(0, 1 - abs(1.5 + down - y)) * max(0, 1 - abs(1.5 + right - x))
    assert np.allclose(extra / extra.sum(), expected / expected.sum(), atol=0.05)


def test_the_truth_explains_every_neighbour(sharp):
    view, flat = low_of(sharp), np.full((LOW, LOW), 0.25, np.float32)
    neighbours = [Neighbour(low_of(sharp, x, y), (x, y)) for x, y in [(1, 0), (-1, 0), (0, 1), (1, -1)]]
    enlarged = bicubic(view[None], Size(4 * LOW, 4 * LOW))[0]
    pictures = (enlarged, view_of(sharp))
    spreads = [view_samples(gathered(view, flat, neighbours), picture).spread[5:-5, 5:-5] for picture in pictures]
    missed, explained = (spread.mean() for spread in spreads)
    assert explained < 0.25 * missed


def test_neighbours_that_show_something_else_count_for_little(sharp):
    view, flat = low_of(sharp), np.zeros((LOW, LOW), np.float32)
    samples = view_samples(gathered(view, flat, [Neighbour(view + 40, (1, 0))]), view_of(sharp))
    assert samples.weight.sum(0).mean() < 1.05


def test_back_projection_brings_a_picture_nearer_to_the_truth(sharp):
    sharp = cv2.GaussianBlur(sharp, (0, 0), 1.2)  # of detail that so many views can show
    view, flat = low_of(sharp), np.full((LOW, LOW), 0.25, np.float32)
    steps = [step for step in np.ndindex(3, 3) if step != (0, 0)]
    pixels = gathered(view, flat, [Neighbour(low_of(sharp, right, down), (right, down)) for down, right in steps])
    enlarged = bicubic(view[None], Size(4 * LOW, 4 * LOW))[0]
    nearer = fusion_input(pixels, enlarged).planes[1]
    inner = np.s_[16:-16, 16:-16]
    missed = [np.square(picture[inner] - view_of(sharp)[inner]).mean() for picture in (enlarged, nearer)]
    assert missed[1] < 0.7 * missed[0]


def test_a_network_sees_planes_of_output_pixels(sharp):
    view, flat = low_of(sharp), np.full((LOW, LOW), 0.25, np.float32)
    pixels = gathered(view, flat, [Neighbour(low_of(sharp, 1, 0), (1, 0))])
    planes, spread = fusion_input(pixels, view_of(sharp))
    assert planes.shape == (4, 4 * LOW, 4 * LOW) and spread.shape == (1, LOW, LOW)
    assert np.array_equal(planes[0], view_of(sharp))
    samples = view_samples(pixels, planes[1])
    assert np.array_equal(planes[2, 1::4, 2::4], samples.difference[4 * 1 + 2])
    assert np.array_equal(planes[3, 1::4, 2::4], samples.weight[4 * 1 + 2])
