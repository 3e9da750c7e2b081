"""Where a run is cut into segments."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from small_clips import stamp

from lfvideo_sr.frames import Frame
from lfvideo_sr.references.reference import Reference
from lfvideo_sr.stream.pairing import Paired
from lfvideo_sr.stream.segments import LEAST, MEMORY, Segmenter

FRAMES = 200


def starts(every: int = 0, cuts: tuple[int, ...] = (), **options) -> list[int]:
    """The first frames of the segments of a stream with a reference every so many frames."""
    segmenter, firsts = Segmenter(**options), []
    for index in range(FRAMES):
        frame = Frame(np.zeros((3, 4, 4), np.float32), index, stamp(index), index == 0 or index in cuts)
        own = Reference(("made", index), Fraction(index), "made", lambda: 0) if every and index % every == 0 else None
        if segmenter.number(Paired(frame, (), own)) == len(firsts):
            firsts.append(index)
    return firsts


def test_segments_begin_at_references():
    assert starts(every=8) == [0, 32, 64, 96, 128, 160, 192]
    assert starts(every=12) == [0, 36, 72, 108, 144, 180]


def test_segments_begin_where_a_recurrent_method_starts_afresh():
    assert starts() == list(range(0, FRAMES, MEMORY))
    assert starts(cuts=(10, 50, 150)) == [0, 50, 128, 192]


@pytest.mark.parametrize("every", [7, 8, 16, 64])
def test_a_reference_that_is_eased_in_has_the_frame_before_it_in_its_segment(every):
    firsts = starts(every=every, eased=True)
    assert len(firsts) > 2 and all(first % every != 0 for first in firsts[1:])
    assert all(after - before >= LEAST for before, after in pairwise(firsts))


def test_a_cut_comes_first_even_where_references_are_eased_in():
    assert starts(every=8, cuts=(40,), eased=True)[:2] == [0, 33]
    assert starts(every=8, cuts=(32,), eased=True)[:2] == [0, 32]
