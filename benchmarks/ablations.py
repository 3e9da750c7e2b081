#!/usr/bin/env python3
"""What a trained part is worth: PSNR-Y of runs that differ in one line of their configuration.

usage: LFVIDEO_DATA=FOLDER benchmarks/ablations.py RUN... [--json]

Each RUN is a training's folder, as runs/c2_fixed_small. Its averaged weights restore, with the reference and without:
the photos of each scene that splits.json keeps for validation, first input and best reference; and frame 4 of each clip
kept for it, with frame 0 as reference. Pictures are reduced by a whole factor until no side is longer than 320 pixels.
"""

import argparse
import json
from pathlib import Path

from data_folder import data_folder
from papers import as_floats, engine_for, network_of, quality

from lfvideo_sr.training.sources import validation_pairs
from lfvideo_sr.weights import read_about

SETS = {"photos": "refpairs", "clips": "clips:validation"}


def measured(run: Path, sets: dict[str, list]) -> dict:
    """One run's row."""
    weights = run / "last.pt"
    about = read_about(weights)
    engine = engine_for(about["method"], network_of(about["method"], str(weights)))
    row = {"run": run.name, "steps": about["steps"], "minutes": round(about["seconds"] / 60)}
    for name, pairs in sets.items():
        row[name] = quality(engine, pairs, [[reference] for _, reference in pairs])
        row[f"{name} without"] = quality(engine, pairs, [[] for _ in pairs])
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    root = data_folder()
    sets = {name: [as_floats(load()) for load in validation_pairs(root, kind)] for name, kind in SETS.items()}
    if not options.json:
        print("run", "steps", "minutes", *(f"{name}, without" for name in SETS), sep="  ")
    for run in options.runs:
        row = measured(run, sets)
        print(json.dumps(row) if options.json else "  ".join(map(str, row.values())), flush=True)


if __name__ == "__main__":
    main()
