"""The benchmarks run, and what they print is what they measured."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from lfvideo_sr.bench_matching.accuracy import compare, warm_starts
from lfvideo_sr.bench_matching.cost import COSTED, Cost, crossover, measure
from lfvideo_sr.bench_matching.pairs import Pair, extract, photo_pairs
from lfvideo_sr.bench_matching.searches import SEARCHES, all_candidates
from lfvideo_sr.cli import app
from lfvideo_sr.frames import Size
from lfvideo_sr.matching.patchmatch import PatchMatchPlan, plain_patchmatch
from lfvideo_sr.media.images import write_png


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
    assert "--channels" in run("bench", "matching", "--channels", "0").line


SMALL = Size(96, 64)


def picture(seed=0, size=SMALL):
    coarse = np.random.default_rng(seed).random((size.height // 4, size.width // 4, 3), np.float32)
    return np.clip(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), 0, 1).transpose(2, 0, 1)


def test_every_search_is_measured_at_every_size(monkeypatch):
    monkeypatch.setattr("lfvideo_sr.bench_matching.accuracy.RENDERED", Size(64, 48))
    result = printed("matching", "--sizes", "24x18", "--channels", "8")
    costs = result["costs"]
    assert [cost["search"] for cost in costs] == list(COSTED)
    assert all(cost["seconds"] > 0 and 0 < cost["relevance"] <= 1 for cost in costs)
    exact = costs[0]
    assert exact["relevance"] == max(cost["relevance"] for cost in costs)
    assert exact["multiply_adds"] <= exact["whole_patches"]
    assert {row["search"] for row in result["accuracy"]} == {*SEARCHES, "truth"}
    assert [row["frame"] for row in result["warm_start"]] == [2, 3, 4]


def test_candidates_are_counted_as_they_are_compared():
    query, reference = (extract(picture(seed), 8) for seed in (0, 1))
    plan = PatchMatchPlan()
    assert all_candidates(query.shape[2:], plan) == plain_patchmatch(query, reference, plan).compared
    mine = measure("patchmatch", Size(40, 24), 8)
    assert mine.multiply_adds <= mine.whole_patches


def test_what_moved_by_whole_strides_has_no_error():
    first = picture()
    moved = np.roll(first, (8, -4), (1, 2))
    flow = np.full((64, 96, 2), np.nan, np.float32)
    flow[12:-12, 12:-12] = -4, 8
    rows = {row.search: row for row in compare(Pair("moved", first, moved, flow), 16)}
    assert rows["exact"].epe == 0 and rows["windowed"].epe == 0 and rows["truth"].epe == 0
    assert rows["exact"].of_exact == 1 and rows["coherent"].near > 0.9
    wrong = {row.search: row for row in compare(Pair("moved", first, moved, -flow), 16)}
    assert wrong["exact"].epe == pytest.approx(2 * np.hypot(4, 8), abs=0.01) and wrong["exact"].near == 0


def test_a_warm_start_needs_less(monkeypatch):
    monkeypatch.setattr("lfvideo_sr.bench_matching.accuracy.RENDERED", Size(160, 96))
    rows = list(warm_starts(None, 8))
    assert all(row.warm_compared < row.cold_compared for row in rows)
    assert all(row.warm_relevance > 0.95 * row.cold_relevance for row in rows)


def test_of_each_scene_the_first_photos_are_taken(tmp_path):
    for name, size in (("a", SMALL), ("b", Size(2052, 20)), ("c", SMALL)):
        write_png(tmp_path / f"{name}.png", picture(size=size))
    rows = ["scene,input,ref,rank", "one,a.png,b.png,1", "one,a.png,c.png,2", "two,c.png,a.png,1"]
    (tmp_path / "pairs.csv").write_text("\n".join(rows))
    first, second = photo_pairs(tmp_path)
    assert (first.name, second.name) == ("one", "two")
    assert first.second.shape == (3, 6, 684)  # a third of its size


def test_crossover_is_the_smallest_size_that_is_faster():
    def cost(search, size, seconds):
        return Cost(search, size, seconds, 1, 1, 1, 1)

    costs = [cost("exact", "9x9", 1), cost("block", "9x9", 2), cost("exact", "99x99", 10), cost("block", "99x99", 5)]
    assert crossover(costs, "block") == "99x99"
    assert crossover(costs[:2], "block") is None
