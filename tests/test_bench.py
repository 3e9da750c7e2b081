"""The benchmarks run, and what they print is what they measured."""

import json

import pytest
from typer.testing import CliRunner

from lfvideo_sr.bench_matching import SEARCHES, Cost, all_candidates, crossover, features, measure
from lfvideo_sr.cli import app
from lfvideo_sr.frames import Size
from lfvideo_sr.nn.patchmatch import PatchMatchPlan, plain_patchmatch


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


def test_every_search_is_measured_at_every_size():
    result = printed("matching", "--sizes", "24x18", "--channels", "8")["costs"]
    assert [cost["search"] for cost in result] == list(SEARCHES)
    assert all(cost["seconds"] > 0 and 0 < cost["relevance"] <= 1 for cost in result)
    exact = result[0]
    assert exact["relevance"] == max(cost["relevance"] for cost in result)
    assert exact["multiply_adds"] <= exact["whole_patches"]


def test_candidates_are_counted_as_they_are_compared():
    query, reference = features(Size(40, 24), 8)
    plan = PatchMatchPlan()
    assert all_candidates(query.shape[2:], plan) == plain_patchmatch(query, reference, plan).compared
    mine = measure("patchmatch", Size(40, 24), 8)
    assert mine.multiply_adds <= mine.whole_patches


def test_crossover_is_the_smallest_size_that_is_faster():
    def cost(search, size, seconds):
        return Cost(search, size, seconds, 1, 1, 1, 1)

    costs = [cost("exact", "9x9", 1), cost("block", "9x9", 2), cost("exact", "99x99", 10), cost("block", "99x99", 5)]
    assert crossover(costs, "block") == "99x99"
    assert crossover(costs[:2], "block") is None
