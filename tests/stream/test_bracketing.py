"""Fields of frames between two references are corrected; all others stay as they are."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from lfvideo_sr.camera.reduction import papers_taps, reduce_by
from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.matching.seed import in_pixels, pixel_grid
from lfvideo_sr.references.reference import Reference, Side
from lfvideo_sr.stream.bracketing import Bracketing

STRIDE, FAR = 2, 8
SIZE = Size(256, 192)


def frame_at(index: int, low: np.ndarray) -> Frame:
    return Frame(np.clip(low, 0, 1), index, TimeStamp(index, Fraction(1, 25)))


def sharp(moved: int) -> np.ndarray:
    """A texture, moved to the right by so many pixels; float32 [3,H,W]."""
    noise = np.random.default_rng(5).random((SIZE.height // 4, SIZE.width // 4)).astype(np.float32)
    luma = np.kron(noise, np.ones((4, 4), np.float32))
    return np.repeat(np.roll(luma, moved, 1)[None], 3, 0)


def reference_at(index: int, moved: int, noise: float = 0.15, **more) -> Reference:
    """With the decoded frame of its moment, which an encoder has changed."""
    picture = sharp(moved)
    coded = np.random.default_rng(index).normal(0, noise, (3, SIZE.height // 4, SIZE.width // 4))
    shown = frame_at(index, (reduce_by(papers_taps(), picture) + coded).astype(np.float32))
    side = Side(shown.picture, papers_taps(), decoded=True)
    return Reference(("test", index), Fraction(index, 25), "test", lambda: picture, frame=shown, side=side, **more)


@pytest.fixture
def references() -> list[Reference]:
    return [reference_at(0, 0), reference_at(FAR, 16)]


def places(height: int, width: int) -> np.ndarray:
    return in_pixels(pixel_grid(height, width), STRIDE)


def bracketing() -> Bracketing:
    """Of references that are prepared already."""
    return Bracketing(4, lambda reference: reference)


def found() -> list[Correspondence]:
    """Of the frame in the middle, 8 pixels from both, with an error in patches."""
    grid = places(SIZE.height // STRIDE, SIZE.width // STRIDE)
    bumps = 0.5 * np.sin(grid / 9).astype(np.float32)
    fields = (grid + np.float32([shift, 0]) + bumps for shift in (-8, 8))
    relevance = np.ones((1, *grid.shape[:2]), np.float32)
    return [Correspondence(field[None], relevance, STRIDE, SIZE) for field in fields]


def middle() -> Frame:
    return frame_at(FAR // 2, reduce_by(papers_taps(), sharp(8)))


def is_unchanged(fields: list[Correspondence], references: list[Reference], frame: Frame) -> bool:
    made = bracketing()(frame, references, fields)
    return all(after is before for after, before in zip(made, fields, strict=True))


def off(field: Correspondence, moved: float) -> float:
    grid = places(*field.positions.shape[1:3])
    return float(np.abs(field.positions[0] - grid - np.float32([moved, 0]))[10:-10, 16:-16].mean())


def test_between_two_references_patches_of_error_shrink(references):
    fields = found()
    made = bracketing()(middle(), references, fields)
    for after, before, moved in zip(made, fields, (-8, 8)):
        assert off(after, moved) < 0.7 * off(before, moved)
        assert after.relevance is before.relevance and after.positions.dtype == np.float32


def test_where_nothing_was_compressed_fields_stay_as_they_are():
    assert is_unchanged(found(), [reference_at(0, 0, noise=0.0), reference_at(FAR, 16, noise=0.0)], middle())


def test_on_a_clean_stream_nothing_is_searched_for(monkeypatch):
    def of(*given):
        raise AssertionError("the motion between the references was looked for")

    monkeypatch.setattr("lfvideo_sr.stream.bracketing.Bracket.of", of)
    assert is_unchanged(found(), [reference_at(0, 0, noise=0.0), reference_at(FAR, 16, noise=0.0)], middle())


def test_one_reference_is_no_bracket(references):
    assert is_unchanged(found()[:1], references[:1], middle())
    assert is_unchanged([], [], middle())


def test_both_references_before_the_frame_are_none(references):
    assert is_unchanged(found(), references, frame_at(FAR + 3, middle().pixels))
    assert is_unchanged(found(), references, replace(middle(), stamp=TimeStamp(0, Fraction(1, 25))))


def test_a_reference_without_the_decoded_frame_of_its_moment_is_none(references):
    first, second = references
    made = replace(second, side=Side(reduce_by(papers_taps(), second.load()), papers_taps()))
    assert is_unchanged(found(), [first, made], middle())
    assert is_unchanged(found(), [first, replace(second, side=None)], middle())
    assert is_unchanged(found(), [first, replace(second, frame=None)], middle())


def test_what_was_made_from_the_stream_itself_is_none(references):
    assert is_unchanged(found(), [references[0], replace(references[1], generated=True)], middle())


def test_a_picture_of_another_size_is_none(references):
    fields = found()
    other = replace(fields[1], reference_size=Size(512, 384))
    assert is_unchanged([fields[0], other], references, middle())


def test_the_motion_between_two_references_is_found_once(references):
    loads, prepared = [], []
    counted = [replace(each, load=lambda each=each: loads.append(each.key) or each.load()) for each in references]
    once = Bracketing(4, lambda reference: prepared.append(reference.key) or reference)
    first = once(middle(), counted, found())
    seen = len(loads)
    again = once(middle(), counted, found())
    assert len(loads) == seen > 0 and prepared == [reference.key for reference in references]
    np.testing.assert_array_equal(first[0].positions, again[0].positions)


def test_tensors_stay_tensors(references):
    torch = pytest.importorskip("torch")
    fields = found()
    tensors = [
        replace(each, positions=torch.from_numpy(each.positions), relevance=torch.from_numpy(each.relevance))
        for each in fields
    ]
    made = bracketing()(middle(), references, tensors)
    expected = bracketing()(middle(), references, fields)
    for after, before in zip(made, expected):
        np.testing.assert_allclose(after.positions.numpy(), before.positions, atol=1e-5)
