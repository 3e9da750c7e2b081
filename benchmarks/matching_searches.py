"""The searches that are compared, by name, each called the same way."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

from lfvideo_sr.matching.block import BlockPlan, block_search
from lfvideo_sr.matching.exact import exact_search_to_the_edge
from lfvideo_sr.matching.patches import PATCH
from lfvideo_sr.matching.patchmatch import PatchMatchPlan, dilation_steps, patchmatch
from lfvideo_sr.matching.windowed import windowed_search

ONE_ROUND = (1, 1, 1, 1)
WINDOW = 25  # pixels of features at stride 4: RefSR-Net's 100 pixels


class SearchResult(NamedTuple):
    """index: matches int64 [1,h,w] as row * W + column of the reference. multiply_adds: of inner products, counted;
    whole_patches: what comparing whole patches takes for the same candidates, and in PatchMatch for all of them."""

    index: torch.Tensor  # type: ignore[assignment]  # a tuple's method has this name too
    multiply_adds: float
    whole_patches: float


Search = Callable[[torch.Tensor, torch.Tensor], SearchResult]


def exact(query: torch.Tensor, reference: torch.Tensor) -> SearchResult:
    """Every patch with every patch, those at the edge too, as PatchMatch counts them."""
    matches = exact_search_to_the_edge(query, reference)
    whole = _pixels(query) * _pixels(reference) * _patch(query)
    return SearchResult(matches.index[:, 0], whole / PATCH**2, whole)


def by_patchmatch(query: torch.Tensor, reference: torch.Tensor, *, plan: PatchMatchPlan) -> SearchResult:
    """Counted: the pairs that were compared, and those of the plain twin, which compares every candidate."""
    field = patchmatch(query, reference, plan)
    every = all_candidates(query.shape[2:], plan)
    return SearchResult(field.index, field.compared * _patch(query), every * _patch(query))


def block(query: torch.Tensor, reference: torch.Tensor) -> SearchResult:
    """MASA's: the middle of each block everywhere, then the block's pixels round what was found."""
    plan = BlockPlan()
    blocks = -(-query.shape[2] // plan.block) * -(-query.shape[3] // plan.block)
    compared = blocks * _pixels(reference) * len(plan.dilations) + _pixels(query) * plan.reference_block**2
    return SearchResult(block_search(query, reference, plan).index[:, 0], *2 * [compared * _patch(query)])


def windowed(query: torch.Tensor, reference: torch.Tensor) -> SearchResult:
    """Single pixels, not patches, within WINDOW of their own place."""
    matches = windowed_search(query, reference, reach=WINDOW)
    return SearchResult(matches.index[:, 0], *2 * [_pixels(query) * (2 * WINDOW + 1) ** 2 * query.shape[1]])


SEARCHES: dict[str, Search] = {
    "exact": exact,
    "patchmatch": partial(by_patchmatch, plan=PatchMatchPlan()),
    "patchmatch-1": partial(by_patchmatch, plan=PatchMatchPlan(rounds=ONE_ROUND)),
    "coherent": partial(by_patchmatch, plan=PatchMatchPlan(coherent=True)),
    "coherent-1": partial(by_patchmatch, plan=PatchMatchPlan(rounds=ONE_ROUND, coherent=True)),
    "block": block,
    "windowed": windowed,
}


def all_candidates(size, plan: PatchMatchPlan) -> int:
    """How many pairs of patches a plan compares if it compares every candidate, as the paper counts."""
    total = 0
    for level, rounds in zip(plan.levels, plan.rounds):
        height, width = (-(-side // level) for side in size)
        total += height * width * (1 + rounds * dilation_steps(height, width) * 16)
    return total


def _pixels(features: torch.Tensor) -> int:
    return features.shape[2] * features.shape[3]


def _patch(features: torch.Tensor) -> int:
    return features.shape[1] * PATCH**2
