"""Steadiness over time, on rendered clips whose flow and whose flaws are known."""

import json
import math

import cv2
import numpy as np
import pytest
from small_clips import rendered

from lfvideo_sr.frames import Size
from lfvideo_sr.metrics import eight_bit, luma, psnr_y
from lfvideo_sr.steadiness import ROUNDED_DB, Steadiness, motion, sharpness
from lfvideo_sr.synthetic import flow, random_scene, render

FRAMES = 6


@pytest.fixture(scope="module")
def truth() -> list[np.ndarray]:
    return [eight_bit(one) for one in rendered(0, FRAMES, seed=3)]


def measured(pictures: list[np.ndarray], truth: list[np.ndarray], references: tuple[int, ...] = ()) -> Steadiness:
    steadiness = Steadiness()
    for number, (picture, true) in enumerate(zip(pictures, truth)):
        steadiness.add(picture, true, follows=number > 0, at_reference=number in references)
    return steadiness


def blurred(picture: np.ndarray, sigma: float = 1.5) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in picture])


def brightened(picture: np.ndarray, by: float) -> np.ndarray:
    return np.clip(picture + np.float32(by), 0, 1)


def test_the_truth_is_exactly_as_steady_as_the_truth(truth):
    said = measured(truth, truth, references=(2,)).summary()
    assert said["pairs"] == FRAMES - 1
    assert said["warping_error"]["ratio"] == 1.0 and said["warping_error"]["truth"] > 0
    assert said["flicker"] == 0
    for part in ("at_references", "elsewhere"):
        assert [said[part][step] for step in ("psnr_step", "luma_step", "sharpness_step", "flicker")] == [0] * 4


def test_a_flickering_clip_is_worse_the_more_it_flickers(truth):
    found = []
    for by in (0.01, 0.04):
        clip = [brightened(one, by if number % 2 else -by) for number, one in enumerate(truth)]
        found.append(measured(clip, truth).summary())
    assert 1 < found[0]["warping_error"]["ratio"] < found[1]["warping_error"]["ratio"]
    # Brightness goes from -by to +by: 2 * by * 219 levels, but where a colour is held at black or white.
    assert [one["flicker"] for one in found] == pytest.approx([0.02 * 219, 0.08 * 219], rel=0.05)
    assert found[1]["elsewhere"]["luma_step"] == pytest.approx(0.08 * 219, rel=0.05)


def test_an_error_that_stays_is_steady_and_blur_is_not_taken_for_steadiness(truth):
    darker = measured([brightened(one, -0.03) for one in truth], truth).summary()
    assert darker["flicker"] < 0.5 and darker["warping_error"]["ratio"] == pytest.approx(1, abs=0.02)
    blur = measured([blurred(one) for one in truth], truth).summary()
    assert blur["warping_error"]["ratio"] < 1 and blur["flicker"] > 0.5


def test_a_sharp_frame_among_blurred_ones_pulses(truth):
    reference = 3
    clip = [one if number == reference else blurred(one) for number, one in enumerate(truth)]
    said = measured(clip, truth, references=(reference,)).summary()
    there, elsewhere = said["at_references"], said["elsewhere"]
    assert there["pairs"] == 2 and elsewhere["pairs"] == FRAMES - 3
    for step in ("psnr_step", "sharpness_step"):
        assert there[step] > 10 * elsewhere[step]
    assert there["flicker"] > 2 * elsewhere["flicker"]
    steps = [abs(ROUNDED_DB - psnr_y(clip[beside], truth[beside])) for beside in (reference - 1, reference + 1)]
    assert there["psnr_step"] == pytest.approx(np.mean(steps), abs=1e-3)
    left = [
        1 - sharpness(luma(clip[beside])) / sharpness(luma(truth[beside])) for beside in (reference - 1, reference + 1)
    ]
    assert there["sharpness_step"] == pytest.approx(np.mean(left), abs=1e-3)


def test_two_references_in_a_row_are_neither(truth):
    said = measured(truth, truth, references=(2, 3)).summary()
    assert (said["pairs"], said["at_references"]["pairs"], said["elsewhere"]["pairs"]) == (5, 2, 2)


def test_nothing_is_compared_over_a_cut_or_a_gap(truth):
    steadiness = Steadiness()
    for number, one in enumerate(truth):
        steadiness.add(one, one, follows=number != 3)
    assert len(steadiness.pairs) == FRAMES - 2


def test_the_motion_is_the_scene_s_and_what_is_hidden_is_left_out():
    size = Size(480, 320)
    scene = random_scene(np.random.default_rng(5), width=size.width)
    first, second = (luma(render(scene, time, size)).astype(np.float32) for time in (0.0, 1.0))
    displacement, visible = flow(scene, 0.0, 1.0, size)
    found = motion(first, second)
    height, width = first.shape
    grid = np.dstack(np.meshgrid(np.arange(width), np.arange(height)))
    apart = np.linalg.norm(found.positions - grid - displacement, axis=-1)
    assert np.median(apart[found.visible]) < 0.3
    assert found.visible[visible].mean() > found.visible[~visible].mean() + 0.3


def test_a_still_truth_has_no_ratio_but_flicker_is_seen():
    still = [np.full((3, 32, 32), 0.5, np.float32)] * 3
    clip = [still[0], brightened(still[0], 0.1), still[0]]
    said = measured(clip, still).summary()
    assert said["warping_error"] == {"output": pytest.approx(21.9, abs=0.01), "truth": 0.0, "ratio": None}
    assert said["flicker"] == pytest.approx(21.9, abs=0.01)
    assert said["elsewhere"]["sharpness_step"] is None  # the truth is flat
    json.dumps(said, allow_nan=False)


@pytest.mark.parametrize("frames", [0, 1])
def test_less_than_two_frames_have_nothing_to_compare(frames):
    said = measured(rendered(0, 1, 1, Size(16, 16))[:frames], rendered(0, 1, 1, Size(16, 16))).summary()
    assert said["pairs"] == 0 and said["flicker"] is None and said["at_references"]["psnr_step"] is None
    json.dumps(said, allow_nan=False)


def test_rounding_alone_is_what_psnr_counts_up_to():
    levels = np.random.default_rng(0).uniform(50, 200, 100_000)
    error = np.mean((np.round(levels) - levels) ** 2)
    assert 10 * math.log10(255**2 / error) == pytest.approx(ROUNDED_DB, abs=0.05)
