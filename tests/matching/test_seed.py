"""The classical seed of a match."""

import cv2
import numpy as np
import pytest

from lfvideo_sr.matching.seed import COARSE, FlowSeeder, pixel_grid


@pytest.fixture(params=[(2, 0), (2, COARSE), (4, 0)])
def seeder(request):
    return FlowSeeder(4, *request.param)


def own_positions(seeder, height, width):
    return pixel_grid(height, width) * seeder.stride + (seeder.stride - 1) / 2


def noise(height, width, seed=0):
    """A low-resolution picture, float [3,h,w]."""
    luma = cv2.GaussianBlur(np.random.default_rng(seed).random((height, width), np.float32), (0, 0), 1.2)
    return np.repeat(((luma - luma.min()) / np.ptp(luma))[None], 3, 0)


@pytest.mark.parametrize("shift", [(0, 0), (2, 0), (-1, 3)])
def test_what_moved_is_found_moved(seeder, shift):
    """In low-resolution pixels, right and down."""
    reference = noise(48, 64)
    frame = np.roll(reference, [-side for side in shift[::-1]], (1, 2))
    prepared = [seeder.prepare(picture) for picture in (frame, reference)]
    moved = seeder(*prepared, None) - own_positions(seeder, *prepared[0].shape)
    inner = moved[len(moved) // 4 : -len(moved) // 4, len(moved) // 4 : -len(moved) // 4]
    assert np.abs(np.median(inner, (0, 1)) - 4 * np.array(shift)).max() < 0.4


def test_the_field_before_leads_where_a_cold_search_does_not(seeder):
    """A move of 20 low-resolution pixels is too far to be found without knowing."""
    wide = noise(64, 160, seed=3)
    prepared = [seeder.prepare(np.ascontiguousarray(wide[:, :, left : left + 96])) for left in (20, 0)]
    places = own_positions(seeder, *prepared[0].shape)
    before = (places + np.float32([80, 0])).astype(np.float32)
    unchanged = before.copy()
    middle = np.s_[len(places) // 4 : -len(places) // 4, len(places) // 4 : len(places)]
    cold, warm = (np.median((seeder(*prepared, start) - places)[middle][..., 0]) for start in (None, before))
    assert abs(cold - 80) > 40 and abs(warm - 80) < 0.5
    assert np.array_equal(before, unchanged)


def test_a_large_picture_is_searched_at_half_its_resolution(monkeypatch):
    reference = noise(48, 64)
    seeder, coarse = FlowSeeder(4, 2, 0), FlowSeeder(4, 2, COARSE)
    prepared = [seeder.prepare(picture) for picture in (np.roll(reference, -2, 2), reference)]
    assert not np.array_equal(seeder(*prepared, None), coarse(*prepared, None))
    monkeypatch.setattr("lfvideo_sr.matching.seed._LARGE", prepared[0].size - 1)
    assert np.array_equal(seeder(*prepared, None), coarse(*prepared, None))


def test_positions_are_pixels_of_the_reference_whatever_its_size(seeder):
    frame = noise(48, 64)
    half = np.stack([cv2.resize(plane, (32, 24), interpolation=cv2.INTER_AREA) for plane in frame])
    prepared = seeder.prepare(frame)
    positions = seeder(prepared, seeder.prepare(half), None)
    expected = (own_positions(seeder, *prepared.shape) + 0.5) / 2 - 0.5
    assert np.abs(np.median(positions - expected, (0, 1))).max() < 0.5


def test_luma_is_enlarged_to_the_grid_of_the_field(seeder):
    assert seeder.prepare(noise(9, 14)).shape == (9 * 4 // seeder.stride, 14 * 4 // seeder.stride)
    assert seeder.prepare(noise(9, 14)).dtype == np.uint8
