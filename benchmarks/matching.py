#!/usr/bin/env python3
"""What searches for matches cost, how right they are, and what a warm start saves.

usage: benchmarks/matching.py [--sizes 120x68,250x250] [--channels N] [--data FOLDER] [--json]

"coherent" is PatchMatch with coherent propagation; -1 stands for one round at every level. Multiply-adds are counted,
not estimated: what a comparison of whole patches would take (the papers' count) and what ours takes. Accuracy is
measured on a rendered pair, and with --data on every pair below a folder that holds MPI Sintel, Middlebury flow or a
pairs.csv.
"""

import argparse
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matching_accuracy import accuracies, warm_starts
from matching_cost import COSTED, PAPER, PAPER_SIZE, SIZES, costs, crossover

from lfvideo_sr.commands.texts import parse_sizes


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result as text."""
    yield f"{result['channels']} channels; 10^9 multiply-adds; in brackets by whole patches, and AMSA's Table 2"
    for cost in result["costs"]:
        quoted = PAPER.get(cost["search"]) if cost["size"] == str(PAPER_SIZE) else None
        yield (
            f"{cost['size']:>8} {cost['search']:13} {cost['seconds']:8.2f} s  {cost['multiply_adds']:9.1f} "
            f"({cost['whole_patches']:.1f}{'' if quoted is None else f'; {quoted}'})  {cost['memory_mb']:4} MB  "
            f"relevance {cost['relevance']:.4f}"
        )
    for search, size in result["faster_than_exact_from"].items():
        yield f"{search} is faster than exact search from {size or 'no measured size'} on"
    yield "mean relevance, by exact search's; end-point error in pixels, share below 8 pixels"
    for row in result["accuracy"]:
        error = "" if row["epe"] is None else f"  {row['epe']:8.2f} px  {row['near']:.3f}"
        yield f"{row['pair']:32} {row['search']:13} {row['relevance']:.4f}  {row['of_exact']:.4f}{error}"
    yield "warm start: relevance cold and warm, patches compared cold and warm"
    for row in result["warm_start"]:
        yield (
            f"{row['sequence']:32} frame {row['frame']}  {row['cold_relevance']:.4f} {row['warm_relevance']:.4f}  "
            f"{row['cold_compared']} {row['warm_compared']}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=parse_sizes, default=SIZES, help="of feature maps, as 120x68,250x250")
    parser.add_argument("--channels", type=int, default=256, help="of the features")
    parser.add_argument("--data", type=Path, help="folder with MPI Sintel, Middlebury flow or a pairs.csv")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.channels < 1:
        parser.error(f"--channels is {options.channels}; give a number above 0")
    if options.data is not None and not options.data.is_dir():
        parser.error(f"{options.data} is no folder; --data names one with flow (.flo) or a pairs.csv below it")
    measured = costs(options.sizes, options.channels)
    result = {
        "cpu": platform.machine(),
        "channels": options.channels,
        "costs": [asdict(cost) for cost in measured],
        "faster_than_exact_from": {name: crossover(measured, name) for name in COSTED if name != "exact"},
        "accuracy": [asdict(row) for row in accuracies(options.data, options.channels)],
        "warm_start": [asdict(row) for row in warm_starts(options.data, options.channels)],
    }
    print(json.dumps(result, indent=1) if options.json else "\n".join(lines(result)))


if __name__ == "__main__":
    main()
