"""The clips that benchmarks measure on, and the table and curve that one of them makes."""

from fractions import Fraction
from importlib import import_module
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from small_clips import engine_of

from lfvideo_sr.errors import UsageError
from lfvideo_sr.media.clock import seconds_of
from lfvideo_sr.media.resize import to_uint8
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.metrics import psnr_y
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions
from lfvideo_sr.stream.stopwatch import Stopwatch

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
FRAMES = 6


@pytest.fixture
def compressed(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("compressed")


@pytest.fixture
def curve(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("curve")


def frames(path: Path) -> list[np.ndarray]:
    return [to_uint8(frame.pixels) for frame in VideoSource(path)]


def test_a_clean_low_side_is_the_reduction_itself(compressed, high_clip, tmp_path):
    low = compressed.low_clip(high_clip, tmp_path / "low.mkv", crf=None, frames=FRAMES)
    sharp = list(compressed.sharp_frames(high_clip, FRAMES))
    assert len(frames(low)) == len(sharp) == FRAMES
    for frame, picture in zip(frames(low), sharp):
        np.testing.assert_array_equal(frame, compressed.REDUCTIONS["bicubic"](picture))


def test_a_compressed_one_is_tagged_with_its_matrix_and_loses_more_at_a_higher_crf(compressed, high_clip, tmp_path):
    clean = [
        compressed.REDUCTIONS["area"](sharp_frame) / 255 for sharp_frame in compressed.sharp_frames(high_clip, FRAMES)
    ]
    scores = []
    for crf in (10, 35):
        low = compressed.low_clip(high_clip, tmp_path / f"{crf}.mkv", crf=crf, reduce="area", frames=FRAMES)
        colour = VideoSource(low).video.colour
        assert (colour.pixel_format, colour.matrix, colour.full_range, colour.assumed) == ("yuv420p", 601, False, False)
        scores.append(np.mean([psnr_y(frame / 255, other) for frame, other in zip(frames(low), clean)]))
    assert scores[0] > 40 and scores[0] > scores[1] + 5


@pytest.mark.parametrize("way", ["bicubic", "area", "gauss", "lanczos", "bilinear"])
def test_every_reduction_keeps_colours_and_a_quarter_of_the_sides(compressed, way):
    picture = np.empty((3, 48, 64), np.uint8)
    picture[:] = np.array([200, 90, 30], np.uint8)[:, None, None]
    small = compressed.REDUCTIONS[way](picture)
    assert small.shape == (3, 12, 16) and small.dtype == np.uint8
    assert np.abs(small.astype(int) - picture[:, :12, :16]).max() <= 1


def test_references_stand_at_the_low_side_s_own_times(compressed, high_clip, tmp_path):
    truth = compressed.truth_clip(high_clip, tmp_path / "truth.mkv", frames=FRAMES)
    refs = compressed.reference_clip(high_clip, tmp_path / "refs.mkv", every=4, frames=FRAMES)
    low = compressed.low_clip(high_clip, tmp_path / "low.mkv", crf=None, frames=FRAMES)
    assert [seconds_of(frame) for frame in VideoSource(refs)] == [Fraction(0), Fraction(4, 25)]
    np.testing.assert_array_equal(frames(refs)[1], frames(truth)[4])
    options = StreamOptions(refs=str(refs), gt=str(truth), ref_every=4)
    with StreamJob(low, engine_of("flow_transfer"), options) as job:
        shown = list(job)
    assert [result.frame.index for result in shown if result.passed] == [0, 4]
    assert job.scorer.summary()["psnr_y"]["mean"] > job.scorer.summary()["bicubic"]["psnr_y"]["mean"] + 1


def test_a_way_that_is_none_is_refused_and_leaves_nothing(compressed, high_clip, tmp_path):
    with pytest.raises(UsageError, match="nearest"):
        compressed.low_clip(high_clip, tmp_path / "low.mkv", crf=28, reduce="nearest")
    assert list(tmp_path.iterdir()) == []


def test_the_curve_s_table_is_between_its_marks_and_the_quickest_comes_first(curve, tmp_path):
    row = {"clip": "a", "crf": None, "frames": 3, "bicubic_psnr_y": 30.0, "ssim_y": 0.9, "bicubic_ssim_y": 0.8}
    rows = [
        {**row, "method": "slow", "kind": "references", "psnr_y": 33.0, "flicker": 1.0, "seconds": 2.0},
        {**row, "method": "quick", "kind": "single", "psnr_y": 31.0, "flicker": 2.0, "seconds": 0.1},
        {**row, "method": "slow", "kind": "references", "psnr_y": 35.0, "flicker": 1.0, "seconds": 4.0, "clip": "b"},
    ]
    measured = {"rows": rows, "absent": {"SPAN": "ncnn not installed"}}
    target = tmp_path / "docs.md"
    target.write_text(f"before\n{curve.BEGIN}\nold\n{curve.END}\nafter\n")
    curve.write_between_markers(target, curve.table(measured))
    lines = target.read_text().splitlines()
    assert lines[0] == "before" and lines[-1] == "after" and "old" not in lines
    assert [line.split(" | ")[0] for line in lines if line.startswith("| ")] == ["| clean", "| quick", "| slow"]
    assert "| slow | 34.00 | +4.00 | 0.9000 | +0.1000 | 1.00 | 3 | 6 |" in lines
    assert any("SPAN was not measured: ncnn not installed" in line for line in lines)


def test_seconds_are_those_of_encoding_matching_and_restoring_for_each_frame_restored(curve, high_clip):
    ticks = count()  # a clock that goes on by a second whenever it is looked at
    watch = Stopwatch(lambda: float(next(ticks)))
    asked = StreamOptions(simulate=True, ref_every=4, frames=6)
    contender = curve.Contender("flow", "references", lambda: engine_of("flow_transfer"))
    with contender.make() as engine, StreamJob(high_clip, engine, asked, watch=watch, ahead=0) as job:
        run = curve.Running(contender, job, iter(job))
        while run.step():
            pass
    assert watch.count("restore") == watch.count("match") == 4 and watch.count("encode") == 2
    assert run.seconds == (4 + 4 + 2) / 4
