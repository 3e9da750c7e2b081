"""Search near the place itself: RefSR-Net's CC-Net, which distinguishes matching pixels by one learned vector each.

Training scores all places of a window round the true match at once (trainers/ccnet.py: a classification, Eq. 1); this
search looks for the best place within a larger window round the pixel itself.
"""

from functools import partial

import torch
import torch.nn.functional as F

from ..errors import ShapeError
from ..nn.precision import at_least_float32
from .search import Matches, check_searchable, searching
from .windowed_graph import search_in_a_loop

_STRIP = 1 << 22  # products held at a time


def windowed_search(
    query: torch.Tensor,
    reference: torch.Tensor,
    *,
    reach: int = 100,
    centres: tuple[torch.Tensor, torch.Tensor] | None = None,
    patch: int = 1,
) -> Matches:
    """For every pixel of `query` [B,C,h,w] the pixel of `reference` [B,C,H,W] with the largest inner product, of those
    at most `reach` pixels away from its own place along each axis: [B,1,h,w]; among equal ones the first.

    centres: rows [h] and columns [w] of the reference, int64, ascending, that count as the own places of the query's
        rows and columns, where the two pictures do not lie pixel on pixel.
    patch: odd; the scores of so many by so many neighbours in the query, all moved alike, are summed; beyond an edge
        its pixels count again. A departure from the paper, whose pixels each go where they like.
    A pixel with nothing in reach is a ShapeError, as where a frame is larger than the reference by more than `reach`.
    """
    check_searchable(query, reference, 1, 1)
    rows, columns = centres or (torch.arange(side, device=query.device) for side in query.shape[2:])
    if torch.compiler.is_exporting():  # of one frame; whether all have a place cannot be asked
        if patch != 1:
            raise ShapeError(f"a graph sums no scores of neighbours ({patch}x{patch}); run this network with torch")
        with searching(query):
            features = at_least_float32(query)[0], at_least_float32(reference)[0]
            index_and_score = search_in_a_loop(*features, reach, rows, columns)
            return Matches(*(part[None, None] for part in index_and_score))
    rows, columns = rows.cpu(), columns.cpu()  # once: to ask a GPU for each row's numbers is to wait for it
    if reach < 0 or any(int(centre[-1]) >= side + reach for centre, side in zip((rows, columns), reference.shape[2:])):
        raise ShapeError(
            f"a window of {reach} pixels leaves parts of {list(query.shape)} without a place in {list(reference.shape)}"
        )
    with searching(query):
        search = _search if patch == 1 else partial(_search_together, patch=patch)
        pairs = zip(at_least_float32(query), at_least_float32(reference))
        parts = [search(frame, other, reach, rows, columns) for frame, other in pairs]
    return Matches(*(torch.stack(part)[:, None] for part in zip(*parts)))


def _search(
    query: torch.Tensor, reference: torch.Tensor, reach: int, rows: torch.Tensor, columns: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One frame [C,h,w] in one reference [C,H,W] -> index and score [h,w]; rows and columns on the host."""
    height, width = query.shape[1:]
    index = torch.zeros(height, width, dtype=torch.int64, device=query.device)
    score = query.new_zeros(height, width)
    across = _across(width, reach, columns)
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
    away = (torch.arange(left, right) - columns[:, None]).abs() > reach
    scores.masked_fill_(_beside(query, away)[:, None], -torch.inf)
    best, place = scores.flatten(1).max(1)
    return best, (place // part.shape[2] + top) * width + place % part.shape[2] + left


def _across(width: int, reach: int, columns: torch.Tensor) -> int:
    """How many pixels of a row are taken at a time: their windows overlap."""
    apart = max(1, int(columns[-1] - columns[0]) // max(1, width - 1))
    return max(1, min(width, reach // apart, _STRIP // (2 * reach + 1) ** 2))


def _search_together(
    query: torch.Tensor, reference: torch.Tensor, reach: int, rows: torch.Tensor, columns: torch.Tensor, patch: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """_search with the scores of neighbours summed, along rows first: a row's sums serve `patch` rows."""
    (height, width), half = query.shape[1:], patch // 2
    index = torch.zeros(height, width, dtype=torch.int64, device=query.device)
    score = query.new_zeros(height, width)
    down = [_reached(row, row, reach, reference.shape[1]) for row in rows.tolist()]
    together = _across(width, reach, columns)
    for left in range(0, width, together):
        part = slice(left, min(left + together, width))
        near = torch.arange(part.start - half, part.stop + half).clamp(0, width - 1)
        across = _reached(int(columns[near[0]]), int(columns[near[-1]]), reach, reference.shape[2])
        away = _beside(query, (across - columns[part, None]).abs() > reach)
        held: dict[int, torch.Tensor] = {}  # of rows, summed along them
        for number in range(height):
            neighbours = [min(max(other, 0), height - 1) for other in range(number - half, number + half + 1)]
            for other in set(neighbours) - held.keys():
                window = reference[:, down[other][0] : down[other][-1] + 1, across[0] : across[-1] + 1]
                pixels = query[:, other, _beside(query, near)]
                held[other] = _summed_along(pixels, window, columns[near], patch)
            held = {other: held[other] for other in set(neighbours)}
            total = held[number].new_zeros(len(near) - 2 * half, len(down[number]), len(across))
            for other in neighbours:
                total += _moved_down(held[other], down[number], int(rows[other] - rows[number]), down[other])
            best, place = total.masked_fill_(away[:, None], -torch.inf).flatten(1).max(1)
            row, column = place // len(across) + down[number][0], place % len(across) + across[0]
            score[number, part], index[number, part] = best, row * reference.shape[2] + column
    return index, score


def _reached(first: int, last: int, reach: int, length: int) -> torch.Tensor:
    """The numbers of 0..length-1 that are in reach of first..last."""
    return torch.arange(max(first - reach, 0), min(last + reach + 1, length))


def _moved_down(sums: torch.Tensor, places: torch.Tensor, by: int, rows: torch.Tensor) -> torch.Tensor:
    """Of another row's sums [n,Y,X], whose Y are `rows`, those at the places after a move; beyond their ends the last
    ones count again."""
    moved = (places + by).clamp(rows[0], rows[-1]) - rows[0]
    first, last = int(moved[0]), int(moved[-1])
    if last - first == len(moved) - 1:  # none counts again
        return sums[:, first : last + 1]
    return sums.index_select(1, _beside(sums, moved))


def _summed_along(query: torch.Tensor, window: torch.Tensor, columns: torch.Tensor, patch: int) -> torch.Tensor:
    """query [C,n+patch-1], pixels of one row with own places at `columns`, and the reference's places in reach [C,Y,X]
    -> [n,Y,X]: for the n middle pixels, the scores of `patch` pixels side by side, all moved alike."""
    scores = (query.T @ window.flatten(1)).unflatten(1, window.shape[1:])
    count, wide = len(columns) - patch + 1, window.shape[2]
    apart = columns.unfold(0, patch, 1) - columns[patch // 2 :][:count, None]  # [n,patch]
    edge = int(apart.abs().max())
    scores = F.pad(scores, (edge, edge), mode="replicate")
    total = scores.new_zeros(count, *window.shape[1:])
    for step, moves in enumerate(apart.T):
        first = step
        for move, length in zip(*(part.tolist() for part in moves.unique_consecutive(return_counts=True))):
            alike = slice(first - step, first - step + length)  # pixels whose neighbour is as far away
            total[alike] += scores[first : first + length, :, edge + move : edge + move + wide]
            first += length
    return total


def _beside(features: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Numbers of the host where the features are, without waiting for what is being done there."""
    return numbers.to(features.device, non_blocking=True)
