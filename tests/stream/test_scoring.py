"""What the report says of quality: means over the right frames, and null where a number would be infinite."""

import json
import math

import pytest

from lfvideo_sr.report import summary_lines
from lfvideo_sr.stream.scoring import FrameScore, summarise


def score(index: int, psnr: float, *, reference: bool = False, bicubic: float = 30.0, ssim: float = 0.9) -> FrameScore:
    return FrameScore(index, reference, psnr_y=psnr, ssim_y=ssim, psnr_rgb=psnr - 1, bicubic_psnr_y=bicubic)


def quality(scores: list[FrameScore]) -> str:
    """The line of the summary."""
    report = {
        "references": [], "reference_source": "none", "reference_description": "none", "cache": {"hit_rate": 0.0},
        "frames": 1, "seconds": 1.0, "frames_per_second": 1.0, "method": "bicubic", "device": "cpu", "dtype": "fp32",
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
