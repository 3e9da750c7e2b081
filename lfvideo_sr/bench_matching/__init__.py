"""`lfvideo-sr bench matching`: what searches for matches cost, how right they are, and what a warm start saves.

"coherent" is PatchMatch with coherent propagation; -1 stands for one round at every level. Multiply-adds are counted,
not estimated: what a comparison of whole patches would take (the papers' count) and what ours takes.
"""

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..checks import check_positive
from ..errors import InputError
from ..frames import Size


def run_matching_bench(sizes: Sequence[Size] | None, channels: int, data: Path | None, *, as_json: bool) -> None:
    """Measure and print: costs at `sizes` of feature maps (None: the usual ones), accuracy on a rendered pair and on
    the pictures below `data`."""
    from .accuracy import accuracies, warm_starts
    from .cost import COSTED, SIZES, costs, crossover

    check_positive("--channels", channels)
    if data is not None and not data.is_dir():
        raise InputError(f"{data} is no folder; --data names one with flow (.flo) or a pairs.csv below it")
    measured = costs(SIZES if sizes is None else sizes, channels)
    result = {
        "cpu": platform.machine(),
        "channels": channels,
        "costs": [asdict(cost) for cost in measured],
        "faster_than_exact_from": {name: crossover(measured, name) for name in COSTED if name != "exact"},
        "accuracy": [asdict(row) for row in accuracies(data, channels)],
        "warm_start": [asdict(row) for row in warm_starts(data, channels)],
    }
    print(json.dumps(result, indent=1) if as_json else "\n".join(lines(result)))


def lines(result: dict[str, Any]) -> Iterator[str]:
    """For people."""
    from .cost import PAPER, PAPER_SIZE

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
