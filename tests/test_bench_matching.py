"""benchmarks/matching.py: what it prints is what it measured."""

import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from lfvideo_sr.frames import Size
from lfvideo_sr.matching.patchmatch import PatchMatchPlan, plain_patchmatch
from lfvideo_sr.media.images import write_png

SMALL = Size(96, 64)


@pytest.fixture(autouse=True)
def benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))


@pytest.fixture
def matching() -> ModuleType:
    return import_module("matching")


@pytest.fixture
def accuracy() -> ModuleType:
    return import_module("matching_accuracy")


@pytest.fixture
def cost() -> ModuleType:
    return import_module("matching_cost")


@pytest.fixture
def pairs() -> ModuleType:
    return import_module("matching_pairs")


@pytest.fixture
def searches() -> ModuleType:
    return import_module("matching_searches")


def picture(seed=0, size=SMALL):
    coarse = np.random.default_rng(seed).random((size.height // 4, size.width // 4, 3), np.float32)
    return np.clip(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), 0, 1).transpose(2, 0, 1)


def run(matching: ModuleType, monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["matching.py", *arguments])
    matching.main()


@pytest.fixture
def apart(cost, monkeypatch) -> list[str]:
    """Which searches have been measured in a process of their own: the first only, since each of them imports torch."""
    searched, in_a_process = [], cost._apart

    def measured(work, search, *arguments):
        if searched:
            return work(search, *arguments)
        searched.append(search)
        return in_a_process(work, search, *arguments)

    monkeypatch.setattr(cost, "_apart", measured)
    return searched


def test_every_search_is_measured_at_every_size(matching, accuracy, cost, searches, apart, monkeypatch, capsys):
    monkeypatch.setattr(accuracy, "RENDERED", Size(64, 48))
    run(matching, monkeypatch, "--sizes", "24x18", "--channels", "8", "--json")
    result = json.loads(capsys.readouterr().out)
    costs = result["costs"]
    assert [row["search"] for row in costs] == list(cost.COSTED) and apart == ["exact"]
    assert all(row["seconds"] > 0 and 0 < row["relevance"] <= 1 for row in costs)
    exact = costs[0]
    assert exact["relevance"] == max(row["relevance"] for row in costs)
    assert exact["multiply_adds"] <= exact["whole_patches"]
    assert {row["search"] for row in result["accuracy"]} == {*searches.SEARCHES, "truth"}
    assert [row["frame"] for row in result["warm_start"]] == [2, 3, 4]
    text = list(matching.lines(result))
    assert sum(line.startswith("   24x18") for line in text) == len(costs)
    assert sum(line.startswith("rendered") for line in text) == len(result["accuracy"]) + 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--channels", "0"), "--channels is 0; give a number above 0"),
        (("--data", "nowhere"), "nowhere is no folder; --data names one with flow (.flo) or a pairs.csv below it"),
    ],
)
def test_wrong_options_are_refused(matching, monkeypatch, capsys, arguments, message):
    with pytest.raises(SystemExit):
        run(matching, monkeypatch, *arguments)
    assert message in capsys.readouterr().err


def test_candidates_are_counted_as_they_are_compared(cost, pairs, searches):
    query, reference = (pairs.extract(picture(seed), 8) for seed in (0, 1))
    plan = PatchMatchPlan()
    assert searches.all_candidates(query.shape[2:], plan) == plain_patchmatch(query, reference, plan).compared
    mine = cost.measure("patchmatch", Size(40, 24), 8)
    assert mine.multiply_adds <= mine.whole_patches


def test_what_moved_by_whole_strides_has_no_error(accuracy, pairs):
    first = picture()
    moved = np.roll(first, (8, -4), (1, 2))
    flow = np.full((64, 96, 2), np.nan, np.float32)
    flow[12:-12, 12:-12] = -4, 8
    rows = {row.search: row for row in accuracy.compare(pairs.Pair("moved", first, moved, flow), 16)}
    assert rows["exact"].epe == 0 and rows["windowed"].epe == 0 and rows["truth"].epe == 0
    assert rows["exact"].of_exact == 1 and rows["coherent"].near > 0.9
    wrong = {row.search: row for row in accuracy.compare(pairs.Pair("moved", first, moved, -flow), 16)}
    assert wrong["exact"].epe == pytest.approx(2 * np.hypot(4, 8), abs=0.01) and wrong["exact"].near == 0


def test_a_warm_start_needs_less(accuracy, monkeypatch):
    monkeypatch.setattr(accuracy, "RENDERED", Size(160, 96))
    rows = list(accuracy.warm_starts(None, 8))
    assert all(row.warm_compared < row.cold_compared for row in rows)
    assert all(row.warm_relevance > 0.95 * row.cold_relevance for row in rows)


def test_of_each_scene_the_first_photos_are_taken(pairs, tmp_path):
    for name, size in (("a", SMALL), ("b", Size(2052, 20)), ("c", SMALL)):
        write_png(tmp_path / f"{name}.png", picture(size=size))
    rows = ["scene,input,ref,rank", "one,a.png,b.png,1", "one,a.png,c.png,2", "two,c.png,a.png,1"]
    (tmp_path / "pairs.csv").write_text("\n".join(rows))
    first, second = pairs.photo_pairs(tmp_path)
    assert (first.name, second.name) == ("one", "two")
    assert first.second.shape == (3, 6, 684)  # a third of its size


def test_crossover_is_the_smallest_size_that_is_faster(cost):
    times = [("exact", "9x9", 1), ("block", "9x9", 2), ("exact", "99x99", 10), ("block", "99x99", 5)]
    costs = [cost.Cost(*row, 1, 1, 1, 1) for row in times]
    assert cost.crossover(costs, "block") == "99x99"
    assert cost.crossover(costs[:2], "block") is None
