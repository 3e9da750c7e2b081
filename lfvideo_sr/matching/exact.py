"""Exact search: for every patch of a frame's features the most similar one in the whole of a reference's.

C2-Matching (section 3.2), SRNTT and TTSR match this way. The score of two patches is the sum, over the patch's pixels,
of inner products of feature vectors: a box sum along the diagonal of the matrix of all products of two pixels. So each
product is made once instead of once per pixel of the patch, and only a strip of that matrix is ever held.
"""

from collections import deque
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from ..nn.precision import at_least_float32
from .search import EPSILON, Matches, check_searchable, patch_lengths, searching

_STRIP = 1 << 20  # products held at a time, per row of the frame: they should fit a CPU's cache
_AT_ONCE = 1 << 27  # pairs of patches of a batch that a GPU compares at once: 512 MB of scores


def exact_search(
    query: torch.Tensor, reference: torch.Tensor, *, patch: int = 3, top: int = 1, order: int = 2
) -> Matches:
    """Search all of `reference` [B,C,H,W] for every patch of `query` [B,C,h,w]; the sizes may differ.

    Patches are compared at unit length: Euclidean (order 2; the score is a cosine), or the sum of magnitudes (order 1).
    Only whole patches are compared, so the result has h' = h - patch + 1 rows; pad the query for all of them.
    Not differentiable. Memory beyond the inputs: about 2 * patch * max(_STRIP, w * W) numbers. Computes in float32 at
    least, whatever the features come in. Raises ShapeError for what cannot be compared.
    """
    check_searchable(query, reference, patch, top)
    with searching(query):
        query, reference = at_least_float32(query), at_least_float32(reference)
        if top == 1 and query.is_cuda and query[:, 0].numel() * reference[0, 0].numel() <= _AT_ONCE:
            return search_at_once(query, reference, patch, order)
        parts = [_search(*pair, patch, top, order) for pair in zip(query, reference)]
        index, score = (torch.stack(part) for part in zip(*parts))
        return Matches(index, score / (patch_lengths(query, patch, order) + EPSILON)[:, None])


def search_at_once(query: torch.Tensor, reference: torch.Tensor, patch: int, order: int) -> Matches:
    """The best match as `exact_search` finds it, by one product of all whole patches: for a GPU that trains on small
    parts, where the search by rows is thousands of steps too short for it."""
    height, width = (side - patch + 1 for side in query.shape[-2:])
    patches, others = (F.unfold(features, patch) for features in (query, reference))  # [B,9C,N], [B,9C,M]
    scores = patches.transpose(1, 2) @ (others / (patch_lengths(reference, patch, order) + EPSILON).flatten(1)[:, None])
    score, place = (best.unflatten(1, (height, width))[:, None] for best in scores.max(2))
    return Matches(
        centres(place, reference.shape[-1], patch), score / (patch_lengths(query, patch, order) + EPSILON)[:, None]
    )


def exact_search_to_the_edge(query: torch.Tensor, reference: torch.Tensor, *, patch: int = 3) -> Matches:
    """The best match of every place of `query` in every place of `reference`: beyond an edge, patches are zero.

    patch: odd. index and score [B,1,h,w]; index on the reference's own grid, as in `exact_search`.
    """
    edge = patch // 2
    index, score = exact_search(*(F.pad(features, 4 * [edge]) for features in (query, reference)), patch=patch)
    columns = reference.shape[-1] + 2 * edge
    row, column = index // columns - edge, index % columns - edge
    return Matches(row * reference.shape[-1] + column, score)


def plain_exact_search(
    query: torch.Tensor, reference: torch.Tensor, *, patch: int = 3, top: int = 1, order: int = 2
) -> Matches:
    """The same as a product of two matrices of whole patches: the readable twin, for small inputs."""
    check_searchable(query, reference, patch, top)
    height, width = (side - patch + 1 for side in query.shape[-2:])
    patches, others = (F.unfold(features, patch) for features in (query, reference))  # [B,9C,N], [B,9C,M]
    patches, others = (patches / (patches.norm(order, dim=1, keepdim=True) + EPSILON) for patches in (patches, others))
    score, place = torch.sort(patches.transpose(1, 2) @ others, dim=-1, descending=True, stable=True)
    index = centres(place[..., :top], reference.shape[-1], patch)
    return Matches(*(part.transpose(1, 2).unflatten(2, (height, width)) for part in (index, score[..., :top])))


def _search(
    query: torch.Tensor, reference: torch.Tensor, patch: int, top: int, order: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """One frame [C,h,w] in one reference [C,H,W] -> index and score [k,h',w'], scores not yet divided by the query's
    lengths."""
    height, width = (side - patch + 1 for side in query.shape[-2:])
    inverse = 1 / (patch_lengths(reference[None], patch, order)[0] + EPSILON)
    rows = max(1, _STRIP // (query.shape[-1] * reference.shape[-1]))
    best = query.new_full((height, width, top), -torch.inf)
    place = torch.zeros(best.shape, dtype=torch.int64, device=query.device)
    for first in range(0, inverse.shape[0], rows):
        strip = reference[:, first : first + rows + patch - 1]
        scale = inverse[first : first + rows]
        for row, scores in enumerate(_scores(query, strip, patch)):
            candidates = _best((scores * scale).flatten(1), top)
            _keep_better(best[row], place[row], candidates[0], candidates[1] + first * scale.shape[1])
    index = centres(place, reference.shape[-1], patch)
    return index.permute(2, 0, 1), best.permute(2, 0, 1)


def _scores(query: torch.Tensor, strip: torch.Tensor, patch: int) -> Iterator[torch.Tensor]:
    """For each row of patches of `query` [C,h,w]: scores [w',rows,W'] with those of `strip` [C,rows + patch - 1,W]."""
    channels, height, width = strip.shape
    across, down = width - patch + 1, height - patch + 1
    wide = query.shape[-1] - patch + 1
    flat = strip.reshape(channels, -1)
    recent: deque[torch.Tensor] = deque(maxlen=patch)
    for row in query.transpose(0, 1):  # [C,w]
        products = (row.T @ flat).unflatten(1, (height, width))
        recent.append(_summed([products[tap : tap + wide, :, tap : tap + across] for tap in range(patch)]))
        if len(recent) == patch:
            yield _summed([sums[:, tap : tap + down] for tap, sums in enumerate(recent)])


def _summed(parts: list[torch.Tensor]) -> torch.Tensor:
    if len(parts) == 1:
        return parts[0]
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total += part
    return total


def _best(scores: torch.Tensor, top: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Values and places [N,k] of the largest of [N,M], the first of equal ones first (unlike torch.topk)."""
    if top == 1:
        return torch.max(scores, 1, keepdim=True)
    values, places = [], []
    for _ in range(min(top, scores.shape[1])):
        value, place = torch.max(scores, 1, keepdim=True)
        scores.scatter_(1, place, -torch.inf)
        values.append(value)
        places.append(place)
    return torch.cat(values, 1), torch.cat(places, 1)


def _keep_better(best: torch.Tensor, place: torch.Tensor, values: torch.Tensor, places: torch.Tensor) -> None:
    """Merge newly found values and places [N,j] into the best so far [N,k], in place; what was there wins ties."""
    if best.shape[1] == 1:
        better = values > best
        best.copy_(torch.where(better, values, best))
        place.copy_(torch.where(better, places, place))
        return
    merged, order = torch.sort(torch.cat([best, values], 1), dim=1, descending=True, stable=True)
    best.copy_(merged[:, : best.shape[1]])
    place.copy_(torch.cat([place, places], 1).gather(1, order)[:, : best.shape[1]])


def centres(place: torch.Tensor, width: int, patch: int) -> torch.Tensor:
    """Places among the whole patches of a reference of that width -> their centre pixels."""
    across = width - patch + 1
    middle = patch // 2
    return (place // across + middle) * width + place % across + middle
