"""Losses that teach descriptors to match (C2-Matching, sections 3.1 and 3.2).

Descriptors are of unit length, [C,N] of the frame's N places and [C,M] of the reference's M, so that the squared
distance of two is 2 - 2 cos. Places are on grids; `grid` and `other_grid` [.,2] give their (x, y) in feature pixels.
"""

import torch
import torch.nn.functional as F

MARGIN = 1.0  # m
SAFE = 4.0  # T, in feature pixels
TEMPERATURE = 0.15  # tau


def margin_loss(
    query: torch.Tensor,
    reference: torch.Tensor,
    points: torch.Tensor,
    matches: torch.Tensor,
    grid: torch.Tensor,
    other_grid: torch.Tensor,
    *,
    margin: float = MARGIN,
    safe: float = SAFE,
) -> torch.Tensor:
    """Eq. 1 to 3: triplets with the hardest negative outside the safe radius (Chebyshev), in either picture.

    points [n], matches [n]: places of the frame and the places in the reference that show the same. Mean over them.
    """
    here, there = query[:, points], reference[:, matches]
    positive = 2 - 2 * (here * there).sum(0)  # Eq. 2
    in_reference = _hardest(here, reference, other_grid[matches], other_grid, safe)
    in_frame = _hardest(there, query, grid[points], grid, safe)
    return (margin + positive - torch.minimum(in_reference, in_frame)).clamp(min=0).mean()


def _hardest(
    descriptors: torch.Tensor, candidates: torch.Tensor, around: torch.Tensor, grid: torch.Tensor, safe: float
) -> torch.Tensor:
    """The least squared distance of each descriptor [C,n] to candidates [C,M] farther than `safe` from `around`."""
    distance = 2 - 2 * descriptors.T @ candidates
    away = (around[:, None] - grid[None]).abs().amax(-1)
    return distance.masked_fill(away <= safe, torch.inf).amin(1)


def distillation_loss(
    query: torch.Tensor,
    reference: torch.Tensor,
    teacher_own: torch.Tensor,
    teacher_other: torch.Tensor,
    *,
    temperature: float = TEMPERATURE,
) -> torch.Tensor:
    """Eq. 4 to 6: Kullback-Leibler divergence of the student's correlation volume from the teacher's, mean over the
    frame's places [C,N]."""
    student = F.log_softmax(query.T @ reference / temperature, dim=1)
    teacher = F.log_softmax(teacher_own.T @ teacher_other / temperature, dim=1)
    return F.kl_div(student, teacher, log_target=True, reduction="sum") / query.shape[1]
