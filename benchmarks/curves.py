#!/usr/bin/env python3
"""Learning curves of trainings, as a picture: the loss, and what was measured where it was validated: PSNR with the
reference and without, or CC-Net's share of places found.

usage: benchmarks/curves.py TARGET.svg RUN...

Each RUN is a training's folder with its log.csv. Needs matplotlib.
"""

import argparse
import csv
from pathlib import Path

LOSSES = {"reconstruction": "mean absolute error, training", "loss": "loss, training"}  # the first that a run has
SCORES = {
    "with_reference": ("o-", "PSNR-Y, dB, held-out photos"),
    "without": ("o--", "PSNR-Y, dB, held-out photos"),
    "within_1": ("o-", "share at most one pixel off, held-out scenes"),
}


def course(run: Path) -> list[dict[str, float]]:
    """Rows of a run's log, each with what it holds."""
    with (run / "log.csv").open(newline="") as file:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]


def plot(runs: list[Path], target: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "lfvideo-sr"
    figure, (losses, scores) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for number, run in enumerate(runs):
        rows, colour = course(run), f"C{number}"
        loss = next(name for name in LOSSES if name in rows[0])
        losses.plot(*zip(*((row["step"], row[loss]) for row in rows)), color=colour, label=run.name)
        losses.set_ylabel(LOSSES[loss])
        for name, (style, unit) in SCORES.items():
            points = [(row["step"], row[name]) for row in rows if name in row]
            if points:
                label = f"{run.name}, {name.replace('_', ' ')}"
                scores.plot(*zip(*points), style, color=colour, markersize=4, label=label)
                scores.set_ylabel(unit)
    for axis in (losses, scores):
        axis.set_xlabel("step")
        axis.legend(fontsize=7)
    figure.savefig(target, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("runs", nargs="+", type=Path)
    options = parser.parse_args()
    plot(options.runs, options.target)


if __name__ == "__main__":
    main()
