"""What was restored last, as it is handed to a recurrent method: always the frame before, never across a cut."""

from itertools import pairwise

import numpy as np
import pytest
from remembering import Remembering, frame, run

from lfvideo_sr.references.reference import Reference
from lfvideo_sr.stream.segments import MEMORY


def test_each_frame_is_handed_the_one_before_it_as_it_came_out():
    engine = Remembering()
    frames = [frame(index) for index in range(4)]
    restored = run(engine, frames)
    assert engine.handed[0] is None
    for before, now in pairwise(frames):
        last = engine.handed[now.index]
        assert last.frame is before and last.picture is restored[before.index].frame


@pytest.mark.parametrize("cut", [2, MEMORY])
def test_a_cut_ends_it_and_so_does_the_end_of_memory(cut):
    engine = Remembering()
    run(engine, [frame(index, cut=index in (0, 2)) for index in range(MEMORY + 2)])
    assert engine.handed[cut] is None and engine.handed[cut + 1] is not None


def test_a_reference_that_is_passed_on_is_what_the_next_frame_is_handed():
    engine = Remembering()
    pixels = np.full((3, 32, 32), 0.7, np.float32)
    at = frame(1)
    reference = Reference(("own",), at.stamp.seconds, "own", lambda: pixels, generated=True, frame=at)
    run(engine, [frame(0), at, frame(2)], {1: reference})
    assert 1 not in engine.handed
    assert np.array_equal(engine.handed[2].picture.pixels, pixels) and engine.handed[2].frame is at


def test_views_of_a_light_field_and_other_methods_are_handed_nothing():
    for engine, options in ((Remembering(), {"in_order": False}), (Remembering(recurrent=False), {})):
        run(engine, [frame(index) for index in range(3)], **options)
        assert set(engine.handed.values()) == {None}
