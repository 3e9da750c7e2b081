"""What the report says of quality: means over the right frames, and null where a number would be infinite."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest

from lfvideo_sr.frames import Frame, TimeStamp, View
from lfvideo_sr.report import summary_lines
from lfvideo_sr.stream.pipeline import Restored
from lfvideo_sr.stream.scoring import FrameScore, Scorer, by_distance, summarise


def score(index: int, psnr: float, *, reference: bool = False, bicubic: float = 30.0, ssim: float = 0.9) -> FrameScore:
    return FrameScore(index, reference, psnr_y=psnr, ssim_y=ssim, psnr_rgb=psnr - 1, bicubic_psnr_y=bicubic)


def quality(scores: list[FrameScore]) -> str:
    """The line of the summary."""
    report = {
        "references": [], "reference_source": "none", "reference_description": "none", "cache": {"hit_rate": 0.0},
        "camera": None,
        "frames": 1, "frames_repeated": 0,
        "seconds": 1.0, "frames_per_second": 1.0, "method": "bicubic", "device": "cpu", "dtype": "fp32",
        "warnings": [], "output": "out.mkv", "output_size": "8x8", "metrics": summarise(scores),
    }  # fmt: skip
    return next(line for line in summary_lines(report) if line.startswith("quality"))


def test_references_are_left_out_of_the_means_but_not_of_all_frames():
    metrics = summarise([score(0, 50.0, reference=True), score(1, 30.0, ssim=0.8), score(2, 40.0, ssim=0.9)])
    assert metrics["psnr_y"] == {"mean": 35.0, "min": 30.0}
    assert metrics["psnr_rgb"] == {"mean": 34.0, "min": 29.0}
    assert metrics["ssim_y"] == {"mean": pytest.approx(0.85), "min": 0.8}
    assert metrics["bicubic"]["psnr_y"]["mean"] == 30.0
    assert metrics["count"] == 2
    assert metrics["all_frames"]["psnr_y"] == {"mean": 40.0, "min": 30.0}
    assert metrics["all_frames"]["count"] == 3
    assert [frame["is_reference"] for frame in metrics["frames"]] == [True, False, False]


def test_infinite_is_null_and_one_black_frame_does_not_hide_the_others():
    metrics = summarise([score(0, math.inf, bicubic=math.inf), score(1, 30.0), score(2, 40.0, bicubic=20.0)])
    assert metrics["frames"][0]["psnr_y"] is None
    assert metrics["psnr_y"] == {"mean": 35.0, "min": 30.0}
    assert metrics["bicubic"]["psnr_y"]["mean"] == 25.0
    assert metrics["equal"] == 1 and metrics["count"] == 3
    json.dumps(metrics, allow_nan=False)


@pytest.mark.parametrize("scores", [[], [score(0, math.inf)], [score(0, math.inf, reference=True)]])
def test_nothing_finite_is_null_everywhere(scores):
    metrics = summarise(scores)
    assert metrics["psnr_y"] == metrics["all_frames"]["psnr_y"] == {"mean": None, "min": None}
    json.dumps(metrics, allow_nan=False)


def test_the_summary_says_it_for_people():
    assert "PSNR-Y 35.00 dB (bicubic 30.00), SSIM-Y 0.9000 over 2 frames" in quality([score(0, 30.0), score(1, 40.0)])
    assert "equal to the truth" in quality([score(0, math.inf, bicubic=math.inf)])
    assert "equal to the truth" not in quality([score(0, math.inf, bicubic=math.inf), score(1, 40.0)])
    assert "PSNR-Y 40.00 dB (bicubic -)" in quality([score(0, 40.0, bicubic=math.inf)])
    assert "SSIM-Y -" in quality([score(0, 40.0, ssim=math.nan)])  # too small a picture for SSIM's window
    assert "no frame to score" in quality([score(0, 40.0, reference=True)])


class Grey:
    """A truth that knows every moment and view but one."""

    def of(self, frame: Frame) -> np.ndarray | None:
        return None if frame.stamp == View(9, 9) else np.full((3, 32, 32), 0.5, np.float32)

    def close(self) -> None: ...


def restored(stamp: TimeStamp | View, level: float) -> Restored:
    frame = Frame(np.full((3, 32, 32), level, np.float32), 3, stamp)
    return Restored(frame, frame.with_pixels(frame.pixels[:, :8, :8]), (), own=False, passed=False)


def test_views_are_scored_as_moments_are():
    scorer = Scorer(Grey())
    for stamp in (View(0, 1), TimeStamp(3, Fraction(1, 25)), View(9, 9)):
        scorer.add(restored(stamp, 0.4))
    assert [score.view for score in scorer.scores] == [View(0, 1), None]
    assert scorer.scores[0].psnr_y == scorer.scores[1].psnr_y
    assert summarise(scorer.scores)["frames"][0]["view"] == [0, 1]
    assert "view" not in summarise(scorer.scores)["frames"][1]


def moment(index: int, *, cut: bool = False, passed: bool = False) -> Restored:
    frame = Frame(np.full((3, 32, 32), 0.4, np.float32), index, TimeStamp(index, Fraction(1, 25)), cut)
    return Restored(frame, frame.with_pixels(frame.pixels[:, :8, :8]), (), own=False, passed=passed)


def test_steadiness_is_of_frames_that_follow_each_other_in_a_scene():
    scorer = Scorer(Grey())
    for restored_moment in (moment(0, passed=True), moment(1), moment(2, cut=True), moment(3), moment(5)):
        scorer.add(restored_moment)
    steady = scorer.summary()["steadiness"]
    assert steady["pairs"] == 2  # 0|1 and 2|3
    assert steady["at_references"]["pairs"] == steady["elsewhere"]["pairs"] == 1


def test_the_views_of_a_light_field_do_not_follow_each_other():
    scorer = Scorer(Grey())
    scorer.add(restored(View(0, 0), 0.4))
    scorer.add(restored(View(0, 1), 0.4))
    assert "steadiness" not in scorer.summary()


def test_quality_over_the_distance_from_the_nearest_reference():
    views = {View(0, 0): 60.0, View(0, 1): 40.0, View(1, 0): 42.0, View(0, 3): 30.0}
    scores = [
        FrameScore(0, view == View(0, 0), psnr, 0.9, psnr, 25.0, 0.8, view) for view, psnr in views.items()
    ]  # fmt: skip
    rows = by_distance(scores, [View(0, 0)])
    assert [(row["distance"], row["views"], row["psnr_y"]["mean"]) for row in rows] == [(1.0, 2, 41.0), (3.0, 1, 30.0)]
    assert by_distance(scores, [View(0, 0), View(0, 4)])[0]["views"] == 3
