#!/usr/bin/env python3
"""Light fields x4 with the centre view as reference: quality per view, over the view distance, and of matching.

usage: LFVIDEO_DATA=FOLDER benchmarks/lightfields.py [--scenes NAME ...] [--views] [--json FILE]
       LFVIDEO_DATA=FOLDER benchmarks/lightfields.py --alone [--jpeg QUALITY] [--grid 3x3] [--fusion FILE] ...

Each view is reduced by 8-bit bicubic and restored; PSNR-Y and SSIM-Y of all views but the reference, beside bicubic,
the single-image path and flow_transfer; `slope`: mean difference of the slopes of epipolar-plane images from the
truth's, in pixels per view; `guided` predicts most fields from a few, `free` searches every view. Both match every view
in turn, in one run, so that the ratio of their times holds on a busy machine. `epipolar` is guided, and views agree
with their neighbours along epipolar lines, as the command has it by default.

`--alone` measures light fields without a sharp view: every view by bicubic, by the single-image path, and by
view_fusion behind it; mean PSNR-Y, what each gains over bicubic, and the least that view_fusion gains over the
single-image path in a view. `--jpeg` compresses the small views first, 4:2:0; `--grid` takes so many rows and columns
round the centre.
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from data_folder import data_folder

from lfvideo_sr.choose import make_engine, view_network
from lfvideo_sr.engine import Engine, Matched
from lfvideo_sr.engines.view_torch import load_view_fusion, with_torch
from lfvideo_sr.frames import Frame, Size, View
from lfvideo_sr.lightfields.epi import grid_slope_error
from lfvideo_sr.lightfields.grid import Grid, distance, parse_grid
from lfvideo_sr.lightfields.opening import open_light_field
from lfvideo_sr.lightfields.references import simulated
from lfvideo_sr.lightfields.simulated import SimulatedField
from lfvideo_sr.media.luma import studio_luma
from lfvideo_sr.media.resize import bicubic, to_float, to_uint8
from lfvideo_sr.metrics import eight_bit, psnr_y, ssim_y
from lfvideo_sr.stream.epipolar import Agreement
from lfvideo_sr.stream.grid import order
from lfvideo_sr.stream.guided import GuidedEngine, Place
from lfvideo_sr.stream.pipeline import Restored
from lfvideo_sr.stream.view_fusion import FusingEngine
from lfvideo_sr.training.view_grids import compressed
from lfvideo_sr.weights import weights_path

SCENES = ("lytro_2067", "antinous", "cotton_row")
WAYS = ("bicubic", "single", "flow_transfer", "free", "guided", "epipolar")


@dataclass
class Scores:
    """Of one way to restore, by view."""

    psnr_y: dict[View, float] = field(default_factory=dict)
    ssim_y: dict[View, float] = field(default_factory=dict)
    lumas: dict[View, np.ndarray] = field(default_factory=dict)
    matching: float = 0.0  # seconds in all
    restoring: float = 0.0  # likewise; of `epipolar`, what agreeing adds to guided
    searched: int = 0

    def add(self, view: View, pixels: np.ndarray, truth: np.ndarray) -> None:
        pixels, truth = eight_bit(pixels), eight_bit(truth)
        self.psnr_y[view], self.ssim_y[view] = psnr_y(pixels, truth), ssim_y(pixels, truth)
        self.lumas[view] = studio_luma(pixels)

    def mean(self, views: list[View]) -> tuple[float, float]:
        return (
            float(np.mean([self.psnr_y[view] for view in views])),
            float(np.mean([self.ssim_y[view] for view in views])),
        )


def measure(path: Path) -> tuple[dict[str, Scores], Grid, dict[View, np.ndarray]]:
    """Every way's scores over a light field, and the truth's lumas."""
    source = SimulatedField(open_light_field(path))
    grid, scores, truths = source.info.grid, {way: Scores() for way in WAYS}, {}
    lows = {view: source.read(view) for view in grid}  # read before anything is timed
    learned, classical = make_engine("stream_ref"), make_engine("flow_transfer")
    engines = {
        "flow_transfer": _on_grid(classical, source, lows, False),
        "free": _on_grid(learned, source, lows, False),
        "guided": _on_grid(learned, source, lows, True),
    }
    placed = simulated(source, [], 1).placed
    reference = placed[0].reference
    encoded = {way: engine.encode(reference) for way, engine in engines.items()}
    views = [place.view for place in order(grid, 1, placed)]
    agreement = Agreement(views, lambda view, _: engines["guided"].motion(Place(view), reference))
    for index, view in enumerate(views):
        frame, truth = Frame(lows[view], index, view), source.truth(view)
        truths[view] = studio_luma(eight_bit(truth))
        if view == grid.centre:  # given, as its own pixels
            for score in scores.values():
                score.lumas[view] = truths[view]
            agreement.add(Restored(frame.with_pixels(truth), frame, (reference,), own=True, passed=True))
            continue
        scores["bicubic"].add(view, bicubic(frame.pixels, Size(truth.shape[2], truth.shape[1])), truth)
        scores["single"].add(view, learned.restore(frame, []), truth)
        for way, engine in engines.items():
            with _timed(scores[way], "matching"):
                field = engine.match(frame, encoded[way], None)
            with _timed(scores[way], "restoring"):
                pixels = engine.restore(frame, [Matched(encoded[way], field)])
            scores[way].searched = engine.searched
            scores[way].add(view, pixels, truth)
        with _timed(scores["epipolar"], "restoring"):  # guided is the last of the engines
            agreed = agreement.add(Restored(frame.with_pixels(pixels), frame, (reference,), own=False, passed=False))
        scores["epipolar"].add(view, agreed.frame.pixels, truth)
    agreement.close()
    return scores, grid, truths


@contextmanager
def _timed(scores: Scores, name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    setattr(scores, name, getattr(scores, name) + time.perf_counter() - started)


def _on_grid(engine: Engine, source: SimulatedField, lows: dict[View, np.ndarray], guide: bool) -> GuidedEngine:
    grid = source.info.grid
    places = {
        simulated_reference.reference.key: Place(simulated_reference.view)
        for simulated_reference in simulated(source, [], 1).placed
    }
    return GuidedEngine(engine, grid, lambda place: lows[place.view], places, lambda frame: Place(frame.stamp), guide)


def table(name: str, scores: dict[str, Scores], grid: Grid, truths: dict[View, np.ndarray]) -> dict:
    """Print the rows over the view distance, their mean, slopes and the ratio of matching; and give them all."""
    others = [view for view in grid if view != grid.centre]
    rows: dict[str, list[View]] = {}
    for view in sorted(others, key=lambda view: distance(view, grid.centre)):
        rows.setdefault(f"{distance(view, grid.centre) ** 0.5:.2f}", []).append(view)
    print(f"{name:20} views  " + "".join(f"{way:>19}" for way in WAYS))
    result: dict = {"by_distance": {}}
    for label, views in [*rows.items(), ("all", others)]:
        means = {way: scores[way].mean(views) for way in WAYS}
        print(f"{label:>20} {len(views):>5}  " + "".join(f"{p:>11.2f} {s:.4f} " for p, s in means.values()))
        result["by_distance"][label] = means
    result["slope"] = {way: grid_slope_error(scores[way].lumas, truths, grid) for way in WAYS}
    print(f"{'slope error':>20}        " + "".join(f"{slope:>19.4f}" for slope in result["slope"].values()))
    gains = {way: min(scores["epipolar"].psnr_y[view] - scores[way].psnr_y[view] for view in others) for way in WAYS}
    print(f"{'epipolar, least gain':>20}        " + "".join(f"{gain:>19.2f}" for gain in gains.values()))
    free, guided = scores["free"], scores["guided"]
    result |= {"least_gain": gains, "matching_ratio": free.matching / guided.matching}
    print(
        f"{'matching':>20}        {1e3 * free.matching / len(others):.1f} ms a view free, "
        f"{1e3 * guided.matching / len(others):.1f} guided ({guided.searched} searches): "
        f"{result['matching_ratio']:.2f} times faster",
    )
    result["restoring"] = {way: scores[way].restoring / len(others) for way in ("guided", "epipolar")}
    print(
        f"{'restoring':>20}        {1e3 * result['restoring']['guided']:.1f} ms a view, "
        f"agreeing {1e3 * result['restoring']['epipolar']:.1f} more",
        flush=True,
    )
    return result


def measure_alone(path: Path, quality: int | None, part: tuple[int, int] | None, weights: str | None) -> dict:
    """Without a sharp view: PSNR-Y of each way by view, and seconds in all."""
    source = SimulatedField(open_light_field(path))
    grid = source.info.grid if part is None else _middle(source.info.grid, part)
    lows = {view: to_float(compressed(to_uint8(source.read(view)), quality)) for view in grid}
    single = make_engine("stream_ref")
    shipped = view_network(single.device)
    network = shipped() if weights is None else with_torch(load_view_fusion(weights_path(weights)), single.device)
    fusing = FusingEngine(
        single, network, grid, lambda place: lows[place.view],
        lambda frame: Place(frame.stamp),
    )  # fmt: skip
    scores = {way: Scores() for way in ("bicubic", "single", "view_fusion")}
    for view in grid:
        frame, truth = Frame(lows[view], 0, view), source.truth(view)
        scores["bicubic"].add(view, bicubic(frame.pixels, Size(truth.shape[2], truth.shape[1])), truth)
        for way, engine in (("single", single), ("view_fusion", fusing)):
            with _timed(scores[way], "restoring"):
                pixels = engine.restore(frame, [])
            scores[way].add(view, pixels, truth)
    return {way: score.psnr_y for way, score in scores.items()} | {
        "seconds": {way: score.restoring / len(grid) for way, score in scores.items()},
        "fused": fusing.fused,
    }


def _middle(grid: Grid, part: tuple[int, int]) -> Grid:
    rows, columns = (
        names[(len(names) - count) // 2 :][:count] for names, count in zip((grid.rows, grid.columns), part)
    )
    return Grid(tuple(rows), tuple(columns))


def row_alone(name: str, measured: dict) -> dict:
    """Print a light field's means, and give them."""
    means = {way: float(np.mean(list(measured[way].values()))) for way in ("bicubic", "single", "view_fusion")}
    least = min(measured["view_fusion"][view] - measured["single"][view] for view in measured["single"])
    gains = {way: means[way] - means["bicubic"] for way in means}
    views, seconds = len(measured["single"]), measured["seconds"]
    print(
        f"{name:20} {views:>3} views, {measured['fused']} fused: bicubic {means['bicubic']:.2f}, "
        f"single {means['single']:.2f} ({gains['single']:+.2f}), view_fusion {means['view_fusion']:.2f} "
        f"({gains['view_fusion']:+.2f}), least over single {least:+.2f}; seconds a view "
        f"{seconds['single']:.2f}, {seconds['view_fusion']:.2f}",
        flush=True,
    )
    return {"psnr_y": means, "gain": gains, "least_over_single": least, "seconds": seconds, "fused": measured["fused"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", nargs="*", default=SCENES)
    parser.add_argument("--views", action="store_true", help="also every view")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--alone", action="store_true", help="without a sharp view")
    parser.add_argument("--jpeg", type=int, help="with --alone: compress the small views, to this quality")
    parser.add_argument("--grid", type=parse_grid, help="with --alone: ROWSxCOLUMNS round the centre")
    parser.add_argument("--fusion", help="with --alone: weights of view_fusion by name or file; default: as shipped")
    options = parser.parse_args()
    results: dict[str, dict] = {}
    for name in options.scenes:
        path = data_folder() / "lightfields" / name
        if options.alone:
            measured = measure_alone(path, options.jpeg, options.grid, options.fusion)
            results[name] = row_alone(name, measured)
            continue
        scores, grid, truths = measure(path)
        results[name] = table(name, scores, grid, truths)
        if options.views:
            for view in scores["bicubic"].psnr_y:
                shown = "".join(f"{scores[w].psnr_y[view]:>11.2f} {scores[w].ssim_y[view]:.4f} " for w in WAYS)
                print(f"{f'view {view.row},{view.column}':>20}        {shown}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
