"""What every search among patches has in common: its result, what it refuses, and how it measures a patch."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F

from ..errors import ShapeError

EPSILON = 1e-5  # added to the length of a patch before dividing by it


class Matches(NamedTuple):
    """The best matches of every patch, best first; among equal scores the first place of the reference wins.

    index: int64 [B,k,h',w'], the centre of the matching patch on the reference's own grid: row * W + column.
    score: [B,k,h',w'], inner product of the two patches at unit length.
    """

    index: torch.Tensor  # type: ignore[assignment]  # a tuple's method has this name too
    score: torch.Tensor


def check_searchable(query: torch.Tensor, reference: torch.Tensor, patch: int, top: int) -> None:
    """Raise ShapeError in one line if the two cannot be searched."""
    sizes = f"query {list(query.shape)} and reference {list(reference.shape)}"
    if query.ndim != 4 or reference.ndim != 4 or query.shape[:2] != reference.shape[:2]:
        raise ShapeError(f"{sizes}; [B,C,h,w] and [B,C,H,W] with equal B and C are wanted")
    if min(*query.shape[-2:], *reference.shape[-2:]) < patch:
        raise ShapeError(f"{sizes} must hold a patch of {patch}x{patch}; pad them")
    places = (reference.shape[-2] - patch + 1) * (reference.shape[-1] - patch + 1)
    if not 1 <= top <= places:
        raise ShapeError(f"{top} matches are wanted of a reference with {places} patches; ask for fewer")
    exporting = torch.compiler.is_exporting()  # a graph cannot depend on values
    if not exporting and not (query.isfinite().all() and reference.isfinite().all()):
        raise ShapeError(f"{sizes} hold values that are not finite; no match is better than another")


@contextmanager
def searching(features: torch.Tensor) -> Iterator[None]:
    """No gradients, and no autocast: in bf16 many patches of smooth features score alike."""
    with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
        yield


def patch_lengths(features: torch.Tensor, patch: int, order: int = 2) -> torch.Tensor:
    """[B,C,h,w] -> length of every whole patch, [B,h',w']: Euclidean (order 2) or the sum of magnitudes (order 1)."""
    powers = features.abs().pow(order).sum(1, keepdim=True)
    return (F.avg_pool2d(powers, patch, stride=1) * patch**2)[:, 0].pow(1 / order)
