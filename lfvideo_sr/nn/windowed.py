"""Search near the place itself: RefSR-Net's CC-Net, which tells matching pixels apart by one learned vector each.

Training scores all places of a window round the true match at once (`window_scores`: a classification, Eq. 1); testing
looks for the best place within a larger window round the pixel itself (`windowed_search`).
"""

import torch

from ..errors import ShapeError
from .matching import Matches, check_searchable, exact, searching
from .windowed_graph import search_in_a_loop

_STRIP = 1 << 22  # products held at a time


def window_scores(query: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """query [B,C] and the features round its true match [B,C,k,k] -> inner products [B,k,k].

    Their softmax is the probability of each place; `F.cross_entropy(scores.flatten(1), place)` is Eq. 1.
    """
    if query.ndim != 2 or window.ndim != 4 or query.shape != window.shape[:2]:
        raise ShapeError(f"query {list(query.shape)} and window {list(window.shape)}; [B,C] and [B,C,k,k] are wanted")
    return torch.einsum("bc,bcij->bij", query, window)


def windowed_search(
    query: torch.Tensor,
    reference: torch.Tensor,
    *,
    reach: int = 100,
    centres: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> Matches:
    """For every pixel of `query` [B,C,h,w] the pixel of `reference` [B,C,H,W] with the largest inner product, of those
    at most `reach` pixels away from its own place along each axis: [B,1,h,w]; among equal ones the first.

    centres: rows [h] and columns [w] of the reference, int64, ascending, that count as the own places of the query's
        rows and columns, where the two pictures do not lie pixel on pixel.
    A pixel with nothing in reach is a ShapeError, as where a frame is larger than the reference by more than `reach`.
    """
    check_searchable(query, reference, 1, 1)
    rows, columns = centres or (torch.arange(side, device=query.device) for side in query.shape[2:])
    if torch.compiler.is_exporting():  # of one frame; whether all have a place cannot be asked
        with searching(query):
            found = search_in_a_loop(exact(query)[0], exact(reference)[0], reach, rows, columns)
            return Matches(*(part[None, None] for part in found))
    if reach < 0 or any(int(own[-1]) >= other + reach for own, other in zip((rows, columns), reference.shape[2:])):
        raise ShapeError(
            f"a window of {reach} pixels leaves parts of {list(query.shape)} without a place in {list(reference.shape)}"
        )
    with searching(query):
        parts = [_search(one, other, reach, rows, columns) for one, other in zip(exact(query), exact(reference))]
    return Matches(*(torch.stack(part)[:, None] for part in zip(*parts)))


def _search(
    query: torch.Tensor, reference: torch.Tensor, reach: int, rows: torch.Tensor, columns: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One frame [C,h,w] in one reference [C,H,W] -> index and score [h,w]."""
    height, width = query.shape[1:]
    index = torch.zeros(height, width, dtype=torch.int64, device=query.device)
    score = query.new_zeros(height, width)
    apart = max(1, int(columns[-1] - columns[0]) // max(1, width - 1))  # so that windows taken together overlap
    across = max(1, min(width, reach // apart, _STRIP // (2 * reach + 1) ** 2))
    for left in range(0, width, across):
        part = slice(left, min(left + across, width))
        for number, row in enumerate(rows.tolist()):
            score[number, part], index[number, part] = _best_near(
                query[:, number, part], reference, row, columns[part], reach
            )
    return index, score


def _best_near(
    query: torch.Tensor, reference: torch.Tensor, row: int, columns: torch.Tensor, reach: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """query [C,n], pixels whose places are in one row at ascending `columns` [n] -> score and index [n]."""
    channels, height, width = reference.shape
    top, bottom = max(row - reach, 0), min(row + reach + 1, height)
    left, right = max(int(columns[0]) - reach, 0), min(int(columns[-1]) + reach + 1, width)
    part = reference[:, top:bottom, left:right]
    scores = (query.T @ part.reshape(channels, -1)).unflatten(1, part.shape[1:])
    away = (torch.arange(left, right, device=columns.device) - columns[:, None]).abs() > reach
    scores.masked_fill_(away[:, None], -torch.inf)
    best, place = scores.flatten(1).max(1)
    return best, (place // part.shape[2] + top) * width + place % part.shape[2] + left
