"""`lfvideo-sr bench` runs, and what it prints is what it measured."""

import json

import pytest
from typer.testing import CliRunner

from lfvideo_sr.cli import app


def printed(*arguments: str) -> dict:
    result = CliRunner().invoke(app, ["bench", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_stream_is_measured_beside_its_yardstick():
    options = ("--size", "64x48", "--frames", "10", "--dtype", "fp32", "--device", "cpu", "--preset", "ultrafast")
    result = printed(*options)
    assert result["frames"] == 10 and result["output_size"] == "256x192"
    assert {"decode", "encode", "match", "restore", "write"} <= set(result["stages"])
    assert result["ratio"] == pytest.approx(result["frame_ms"] / result["yardstick_ms"], rel=0.05)


def test_short_clips_are_measured_and_no_frames_refused(run, low_clip):
    for frames, counted in (("1", 1), ("2", 2), ("99", 14)):  # 14 are there
        result = printed("--clip", str(low_clip), "--frames", frames, "--method", "bicubic")
        assert result["frames"] == counted and result["frame_ms"] > 0
    assert "--frames" in run("bench", "--frames", "0").line
