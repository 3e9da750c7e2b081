"""Match and extraction as MASA does it, the third competitor in AMSA's Table 2: first a block, then pixels within it.

The frame is divided into blocks. Patches round a block's centre, at several dilations, are searched for in the whole
reference; a larger block round the best place is then searched for each of the block's pixels. Patches beyond an edge
are filled with zeros.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..nn.precision import at_least_float32
from .patches import PATCH, Patches
from .search import EPSILON, Matches, check_searchable, searching

_STRIP = 1 << 22  # products held at a time


@dataclass(frozen=True)
class BlockPlan:
    """Sides of the frame's blocks and of the reference's, in pixels, and the dilations of the centre patches."""

    block: int = 8
    reference_block: int = 12
    dilations: tuple[int, ...] = (1, 2, 3)


def block_search(query: torch.Tensor, reference: torch.Tensor, plan: BlockPlan = BlockPlan()) -> Matches:
    """For every pixel of `query` [B,C,h,w] a match in `reference` [B,C,H,W], of any size: [B,1,h,w] each, with the
    cosine of the two 3x3 patches as score. Not differentiable: see patchmatch.relevance."""
    check_searchable(query, reference, 1, 1)
    with searching(query):
        pairs = zip(at_least_float32(query), at_least_float32(reference))
        parts = [_search(frame[None], other[None], plan) for frame, other in pairs]
    return Matches(*(torch.stack(part)[:, None] for part in zip(*parts)))


def _search(query: torch.Tensor, reference: torch.Tensor, plan: BlockPlan) -> tuple[torch.Tensor, torch.Tensor]:
    """One frame [1,C,h,w] in one reference [1,C,H,W] -> index and score [h,w]."""
    height, width = query.shape[-2:]
    firsts = [torch.arange(0, side, plan.block, device=query.device) for side in (height, width)]
    corners = torch.cartesian_prod(*firsts).view(-1, 2)  # (y, x) of each block
    limit = torch.tensor([height - 1, width - 1], device=query.device)
    centres = torch.minimum(corners + plan.block // 2, limit)
    places = _coarse(query, reference, centres, plan)
    inside = torch.cartesian_prod(*2 * [torch.arange(plan.block, device=query.device)])
    pixels = torch.minimum(corners[:, None] + inside, limit)  # beyond the edge: the edge's pixels once more
    index, score = _fine(query, reference, pixels, _block_round(places, reference, plan.reference_block))
    results = []
    for values in (index, score):
        whole = values.new_zeros(height, width)
        whole[pixels[..., 0], pixels[..., 1]] = values
        results.append(whole)
    return results[0], results[1]


def _coarse(query: torch.Tensor, reference: torch.Tensor, centres: torch.Tensor, plan: BlockPlan) -> torch.Tensor:
    """The best place in the reference for patches round each of `centres` [n,2] -> (y, x) [n,2]."""
    height, width = reference.shape[-2:]
    at_once = max(1, _STRIP // (height * width))
    best = []
    for part in centres.split(at_once):
        scores = [_dilated_scores(query[0], reference[0], part, dilation) for dilation in plan.dilations]
        best.append(sum(scores[1:], scores[0]).flatten(1).argmax(1))
    place = torch.cat(best)
    return torch.stack([place // width, place % width], 1)


def _dilated_scores(query: torch.Tensor, reference: torch.Tensor, centres: torch.Tensor, dilation: int) -> torch.Tensor:
    """Cosines [n,H,W] of the patches round `centres` with those round every pixel, taps `dilation` apart."""
    taps = [(dy, dx) for dy in (-dilation, 0, dilation) for dx in (-dilation, 0, dilation)]
    padded = F.pad(query, 4 * [dilation])
    channels, height, width = reference.shape
    total = query.new_zeros(len(centres), height + 2 * dilation, width + 2 * dilation)
    squares = query.new_zeros(len(centres))
    flat = reference.reshape(channels, -1)
    for dy, dx in taps:
        pixels = padded[:, centres[:, 0] + dy + dilation, centres[:, 1] + dx + dilation].T
        squares += pixels.square().sum(1)
        products = (pixels @ flat).view(-1, height, width)
        total[:, dilation - dy : dilation - dy + height, dilation - dx : dilation - dx + width] += products
    power = reference.square().sum(0)[None, None]
    ones = power.new_ones(1, 1, 3, 3)
    lengths = F.conv2d(power, ones, padding=dilation, dilation=dilation)[0, 0].clamp(min=0).sqrt()
    inner = total[:, dilation : dilation + height, dilation : dilation + width]
    return inner / ((lengths + EPSILON) * (squares.sqrt() + EPSILON)[:, None, None])


def _block_round(places: torch.Tensor, reference: torch.Tensor, side: int) -> torch.Tensor:
    """Pixels of the block of that side round each place, moved to lie inside the reference: (y, x) [n,side*side,2]."""
    size = torch.tensor(reference.shape[-2:], device=places.device)
    sides = size.clamp(max=side)
    corners = torch.minimum((places - side // 2).clamp(min=0), size - sides)
    ranges = [torch.arange(int(length), device=places.device) for length in sides]
    return corners[:, None] + torch.cartesian_prod(*ranges).view(-1, 2)


def _fine(
    query: torch.Tensor, reference: torch.Tensor, pixels: torch.Tensor, candidates: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """`pixels` [n,p,2] of each block among `candidates` [n,q,2] of its reference block -> index and score [n,p]."""
    patches, others = Patches(query), Patches(reference)
    width = reference.shape[-1]
    at_once = max(1, _STRIP // ((pixels.shape[1] + candidates.shape[1]) * query.shape[1] * PATCH**2))
    index, score = [], []
    for some, places in zip(pixels.split(at_once), candidates.split(at_once)):
        place = places[..., 0] * width + places[..., 1]
        mine = patches.at(some[..., 0] * query.shape[-1] + some[..., 1])
        best, which = (mine @ others.at(place).transpose(1, 2)).max(2)
        index.append(place.gather(1, which))
        score.append(best)
    return torch.cat(index), torch.cat(score)
