"""Exact search: for every patch of a frame's features the most similar one in the whole of a reference's.

C2-Matching (section 3.2), SRNTT and TTSR match this way. The score of two patches is the sum, over the patch's pixels,
of inner products of feature vectors: a box sum along the diagonal of the matrix of all products of two pixels. So each
product is made once instead of once per pixel of the patch, and only a strip of that matrix is ever held.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F

from ..errors import ShapeError

EPSILON = 1e-5  # added to the length of a patch before dividing by it
_STRIP = 1 << 20  # products held at a time, per row of the frame: they should fit a CPU's cache
_AT_ONCE = 1 << 27  # pairs of patches of a batch that a GPU compares at once: 512 MB of scores


class Matches(NamedTuple):
    """The best matches of every patch, best first; among equal scores the first place of the reference wins.

    index: int64 [B,k,h',w'], the centre of the matching patch on the reference's own grid: row * W + column.
    score: [B,k,h',w'], inner product of the two patches at unit length.
    """

    index: torch.Tensor  # type: ignore[assignment]  # a tuple's method has this name too
    score: torch.Tensor


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
        query, reference = exact(query), exact(reference)
        if top == 1 and query.is_cuda and query[:, 0].numel() * reference[0, 0].numel() <= _AT_ONCE:
            return search_at_once(query, reference, patch, order)
        parts = [_search(one, other, patch, top, order) for one, other in zip(query, reference)]
        index, score = (torch.stack(part) for part in zip(*parts))
        return Matches(index, score / (patch_lengths(query, patch, order) + EPSILON)[:, None])


def search_at_once(query: torch.Tensor, reference: torch.Tensor, patch: int, order: int) -> Matches:
    """The best match as `exact_search` finds it, by one product of all whole patches: for a GPU that trains on small
    parts, where the search by rows is thousands of steps too short for it."""
    height, width = (side - patch + 1 for side in query.shape[-2:])
    own, other = (F.unfold(features, patch) for features in (query, reference))  # [B,9C,N], [B,9C,M]
    scores = own.transpose(1, 2) @ (other / (patch_lengths(reference, patch, order) + EPSILON).flatten(1)[:, None])
    score, place = (found.unflatten(1, (height, width))[:, None] for found in scores.max(2))
    return Matches(
        centres(place, reference.shape[-1], patch), score / (patch_lengths(query, patch, order) + EPSILON)[:, None]
    )


def exact_search_to_the_edge(query: torch.Tensor, reference: torch.Tensor, *, patch: int = 3) -> Matches:
    """The best match of every place of `query` in every place of `reference`: beyond an edge, patches are zero.

    patch: odd. index and score [B,1,h,w]; index on the reference's own grid, as in `exact_search`.
    """
    edge = patch // 2
    index, score = exact_search(*(F.pad(one, 4 * [edge]) for one in (query, reference)), patch=patch)
    columns = reference.shape[-1] + 2 * edge
    row, column = index // columns - edge, index % columns - edge
    return Matches(row * reference.shape[-1] + column, score)


def plain_exact_search(
    query: torch.Tensor, reference: torch.Tensor, *, patch: int = 3, top: int = 1, order: int = 2
) -> Matches:
    """The same as a product of two matrices of whole patches: the readable twin, for small inputs."""
    check_searchable(query, reference, patch, top)
    height, width = (side - patch + 1 for side in query.shape[-2:])
    own, other = (F.unfold(features, patch) for features in (query, reference))  # [B,9C,N], [B,9C,M]
    own, other = (patches / (patches.norm(order, dim=1, keepdim=True) + EPSILON) for patches in (own, other))
    score, place = torch.sort(own.transpose(1, 2) @ other, dim=-1, descending=True, stable=True)
    index = centres(place[..., :top], reference.shape[-1], patch)
    return Matches(*(part.transpose(1, 2).unflatten(2, (height, width)) for part in (index, score[..., :top])))


def check_searchable(query: torch.Tensor, reference: torch.Tensor, patch: int, top: int) -> None:
    """Raise ShapeError in one line if the two cannot be searched."""
    given = f"query {list(query.shape)} and reference {list(reference.shape)}"
    if query.ndim != 4 or reference.ndim != 4 or query.shape[:2] != reference.shape[:2]:
        raise ShapeError(f"{given}; [B,C,h,w] and [B,C,H,W] with equal B and C are wanted")
    if min(*query.shape[-2:], *reference.shape[-2:]) < patch:
        raise ShapeError(f"{given} must hold a patch of {patch}x{patch}; pad them")
    places = (reference.shape[-2] - patch + 1) * (reference.shape[-1] - patch + 1)
    if not 1 <= top <= places:
        raise ShapeError(f"{top} matches are wanted of a reference with {places} patches; ask for fewer")
    exporting = torch.compiler.is_exporting()  # a graph cannot depend on values
    if not exporting and not (query.isfinite().all() and reference.isfinite().all()):
        raise ShapeError(f"{given} hold values that are not finite; no match is better than another")


@contextmanager
def searching(features: torch.Tensor) -> Iterator[None]:
    """No gradients, and no autocast: in bf16 many patches of smooth features score alike."""
    with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
        yield


def exact(features: torch.Tensor) -> torch.Tensor:
    """In float32 at least: in half precision the length of an empty patch has no inverse."""
    return features.to(torch.promote_types(features.dtype, torch.float32))


def patch_lengths(features: torch.Tensor, patch: int, order: int = 2) -> torch.Tensor:
    """[B,C,h,w] -> length of every whole patch, [B,h',w']: Euclidean (order 2) or the sum of magnitudes (order 1)."""
    powers = features.abs().pow(order).sum(1, keepdim=True)
    return (F.avg_pool2d(powers, patch, stride=1) * patch**2)[:, 0].pow(1 / order)


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
            found = _best((scores * scale).flatten(1), top)
            _keep_better(best[row], place[row], found[0], found[1] + first * scale.shape[1])
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
