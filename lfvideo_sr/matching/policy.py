"""Which search of whole places a method takes, and its places as positions in a reference: exact as long as there are
few pairs of places, else coherent PatchMatch, from the field of the frame before in a stream."""

import torch

from .patchmatch import Field, PatchMatchPlan, patchmatch

EXACT_UNTIL = 1 << 28  # pairs of places: 512x512 pixels with as large a reference, four pixels a place
PLAN = PatchMatchPlan(coherent=True)
WARM = PatchMatchPlan(levels=(1,), rounds=(2,), coherent=True)


def is_exact(query: torch.Tensor, reference: torch.Tensor, exact_until: int | None = None) -> bool:
    """Whether features [B,C,h,w] are searched for exactly in [B,C,H,W]: where they have at most `exact_until` pairs of
    places (None: EXACT_UNTIL). An exported graph never searches exactly."""
    most = EXACT_UNTIL if exact_until is None else exact_until
    return not torch.compiler.is_exporting() and query[0, 0].numel() * reference[0, 0].numel() <= most


def by_patchmatch(
    query: torch.Tensor,
    reference: torch.Tensor,
    stride: int,
    seed: torch.Tensor | None = None,
    plan: PatchMatchPlan | None = None,
) -> Field:
    """Match by PatchMatch, from seed positions [B,h,w,2] if there are any; by PLAN, or WARM from a seed, unless another
    `plan` is given. stride: reference pixels from one place to the next."""
    initial = None if seed is None else nearest_index(seed, reference, stride)
    return patchmatch(query, reference, plan or (PLAN if seed is None else WARM), initial=initial)


def nearest_index(positions: torch.Tensor, reference: torch.Tensor, stride: int, edge: int = 0) -> torch.Tensor:
    """Positions [B,h,w,2] in reference pixels -> the nearest places of its features [B,C,H,W], row * W + column, at
    least `edge` places from their edge."""
    x, y = ((positions - (stride - 1) / 2) / stride).round().long().unbind(-1)
    return clamped_index(x, y, reference, edge)


def clamped_index(x: torch.Tensor, y: torch.Tensor, reference: torch.Tensor, edge: int = 0) -> torch.Tensor:
    """Columns and rows of places -> row * W + column, at least `edge` places from the edge."""
    height, width = reference.shape[2:]
    return y.clamp(edge, height - 1 - edge) * width + x.clamp(edge, width - 1 - edge)
