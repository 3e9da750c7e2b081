"""A reference's own pixels, eased into the frames around it."""

import numpy as np
import pytest
from small_clips import HIGH, engine_of, rendered

from lfvideo_sr.frames import Frame, TimeStamp
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.metrics import eight_bit, luma, psnr_y
from lfvideo_sr.steadiness import sharpness
from lfvideo_sr.stream.easing import FINEST, SHARE, Easing, eased, finest_detail, held_down
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions


@pytest.fixture(scope="module")
def moments() -> list[np.ndarray]:
    return rendered(0, 2, seed=3)


def enlarged(picture: np.ndarray) -> np.ndarray:
    return np.clip(bicubic(degrade(picture), HIGH), 0, 1)


def test_what_is_as_good_as_the_reference_stays_as_it_is(moments):
    reference = moments[0]
    np.testing.assert_allclose(eased(reference, reference), reference, atol=1e-6)
    np.testing.assert_allclose(eased(reference, reference, reference), reference, atol=1e-6)


def test_without_a_frame_before_it_moves_a_part_of_the_way(moments):
    reference, restored = moments[0], enlarged(moments[0])
    made = eased(reference, restored)
    np.testing.assert_allclose(made - reference, SHARE * (restored - reference), atol=1e-6)
    assert made.dtype == np.float32 and made.min() >= 0 and made.max() <= 1


def test_a_colour_that_the_method_shows_otherwise_jumps_less(moments):
    restored = moments[0].copy()
    restored[0, 40:60, 40:60] *= 0.5  # red goes missing
    made = eased(moments[0], restored, restored)
    jump = np.abs(restored - moments[0])[0, 45:55, 45:55].mean()
    assert np.abs(restored - made)[0, 45:55, 45:55].mean() == pytest.approx((1 - SHARE) * jump, rel=0.1)


def test_sharpness_comes_near_that_of_the_frame_before_at_little_cost(moments):
    reference, before = moments[1], enlarged(moments[0])
    made = eased(reference, reference, before)  # restored from clean frames: only the neighbour is blurred

    def sharp(picture: np.ndarray) -> float:
        return sharpness(luma(picture))

    step, was = sharp(made) - sharp(before), sharp(reference) - sharp(before)
    assert 0 <= step < 0.3 * was
    assert psnr_y(made, reference) > psnr_y(enlarged(reference), reference) + 3


def test_detail_is_never_made_stronger(moments):
    soft = finest_detail(enlarged(moments[0]))
    assert (held_down(soft, 10 * soft) == 1).all()
    assert held_down(10 * soft, soft).max() <= 1
    flat = np.zeros_like(soft)
    assert (held_down(flat, soft) == 1).all() and np.isfinite(held_down(flat, flat)).all()


def test_only_where_the_frame_before_lacks_it_is_detail_held_down(moments):
    """Left half blurred, right half as sharp as the reference: the right one is left alone."""
    reference, middle = moments[0], HIGH.width // 2
    before = reference.copy()
    before[..., :middle] = enlarged(reference)[..., :middle]
    change = np.abs(eased(reference, reference, before) - reference).mean(0)
    assert change[:, middle + 30 :].max() < 2e-3 < change[:, : middle - 30].max()


def test_a_cut_is_not_eased_into_the_scene_before(moments):
    easing = Easing()
    reference = Frame(moments[0], 1, TimeStamp(1, 1), cut=True)
    easing.shown(Frame(np.zeros_like(moments[0]), 0, TimeStamp(0, 1)))
    np.testing.assert_allclose(easing(reference, reference).pixels, moments[0], atol=1e-6)
    within = Frame(moments[0], 1, TimeStamp(1, 1))
    assert np.abs(easing(within, within).pixels - moments[0]).max() > 0.01


def test_in_a_stream_references_pulse_less_and_the_other_frames_are_the_same(high_clip):
    summaries, shown = {}, {}
    for output in ("pass", "blend"):
        asked = StreamOptions(simulate=True, ref_every=4, ref_output=output)
        with StreamJob(high_clip, engine_of("flow_transfer"), asked) as job:
            shown[output] = list(job)
            summaries[output] = job.scorer.summary()
    for passed, blended in zip(shown["pass"], shown["blend"]):
        assert passed.own == blended.own and not blended.passed
        assert np.array_equal(passed.frame.pixels, blended.frame.pixels) is not passed.own
    assert summaries["blend"]["psnr_y"] == summaries["pass"]["psnr_y"]
    there, before = (summaries[output]["steadiness"]["at_references"] for output in ("blend", "pass"))
    assert there["pairs"] == before["pairs"] > 0
    assert there["sharpness_step"] < 0.7 * before["sharpness_step"] and there["psnr_step"] < before["psnr_step"]


def test_fineness_is_that_of_a_pixel_or_two():
    """A wave of 3 pixels is fine detail for the most part, one of 24 hardly."""
    waves = [np.broadcast_to(0.5 + 0.4 * np.sin(2 * np.pi * np.arange(96) / n), (3, 64, 96)) for n in (3, 24)]
    kept = [finest_detail(wave.astype(np.float32)).std() / wave.std() for wave in waves]
    expected = [1 - np.exp(-0.5 * (2 * np.pi * FINEST / n) ** 2) for n in (3, 24)]
    assert kept == pytest.approx(expected, abs=0.02) and eight_bit(waves[0]).max() <= 1
