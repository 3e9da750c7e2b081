"""Search near the place itself: RefSR-Net's CC-Net, which tells matching pixels apart by one learned vector each.

Training scores all places of a window round the true match at once (`window_scores`: a classification, Eq. 1); testing
looks for the best place within a larger window round the pixel itself (`windowed_search`).
"""

import torch

from ..errors import ShapeError
from .matching import Matches, check_searchable, exact, searching

_STRIP = 1 << 22  # products held at a time


def window_scores(query: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """query [B,C] and the features round its true match [B,C,k,k] -> inner products [B,k,k].

    Their softmax is the probability of each place; `F.cross_entropy(scores.flatten(1), place)` is Eq. 1.
    """
    if query.ndim != 2 or window.ndim != 4 or query.shape != window.shape[:2]:
        raise ShapeError(f"query {list(query.shape)} and window {list(window.shape)}; [B,C] and [B,C,k,k] are wanted")
    return torch.einsum("bc,bcij->bij", query, window)


def windowed_search(query: torch.Tensor, reference: torch.Tensor, *, reach: int = 100) -> Matches:
    """For every pixel of `query` [B,C,h,w] the pixel of `reference` [B,C,H,W] with the largest inner product, of those
    at most `reach` pixels away from its own place along each axis: [B,1,h,w]; among equal ones the first.

    A frame larger than the reference by more than `reach` has pixels with nothing in reach: that is a ShapeError.
    """
    check_searchable(query, reference, 1, 1)
    if reach < 0 or any(own > other + reach for own, other in zip(query.shape[2:], reference.shape[2:])):
        raise ShapeError(
            f"a window of {reach} pixels leaves parts of {list(query.shape)} without a place in {list(reference.shape)}"
        )
    with searching(query):
        parts = [_search(one, other, reach) for one, other in zip(exact(query), exact(reference))]
    return Matches(*(torch.stack(part)[:, None] for part in zip(*parts)))


def _search(query: torch.Tensor, reference: torch.Tensor, reach: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One frame [C,h,w] in one reference [C,H,W] -> index and score [h,w]."""
    height, width = query.shape[1:]
    index = torch.zeros(height, width, dtype=torch.int64, device=query.device)
    score = query.new_zeros(height, width)
    across = max(1, min(width, reach, _STRIP // (2 * reach + 1) ** 2))
    for left in range(0, width, across):
        columns = torch.arange(left, min(left + across, width), device=query.device)
        for row in range(height):
            score[row, columns], index[row, columns] = _best_near(
                query[:, row, columns], reference, row, columns, reach
            )
    return index, score


def _best_near(
    query: torch.Tensor, reference: torch.Tensor, row: int, columns: torch.Tensor, reach: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """query [C,n], pixels of one row at neighbouring `columns` [n] -> score and index [n]."""
    channels, height, width = reference.shape
    top, bottom = max(row - reach, 0), min(row + reach + 1, height)
    left, right = max(int(columns[0]) - reach, 0), min(int(columns[-1]) + reach + 1, width)
    part = reference[:, top:bottom, left:right]
    scores = (query.T @ part.reshape(channels, -1)).unflatten(1, part.shape[1:])
    away = (torch.arange(left, right, device=columns.device) - columns[:, None]).abs() > reach
    scores.masked_fill_(away[:, None], -torch.inf)
    best, place = scores.flatten(1).max(1)
    return best, (place // part.shape[2] + top) * width + place % part.shape[2] + left
