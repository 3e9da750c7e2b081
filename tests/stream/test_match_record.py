"""What is recorded of matches for people to look at: which reference pixel went where."""

from fractions import Fraction

import numpy as np
import pytest
from small_clips import EVERY, HIGH, engine_of

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.frames import Size
from lfvideo_sr.stream import match_record
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.match_record import MatchRecord, coarse_match
from lfvideo_sr.stream.options import StreamOptions


def identity(size: Size, stride: int, relevance: float = 1.0) -> Correspondence:
    """Each place is found where it is."""
    x, y = np.meshgrid(*(stride * np.arange(side // stride, dtype=np.float32) for side in size))
    positions = np.stack([x, y], -1)[None] + np.float32((stride - 1) / 2)
    return Correspondence(positions, np.full(positions.shape[:3], relevance, np.float32), stride, size)


def recorded(clip, **options) -> tuple[MatchRecord, list]:
    with StreamJob(clip, engine_of("flow_transfer"), StreamOptions(**options)) as job:
        record = MatchRecord()
        return record, list(job.restored(record=record))


@pytest.mark.parametrize(("size", "stride"), [(Size(640, 360), 4), (Size(640, 360), 1), (Size(24, 8), 2)])
def test_places_and_positions_of_a_coarse_match_are_shares_of_the_pictures(size, stride):
    coarse = coarse_match(identity(size, stride), size)
    first, step = coarse.places
    rows, columns = coarse.relevance.shape
    assert columns <= 48 and rows <= 48
    expected = np.stack(np.meshgrid(*(first[a] + step[a] * np.arange(n) for a, n in ((0, columns), (1, rows)))), -1)
    np.testing.assert_allclose(coarse.positions / 65535, expected, atol=1e-4)
    assert expected.min() > 0 and expected.max() < 1 and (coarse.relevance == 255).all()


def test_of_several_fields_each_place_has_the_most_relevant():
    size = Size(16, 8)
    weak, strong = identity(size, 1, 0.2), identity(size, 1, 0.8)
    field = Correspondence(
        np.concatenate([weak.positions, strong.positions + 2]),
        np.concatenate([weak.relevance, strong.relevance]), 1, size,
    )  # fmt: skip
    coarse = coarse_match(field, size)
    assert (coarse.relevance == 204).all()
    assert coarse.positions[0, 0, 0] / 65535 * size.width == pytest.approx(2.5, abs=0.01)


def test_a_run_records_what_each_frame_was_made_from(hybrid_clip):
    record, restored = recorded(hybrid_clip)
    assert sorted(record.frames) == [result.frame.index for result in restored]
    for result in restored:
        frame = record.frames[result.frame.index]
        assert frame.references == tuple(reference.key for reference in result.references)
        assert len(frame.matches) == (0 if result.passed else len(result.references))
    assert {small.time for small in record.references.values()} <= {
        float(Fraction(number, 25)) for number in range(0, 14, EVERY)
    }
    assert all(small.size == HIGH and small.picture[:2] == b"\xff\xd8" for small in record.references.values())


def test_of_a_long_clip_every_nth_frame_is_held_with_its_references(hybrid_clip, monkeypatch):
    monkeypatch.setattr(match_record, "FRAMES", 4)
    record, _ = recorded(hybrid_clip)
    assert record.every == 4 and sorted(record.frames) == [0, 4, 8, 12]
    named = {key for frame in record.frames.values() for key in frame.references}
    assert set(record.references) == named
