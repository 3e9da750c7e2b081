"""How far a sharp picture is from showing what a frame shows."""

import numpy as np
import pytest
from small_clips import rendered

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.registration.displacement import displacement

PICTURE = rendered(0, 1, seed=3, size=Size(384, 256))[0]


def part(across: int, down: int = 0) -> np.ndarray:
    return np.ascontiguousarray(PICTURE[:, 16 + down : 240 + down, 32 + across : 352 + across])


@pytest.mark.parametrize(("across", "down"), [(0, 0), (1, 0), (0, 3), (3, 4)])
def test_a_moved_picture_is_off_by_as_much(across, down):
    assert displacement(degrade(part(0)), part(across, down)) == pytest.approx(np.hypot(across, down), abs=0.1)


def test_another_exposure_is_no_displacement():
    assert displacement(degrade(part(0)), part(0) * np.float32(0.8) + np.float32(0.05)) < 0.15


def test_it_is_luma_that_is_compared():
    """Weighed as the frame's is: a picture in which red and blue have changed places looks elsewhere."""
    picture, flipped = part(0).copy(), part(0)[::-1].copy()
    picture[2] = flipped[0] = 1 - picture[1]  # an edge in blue counts for little
    assert displacement(degrade(picture), picture) < 0.1 < displacement(degrade(picture), flipped)
