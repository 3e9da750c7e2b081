"""The clock of references is found off by what they show, or not at all."""

import numpy as np
import pytest
from small_clips import rendered

from lfvideo_sr.errors import ShapeError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.ref_offset import estimate_offset, thumbnail
from lfvideo_sr.media.resize import degrade

PICTURES = rendered(0, 24, seed=3, size=Size(256, 192))
FRAMES = [degrade(one) for one in PICTURES]
TIMES = [0.04 * k for k in range(len(FRAMES))]


def claimed(offset: float, *shown: int) -> list[tuple[float, np.ndarray]]:
    """References that show these frames, on a clock that needs `offset` added."""
    return [(TIMES[k] - offset, PICTURES[k]) for k in shown]


@pytest.mark.parametrize("offset", [0.0, 0.2, -0.36])
def test_the_offset_is_found_to_a_frame(offset):
    assert estimate_offset(FRAMES, TIMES, claimed(offset, 6, 12, 17)) == pytest.approx(offset, abs=0.021)


def test_another_exposure_and_thumbnails_do():
    references = [(time, np.clip(1.15 * picture, 0, 1)) for time, picture in claimed(0.2, 6, 12, 17)]
    small = [thumbnail(one) for one in FRAMES]
    assert estimate_offset(small, TIMES, references) == pytest.approx(0.2, abs=0.021)


def test_a_still_scene_does_not_tell():
    rng = np.random.default_rng(0)
    noisy = [FRAMES[0] + rng.normal(0, 0.004, FRAMES[0].shape).astype(np.float32) for _ in TIMES]
    assert estimate_offset(noisy, TIMES, [(0.2, PICTURES[0]), (0.6, PICTURES[0])]) is None


def test_motion_that_repeats_itself_does_not_tell():
    again = FRAMES[:8] * 3
    assert estimate_offset(again, TIMES, [(TIMES[11], PICTURES[3])]) is None


def test_references_of_something_else_do_not_tell():
    others = rendered(0, 3, seed=11, size=Size(256, 192))
    assert estimate_offset(FRAMES, TIMES, list(zip((0.2, 0.4, 0.6), others))) is None


def test_nothing_tells_without_references_or_frames():
    assert estimate_offset(FRAMES, TIMES, []) is None
    assert estimate_offset(FRAMES[:2], TIMES[:2], claimed(0.0, 1)) is None


def test_each_frame_needs_its_time():
    with pytest.raises(ShapeError, match="23 times for 24 frames"):
        estimate_offset(FRAMES, TIMES[:-1], claimed(0.0, 1))
