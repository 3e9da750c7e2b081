#!/usr/bin/env python3
"""Draw what searches cost against the pixels of the features, from what `benchmarks/matching.py --json` printed.

usage: benchmarks/matching_plot.py matching.json benchmarks/matching.svg    (needs matplotlib)

Left, seconds; right, multiply-adds of inner products; both axes logarithmic. A search of linear cost follows the dotted
line of slope one, exact search the one of slope two.
"""

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

SHOWN = {
    "exact": ("exact", "C3"),
    "block": ("block", "C1"),
    "patchmatch": ("PatchMatch, AMSA's plan", "C0"),
    "coherent-1": ("coherent PatchMatch, one round a level", "C2"),
}


def pixels(size: str) -> int:
    width, height = map(int, size.split("x"))
    return width * height


def draw(costs: list[dict], target: Path) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis, key, label in zip(axes, ("seconds", "multiply_adds"), ("seconds", "10⁹ multiply-adds")):
        for search, (name, colour) in SHOWN.items():
            rows = sorted((pixels(cost["size"]), cost[key]) for cost in costs if cost["search"] == search)
            axis.loglog(*zip(*rows), "o-", color=colour, label=name, markersize=4)
        guides(axis, costs, key)
        axis.set_xlabel("pixels of the features")
        axis.set_ylabel(label)
    axes[0].legend(fontsize=8)
    plt.rcParams["svg.hashsalt"] = "lfvideo-sr"  # the same figure, the same file
    figure.savefig(target, metadata={"Date": None})


def guides(axis, costs: list[dict], key: str) -> None:
    """Slopes one and two through the largest size."""
    for search, slope in (("patchmatch", 1), ("exact", 2)):
        rows = sorted((pixels(cost["size"]), cost[key]) for cost in costs if cost["search"] == search)
        (first, _), (last, value) = rows[0], rows[-1]
        axis.loglog([first, last], [value * (first / last) ** slope, value], ":", color="grey", linewidth=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    draw(json.loads(options.measured.read_text())["costs"], options.target)


if __name__ == "__main__":
    main()
