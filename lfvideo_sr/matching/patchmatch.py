"""Coarse-to-fine embedded PatchMatch (AMSA, section 3.1): a field of matches from a guess, by asking the neighbours.

Every round goes through the dilations 1, 2, 4, ...; at each, a place first tries the matches of its eight neighbours
(LR propagation, Eq. 3 to 5), then the eight neighbours of its own match (Ref propagation). Levels go from coarse to
fine, each starting from the field of the one before.

A candidate that was refused once is refused again as long as the place's match only gets better. So after the first
round only candidates that are new are compared, which changes no result and saves most of the work. The readable
twin, `plain_patchmatch`, compares all of them, always. Triton has it as a kernel a step (patchmatch_triton.py); what is
exported is another form still (patchmatch_graph.py).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F

from ..errors import ShapeError
from ..nn.kernels import by_triton
from ..nn.precision import at_least_float32
from .patch_products import patch_products
from .patches import PATCH, Patches, row_and_column
from .patchmatch_graph import improve_in_a_loop
from .search import EPSILON, check_searchable, searching


@dataclass(frozen=True)
class PatchMatchPlan:
    """Rounds at each level, coarse to fine, the paper's by default; level s works on features averaged over s x s.

    coherent: a neighbour proposes its match moved by the way from it, as PatchMatch did before AMSA, not the very same
    match (Eq. 3). Where the scene moves as one, that is right at once: `benchmarks/matching.py` shows more relevance
    from fewer comparisons.

    For a warm start from the field of the frame before, `PatchMatchPlan(levels=(1,), rounds=(2,))` is usual.
    """

    levels: tuple[int, ...] = (8, 4, 2, 1)
    rounds: tuple[int, ...] = (1, 1, 2, 6)
    coherent: bool = False

    def __post_init__(self) -> None:
        if len(self.levels) != len(self.rounds) or self.levels[-1:] != (1,):
            raise ShapeError(
                f"levels {self.levels} and rounds {self.rounds}: as many of each and a last level of 1 are wanted"
            )
        if any(coarse <= fine or coarse % fine for coarse, fine in pairwise(self.levels)):
            raise ShapeError(f"levels {self.levels}: each a multiple of the next and larger is wanted")


class Field(NamedTuple):
    """index: int64 [B,h,w], for every pixel of the frame the pixel of the reference it matches (row * W + column).
    score: [B,h,w], the relevance of the patches round the two (Eq. 1), from -1 to 1 up to rounding; beyond the edge a
    patch is zero.
    compared: how many pairs of patches were compared for it, all levels and the whole batch together; 0 on CUDA, where
    Triton is, and in graphs: there nobody counts.
    """

    index: torch.Tensor  # type: ignore[assignment]  # a tuple's method has this name too
    score: torch.Tensor
    compared: int


def patchmatch(
    query: torch.Tensor,
    reference: torch.Tensor,
    plan: PatchMatchPlan = PatchMatchPlan(),
    *,
    initial: torch.Tensor | None = None,
    seed: int = 0,
) -> Field:
    """Match `query` [B,C,h,w] in `reference` [B,C,H,W], of any size.

    initial: int64 [B,h,w], a field to start from at the first level (as Field.index); random by `seed` without it.
    Not differentiable: see `relevance`. Raises ShapeError for what cannot be matched.
    """
    return _coarse_to_fine(query, reference, plan, initial, seed, _improve)


def plain_patchmatch(
    query: torch.Tensor,
    reference: torch.Tensor,
    plan: PatchMatchPlan = PatchMatchPlan(),
    *,
    initial: torch.Tensor | None = None,
    seed: int = 0,
) -> Field:
    """The same field by comparing every candidate at every step."""
    return _coarse_to_fine(query, reference, plan, initial, seed, partial(_compared, comparison=_AllCandidates))


def relevance(query: torch.Tensor, reference: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Eq. 2 at given matches [B,h,w] -> [B,h,w]; differentiable in both features, not in the matches."""
    patches, others = _unit_patches(query).flatten(2), _unit_patches(reference).flatten(2)
    at = index.flatten(1)[:, None].expand(-1, patches.shape[1], -1)
    return (patches * others.gather(2, at)).sum(1).unflatten(1, tuple(index.shape[1:]))


def dilation_steps(height: int, width: int) -> int:
    """log2(sqrt(N) / 8) of the level's N pixels, rounded, and at least one."""
    return max(1, round(math.log2(max(math.sqrt(height * width) / 8, 1))))


def random_field(query: torch.Tensor, reference: torch.Tensor, seed: int) -> torch.Tensor:
    """Any match for every pixel, int64 [B,h,w], the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    shape = (query.shape[0], *query.shape[2:])
    return torch.randint(reference.shape[2] * reference.shape[3], shape, generator=generator).to(query.device)


def _coarse_to_fine(query, reference, plan: PatchMatchPlan, initial, seed: int, improve: Callable[..., Field]) -> Field:
    check_searchable(query, reference, 1, 1)
    if initial is not None and initial.shape != (query.shape[0], *query.shape[2:]):
        raise ShapeError(f"initial is {list(initial.shape)}; the query's [B,h,w] is wanted")
    with searching(query):
        query, reference = at_least_float32(query), at_least_float32(reference)
        field: Field | None = None
        compared, before, columns = 0, 1, 0
        for level, rounds in zip(plan.levels, plan.rounds):
            level_query, level_reference = _averaged(query, level), _averaged(reference, level)
            if field is not None:
                start = _finer(field.index, before // level, columns, level_query, level_reference)
            elif initial is not None:
                start = _coarser(initial, reference, level, level_query, level_reference)
            else:
                start = random_field(level_query, level_reference, seed)
            field = improve(level_query, level_reference, start, rounds, plan.coherent)
            compared, before, columns = compared + field.compared, level, level_reference.shape[-1]
        assert field is not None, "a plan has levels"
        return field._replace(compared=compared)


def _averaged(features: torch.Tensor, level: int) -> torch.Tensor:
    return features if level == 1 else F.avg_pool2d(features, level, ceil_mode=True, count_include_pad=False)


def _finer(index, ratio: int, columns: int, query, reference) -> torch.Tensor:
    """The field of a level `ratio` times as coarse, whose reference had so many columns, on a finer one: every pixel
    stays at its place within the coarse pixel's match."""
    height, width = query.shape[-2:]
    y, x = (torch.arange(side, device=index.device) for side in (height, width))
    match = index[:, y // ratio][:, :, x // ratio]
    row = match // columns * ratio + (y % ratio)[:, None]
    column = match % columns * ratio + x % ratio
    return _clamped(row, column, reference)


def _coarser(index, reference, level: int, query, coarse_reference) -> torch.Tensor:
    """Every level-th match of a full-size field, at that level."""
    rows, columns = (
        (torch.arange(coarse, device=index.device) * level + level // 2).clamp(max=fine - 1)
        for coarse, fine in zip(query.shape[-2:], index.shape[-2:])
    )
    kept = index[:, rows][:, :, columns]
    row, column = row_and_column(kept, reference.shape[-1])
    return _clamped(row // level, column // level, coarse_reference)


def _clamped(row: torch.Tensor, column: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    height, width = reference.shape[-2:]
    return row.clamp(0, height - 1) * width + column.clamp(0, width - 1)


def _improve(query, reference, start: torch.Tensor, rounds: int, coherent: bool) -> Field:
    """One level, by what suits the place: a graph, a GPU, anywhere else."""
    if torch.compiler.is_exporting():

        def candidates(index: torch.Tensor, dilation: torch.Tensor) -> tuple[Iterator[torch.Tensor], ...]:
            size = reference.shape[-2:]  # a loop's body knows tensors only
            return _of_neighbours(index, dilation, size if coherent else None), _beside_matches(index, dilation, size)

        return Field(*improve_in_a_loop(query, reference, start, rounds, candidates), compared=0)
    if by_triton(query) and query.dtype == torch.float32:
        from .patchmatch_triton import improve

        steps = dilation_steps(*query.shape[-2:])
        return Field(*improve(query, reference, start, rounds, steps, coherent), compared=0)
    return _compared(query, reference, start, rounds, coherent, _NewCandidates)


def _compared(query, reference, start: torch.Tensor, rounds: int, coherent: bool, comparison: Callable) -> Field:
    """One level: propagate and evaluate."""
    size = reference.shape[-2:]
    moved = size if coherent else None
    comparing = comparison(query, reference, start)
    for _ in range(rounds):
        for step in range(dilation_steps(*query.shape[-2:])):
            comparing.try_all(("LR", step), list(_of_neighbours(comparing.index, 1 << step, moved)))
            comparing.try_all(("Ref", step), list(_beside_matches(comparing.index, 1 << step, size)))
    return Field(comparing.index, comparing.score, comparing.compared)


def _around() -> Iterator[tuple[int, int]]:
    return ((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))


def _of_neighbours(
    index: torch.Tensor, dilation: int | torch.Tensor, moved: Sequence[int] | None
) -> Iterator[torch.Tensor]:
    """The matches of each pixel's eight neighbours (beyond the edge: of the pixel at the edge). With `moved`, the size
    of the reference, each is moved by the way from the neighbour to the pixel and held within the reference."""
    height, width = index.shape[1:]
    y, x = (torch.arange(side, device=index.device) for side in (height, width))
    for dy, dx in _around():
        rows, columns = (y + dy * dilation).clamp(0, height - 1), (x + dx * dilation).clamp(0, width - 1)
        match = index[:, rows][:, :, columns]
        if moved is None:
            yield match
            continue
        row, column = row_and_column(match, moved[1])
        row, column = row + (y - rows)[:, None], column + x - columns
        yield row.clamp(0, moved[0] - 1) * moved[1] + column.clamp(0, moved[1] - 1)


def _beside_matches(index: torch.Tensor, dilation: int | torch.Tensor, size: Sequence[int]) -> Iterator[torch.Tensor]:
    """The eight neighbours of each pixel's match, held within the reference."""
    height, width = size
    row, column = row_and_column(index, width)
    for dy, dx in _around():
        yield (row + dy * dilation).clamp(0, height - 1) * width + (column + dx * dilation).clamp(0, width - 1)


class _AllCandidates:
    """Compares every candidate given. State: the best match so far, its score, and the count of comparisons."""

    def __init__(self, query: torch.Tensor, reference: torch.Tensor, start: torch.Tensor):
        self._query, self._reference = _unit_patches(query).flatten(2), _unit_patches(reference).flatten(2)
        self.index, self.compared = start, 0
        self.score = self._scores(start)

    def try_all(self, kind: tuple[str, int], candidates: list[torch.Tensor]) -> None:
        """Take the best of the candidates, [B,h,w] each, where it is better; the first one wins ties (Eq. 4)."""
        index, score = self.index, self.score
        for candidate in candidates:
            candidate_score = self._scores(candidate)
            better = candidate_score > score
            index, score = torch.where(better, candidate, index), torch.where(better, candidate_score, score)
        self.index, self.score = index, score

    def _scores(self, index: torch.Tensor) -> torch.Tensor:
        self.compared += index.numel()
        at = index.flatten(1)[:, None].expand(-1, self._query.shape[1], -1)
        return (self._query * self._reference.gather(2, at)).sum(1).unflatten(1, tuple(index.shape[1:]))


class _NewCandidates:
    """The same, for candidates that differ from the present match and from the one tried there a round before."""

    def __init__(self, query: torch.Tensor, reference: torch.Tensor, start: torch.Tensor):
        self._query, self._reference = Patches(query), Patches(reference)
        self._which = torch.arange(len(query), device=query.device).view(-1, 1, 1, 1)
        self._tried: dict[tuple[str, int], torch.Tensor] = {}
        self.index, self.compared = start, 0
        self.score = self._scores(start[..., None], torch.ones_like(start[..., None], dtype=torch.bool))[..., 0]

    def try_all(self, kind: tuple[str, int], candidates: list[torch.Tensor]) -> None:
        together = torch.stack(candidates, -1)
        new = together != self.index[..., None]
        if kind in self._tried:
            new &= together != self._tried[kind]
        self._tried[kind] = together
        best, first = self._scores(together, new).max(-1, keepdim=True)
        better = best[..., 0] > self.score
        self.index = torch.where(better, together.gather(-1, first)[..., 0], self.index)
        self.score = torch.where(better, best[..., 0], self.score)

    def _scores(self, candidates: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        """Scores of candidates [B,h,w,k] where `new`; -inf elsewhere."""
        corners = self._reference.corners(self._which, candidates)[new]
        self.compared += len(corners)
        lengths = self._query.lengths[..., None].expand(new.shape)[new]
        other_lengths = self._reference.lengths.flatten(1).gather(1, candidates.flatten(1)).view(new.shape)[new]
        scores = lengths.new_full(new.shape, -torch.inf)
        return scores.masked_scatter_(
            new, patch_products(self._query, self._reference, new.sum(-1), corners) / (lengths * other_lengths)
        )


def _unit_patches(features: torch.Tensor) -> torch.Tensor:
    """[B,C,h,w] -> patches round every pixel as vectors of unit length, [B,9C,h,w]."""
    patches = F.unfold(features, PATCH, padding=PATCH // 2).unflatten(2, tuple(features.shape[-2:]))
    return patches / (patches.norm(dim=1, keepdim=True) + EPSILON)
