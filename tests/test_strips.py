"""A frame restored in strips is the frame restored whole, to rounding, for every method that says how far it sees."""

import numpy as np
import pytest
from small_clips import engine_of, rendered

from lfvideo_sr.engine import Matched
from lfvideo_sr.frames import Frame, Size, View
from lfvideo_sr.media.resize import degrade, resized
from lfvideo_sr.references.pictures import picture_references
from lfvideo_sr.strips import restored_strips, strips_of, with_alpha

ROUNDING = 1e-5
LOW = Size(24, 64)


def test_strips_cover_every_row_once_and_look_beyond_as_far_as_there_are_rows():
    strips = strips_of(LOW, 5, places=24 * 10)
    assert [(strip.first, strip.last) for strip in strips] == [
        (0, 10),
        (10, 20),
        (20, 30),
        (30, 40),
        (40, 50),
        (50, 60),
        (60, 64),
    ]
    assert [(strip.top, strip.bottom) for strip in strips[:2] + strips[-2:]] == [(0, 15), (5, 25), (45, 64), (55, 64)]
    assert len(strips_of(LOW, None, places=24)) == len(strips_of(LOW, 5, places=24 * 64)) == 1
    assert len(strips_of(LOW, 5, places=1)) == 64


@pytest.fixture(scope="module")
def moments():
    return rendered(0, 2, seed=3, size=LOW.scaled(4))


@pytest.mark.parametrize("with_reference", [False, True])
@pytest.mark.parametrize("method", ["bicubic", "flow_transfer", "stream_ref"])
def test_strips_are_the_whole(method, with_reference, moments):
    engine, frame = engine_of(method), Frame(degrade(moments[0]), 0, View(0, 0))
    matches = []
    if with_reference and engine.info.references:
        (reference,) = picture_references([moments[1]], LOW)
        encoded = engine.encode(reference)
        matches = [Matched(encoded, engine.match(frame, encoded, None))]
    strips = list(restored_strips(engine, frame, matches, places=24 * 9))
    assert [strip.shape[1] for strip in strips] == [36] * 7 + [4]
    whole = engine.restore(frame, matches)
    assert np.abs(np.concatenate(strips, 1) - whole).max() < ROUNDING


def test_a_method_that_may_see_everything_is_restored_at_once(moments):
    class Whole:
        device, restored = "cpu", []
        info = engine_of("bicubic").info.__class__("whole", "")

        def restore(self, frame, matches):
            self.restored.append(frame)
            return np.zeros((3, 4, 4), np.float32)

    frame = Frame(degrade(moments[0]), 0, View(0, 0))
    list(restored_strips(Whole(), frame, [], places=1))
    assert Whole.restored == [frame]


def test_transparency_of_strips_is_that_of_the_whole():
    alpha = np.random.default_rng(0).random((64, 24)).astype(np.float32)
    result = np.zeros((3, 256, 96), np.float32)
    strips = [result[:, top : top + 36] for top in range(0, 256, 36)]
    whole = np.concatenate(list(with_alpha(strips, alpha)), 1)
    assert whole.shape == (4, 256, 96) and not whole[:3].any()
    assert np.abs(whole[3] - resized(alpha[None], Size(96, 256))[0]).max() < ROUNDING
