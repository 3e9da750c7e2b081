"""`lfvideo-sr bench matching`: what exact, PatchMatch and block search cost, at the papers' sizes and at a video's.

"coherent" is PatchMatch with coherent propagation; -1 stands for one round at every level. Features are those of a
rendered scene and of a later moment of it, through a fixed random network. Each search runs in a process of its own, so
that its memory is its own. Multiply-adds are counted, not estimated: what a comparison of whole patches would take (the
papers' count) and what ours takes.
"""

import json
import multiprocessing
import platform
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from .frames import Size

SIZES = (Size(120, 68), Size(250, 250), Size(240, 135), Size(480, 270))
PAPER_SIZE = Size(250, 250)
PAPER = {"exact": 8715.44, "patchmatch": 83.15, "block": 440.23}  # AMSA, Table 2, in 10^9 multiply-adds
SEARCHES = ("exact", "patchmatch", "patchmatch-1", "coherent", "coherent-1", "block")
PATCH_PIXELS = 9


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


def run_matching_bench(sizes: tuple[Size, ...] = SIZES, channels: int = 256, *, as_json: bool) -> None:
    """Measure and print."""
    costs = [apart(measure, search, size, channels) for size in sizes for search in SEARCHES]
    result = {"cpu": platform.machine(), "channels": channels, "costs": [asdict(cost) for cost in costs]}
    result["patchmatch_faster_from"] = {
        search: crossover(costs, search) for search in SEARCHES if search not in ("exact", "block")
    }
    print(json.dumps(result, indent=1) if as_json else "\n".join(lines(result)))


def measure(search: str, size: Size, channels: int) -> Cost:
    """Run one search in this process."""
    import torch

    from .engines.host_memory import keep_freed_memory

    keep_freed_memory()
    with torch.inference_mode():
        query, reference = features(size, channels)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        relevance, ours, whole = _run(search, query, reference)
        seconds = time.perf_counter() - started
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    return Cost(search, str(size), round(seconds, 3), round(ours, 2), round(whole, 2), memory, round(relevance, 5))


def _run(search: str, query, reference) -> tuple[float, float, float]:
    """Mean relevance, and 10^9 multiply-adds: ours, and by whole patches."""
    import torch.nn.functional as F

    from .nn.block_search import BlockPlan, block_search
    from .nn.matching import exact_search
    from .nn.patchmatch import PatchMatchPlan, patchmatch

    channels, pixels = query.shape[1], query.shape[2] * query.shape[3]
    patch = channels * PATCH_PIXELS / 1e9
    if search == "exact":
        found = exact_search(*(F.pad(one, (1, 1, 1, 1)) for one in (query, reference)))
        return float(found.score.mean()), pixels**2 * patch / PATCH_PIXELS, pixels**2 * patch
    if search == "block":
        plan = BlockPlan()
        blocks = -(-query.shape[2] // plan.block) * -(-query.shape[3] // plan.block)
        compared = blocks * pixels * len(plan.dilations) + pixels * plan.found**2
        return float(block_search(query, reference, plan).score.mean()), compared * patch, compared * patch
    rounds = (1, 1, 1, 1) if search.endswith("-1") else PatchMatchPlan().rounds
    rule = PatchMatchPlan(rounds=rounds, coherent=search.startswith("coherent"))
    field = patchmatch(query, reference, rule)
    return float(field.score.mean()), field.compared * patch, all_candidates(query.shape[2:], rule) * patch


def all_candidates(size, plan) -> int:
    """How many pairs of patches a plan compares if it compares every candidate, as the paper counts."""
    from .nn.patchmatch import dilation_steps

    total = 0
    for level, rounds in zip(plan.levels, plan.rounds):
        height, width = (-(-side // level) for side in size)
        total += height * width * (1 + rounds * dilation_steps(height, width) * 16)
    return total


def features(size: Size, channels: int):
    """Unit-length features [1,C,h,w] of two moments of a rendered scene, by a fixed random network."""
    import numpy as np
    import torch
    import torch.nn.functional as F

    from .synthetic import random_scene, render

    scene = random_scene(np.random.default_rng(1), width=4 * size.width)
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 64, 5, 2, 2), torch.nn.ReLU(), torch.nn.Conv2d(64, channels, 5, 2, 2)
    )
    pictures = (torch.from_numpy(render(scene, moment, size.scaled(4)))[None] for moment in (0.0, 3.0))
    return [F.normalize(network(picture - 0.5), dim=1) for picture in pictures]


def crossover(costs: list[Cost], search: str) -> str | None:
    """The smallest measured size at which a search is faster than exact search; None: at none."""
    exact = {cost.size: cost.seconds for cost in costs if cost.search == "exact"}
    faster = [cost for cost in costs if cost.search == search and cost.seconds < exact[cost.size]]
    return min(faster, key=lambda cost: exact[cost.size]).size if faster else None


def apart(work, *arguments) -> Any:
    """The result of work(*arguments), done in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(work, *arguments).result()


def lines(result: dict[str, Any]) -> list[str]:
    """For people."""
    head = f"{result['channels']} channels; 10^9 multiply-adds; in brackets by whole patches, and AMSA's Table 2"
    shown = [head]
    for cost in result["costs"]:
        quoted = PAPER.get(cost["search"]) if cost["size"] == str(PAPER_SIZE) else None
        shown.append(
            f"{cost['size']:>8} {cost['search']:13} {cost['seconds']:8.2f} s  {cost['multiply_adds']:9.1f} "
            f"({cost['whole_patches']:.1f}{'' if quoted is None else f'; {quoted}'})  {cost['memory_mb']:4} MB  "
            f"relevance {cost['relevance']:.4f}"
        )
    for search, size in result["patchmatch_faster_from"].items():
        shown.append(f"{search} is faster than exact search from {size or 'no measured size'} on")
    return shown
