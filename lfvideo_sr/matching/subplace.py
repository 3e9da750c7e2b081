"""Matches between places: a search finds whole places of the reference, its scores say how far off the best ones are.

No paper of ours does this; theirs leave up to half a place to learned offsets.
"""

import torch

from ..nn.precision import at_least_float32
from .patch_products import patch_products
from .patches import Patches, row_and_column
from .patchmatch_graph import comparison
from .search import searching

AXES = ((0, 1), (1, 0))  # (rows, columns) from a place to its neighbour, along x and along y


def between_places(query: torch.Tensor, reference: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """How far the best match is from the matching places [B,h,w] (row * W + column), (x, y) in places, each from -0.5
    to 0.5, [B,h,w,2].

    It is the vertex of the parabola through the score of a match (relevance, as patchmatch.Field.score) and those of
    the two places beside it; 0 at the reference's edge, and where the match is no peak.
    """
    height, width = reference.shape[-2:]
    row, column = row_and_column(index, width)
    beside = []
    for down, right in AXES:
        for way in (-1, 1):
            y, x = (row + way * down).clamp(0, height - 1), (column + way * right).clamp(0, width - 1)
            beside.append(y * width + x)
    with searching(query):
        scores = _scores(at_least_float32(query), at_least_float32(reference), torch.stack([index, *beside], -1))
    inside = (column > 0) & (column < width - 1), (row > 0) & (row < height - 1)
    middle, pairs = scores[..., 0], (scores[..., 1:3], scores[..., 3:5])
    return torch.stack([_vertex(middle, pair) * within for pair, within in zip(pairs, inside)], -1)


def _vertex(middle: torch.Tensor, beside: torch.Tensor) -> torch.Tensor:
    """Where the parabola through scores at -1, 0 and 1 is highest, if 0 is no lower than its neighbours."""
    before, after = beside.unbind(-1)
    bend = before - 2 * middle + after
    peak = (middle >= before) & (middle >= after) & (bend < 0)
    return torch.where(peak, (before - after) / torch.where(peak, 2 * bend, 1.0), 0.0)


def _scores(query: torch.Tensor, reference: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    """Relevance of candidates [B,h,w,k] -> [B,h,w,k]; B is 1 in a graph."""
    if torch.compiler.is_exporting():
        return comparison(query, reference)(candidates)
    patches, others = Patches(query), Patches(reference)
    which = torch.arange(len(query), device=query.device).view(-1, 1, 1, 1)
    numbers = torch.full_like(candidates[..., 0], candidates.shape[-1])
    corners = others.corners(which, candidates).flatten()
    products = patch_products(patches, others, numbers, corners).view(candidates.shape)
    lengths = others.lengths.flatten(1).gather(1, candidates.flatten(1)).view(candidates.shape)
    return products / (patches.lengths[..., None] * lengths)
