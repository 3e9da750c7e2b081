"""Block search equals its literal twin, and finds what was moved."""

import pytest
import torch
import torch.nn.functional as F

from lfvideo_sr.errors import ShapeError
from lfvideo_sr.matching import block as module
from lfvideo_sr.matching.block import BlockPlan, block_search
from lfvideo_sr.matching.patchmatch import relevance

SMALL = BlockPlan(block=3, reference_block=5, dilations=(1, 2))


def features(*shape, seed=0):
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return F.avg_pool2d(noise, 3, stride=1, padding=1)


def patch(features, y, x, dilation=1):
    """The zero-filled patch round (y, x), at unit length."""
    padded = F.pad(features, 4 * [dilation])
    cut = padded[:, y : y + 2 * dilation + 1 : dilation, x : x + 2 * dilation + 1 : dilation].flatten()
    return cut / (cut.norm() + 1e-5)


def literal_search(query, reference, plan):
    """Block by block, pixel by pixel."""
    index = torch.zeros(query.shape[1:], dtype=torch.int64)
    height, width = reference.shape[1:]
    everywhere = [(y, x) for y in range(height) for x in range(width)]
    for top in range(0, query.shape[1], plan.block):
        for left in range(0, query.shape[2], plan.block):
            centre = [min(first + plan.block // 2, side - 1) for first, side in zip((top, left), query.shape[1:])]
            alike = [
                sum(patch(query, *centre, dilation) @ patch(reference, *place, dilation) for dilation in plan.dilations)
                for place in everywhere
            ]
            y, x = everywhere[int(torch.stack(alike).argmax())]
            first = [
                min(max(at - plan.reference_block // 2, 0), side - min(plan.reference_block, side))
                for at, side in ((y, height), (x, width))
            ]
            block = [
                (first[0] + dy, first[1] + dx)
                for dy in range(min(plan.reference_block, height))
                for dx in range(min(plan.reference_block, width))
            ]
            for row in range(top, min(top + plan.block, query.shape[1])):
                for column in range(left, min(left + plan.block, query.shape[2])):
                    scores = torch.stack([patch(query, row, column) @ patch(reference, *place) for place in block])
                    best = block[int(scores.argmax())]
                    index[row, column] = best[0] * width + best[1]
    return index


@pytest.mark.parametrize("sizes", [((6, 9), (6, 9)), ((7, 5), (4, 11))], ids=str)
@pytest.mark.parametrize("strip", [1 << 22, 1])
def test_equals_the_literal_twin(sizes, strip, monkeypatch):
    monkeypatch.setattr(module, "_STRIP", strip)
    query, reference = features(2, 4, *sizes[0]), features(2, 4, *sizes[1], seed=1)
    matches = block_search(query, reference, SMALL)
    for number in range(2):
        assert torch.equal(matches.index[number, 0], literal_search(query[number], reference[number], SMALL))
    assert torch.allclose(matches.score[:, 0], relevance(query, reference, matches.index[:, 0]), atol=1e-9)


def test_finds_what_was_moved():
    reference = features(1, 16, 40, 48)
    query = reference.roll((4, -3), (2, 3))
    y, x = torch.meshgrid(torch.arange(40) - 4, torch.arange(48) + 3, indexing="ij")
    right = block_search(query, reference).index[0, 0] == y * 48 + x
    assert right[8:-8, 8:-8].double().mean() > 0.95


def test_what_cannot_be_searched_is_refused():
    with pytest.raises(ShapeError, match="equal B and C"):
        block_search(features(1, 3, 4, 4), features(1, 2, 4, 4))
