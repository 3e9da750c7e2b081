"""What each search costs at the papers' sizes and at a video's, each run in a process of its own for its own memory."""

import multiprocessing
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from matching_pairs import extract, rendered
from matching_searches import SEARCHES

from lfvideo_sr.engines.host_memory import keep_freed_memory
from lfvideo_sr.frames import Size
from lfvideo_sr.matching.patchmatch import relevance

SIZES = (Size(60, 34), Size(120, 68), Size(240, 135), Size(250, 250), Size(480, 270))
PAPER_SIZE = Size(250, 250)
PAPER = {"exact": 8715.44, "patchmatch": 83.15, "block": 440.23}  # AMSA, Table 2, in 10^9 multiply-adds
COSTED = tuple(name for name in SEARCHES if name != "windowed")


@dataclass(frozen=True)
class Cost:
    """One search at one size of both feature maps.

    multiply_adds, whole_patches: 10^9, ours and by comparing whole patches. memory_mb: beyond the features themselves.
    relevance: mean cosine of matched patches.
    """

    search: str
    size: str
    seconds: float
    multiply_adds: float
    whole_patches: float
    memory_mb: int
    relevance: float


def costs(sizes: Sequence[Size], channels: int) -> list[Cost]:
    """Of every search at every size."""
    return [_apart(measure, search, size, channels) for size in sizes for search in COSTED]


def measure(search: str, size: Size, channels: int) -> Cost:
    """Run one search in this process."""
    keep_freed_memory()
    pair = rendered(size.scaled(4))
    with torch.inference_mode():
        query, reference = (extract(picture, channels) for picture in (pair.first, pair.second))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        result = SEARCHES[search](query, reference)
        seconds = time.perf_counter() - started
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        score = float(relevance(query, reference, result.index).mean())
    counted, whole = (round(count / 1e9, 2) for count in (result.multiply_adds, result.whole_patches))
    return Cost(search, str(size), round(seconds, 3), counted, whole, memory, round(score, 5))


def crossover(costs: Sequence[Cost], search: str) -> str | None:
    """The smallest measured size at which a search is faster than exact search; None: at none."""
    exact = {cost.size: cost.seconds for cost in costs if cost.search == "exact"}
    faster = [cost for cost in costs if cost.search == search and cost.seconds < exact[cost.size]]
    return min(faster, key=lambda cost: exact[cost.size]).size if faster else None


def _apart(work, *arguments) -> Any:
    """The result of work(*arguments), done in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(work, *arguments).result()
