"""PatchMatch as one loop of a graph: what torch exports in the place of `patchmatch`'s rounds.

A graph cannot leave out candidates that were refused before, nor count its dilations in Python. Every step compares
eight candidates at once by gathering whole pixels (rows of a matrix), and the number of steps follows the frame's size.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch._higher_order_ops.while_loop import while_loop

from .patches import PATCH, Patches, row_and_column

Candidates = Callable[[torch.Tensor, torch.Tensor], Sequence[Iterable[torch.Tensor]]]
# log2(sqrt(N) / 8) rounds to even: from so many pixels on, there is one step more
_MORE_STEPS = (512, 2049, 8192, 32769, 131072, 524289, 2097152)


def improve_in_a_loop(
    query: torch.Tensor, reference: torch.Tensor, start: torch.Tensor, rounds: int, candidates: Candidates
) -> tuple[torch.Tensor, torch.Tensor]:
    """query [1,C,h,w], reference [1,C,H,W], field int64 [1,h,w] -> better field and its scores [1,h,w].

    candidates: (field, dilation) -> of the neighbours, and beside the matches, eight each, [1,h,w].
    """
    compare = comparison(query, reference)
    height, width = query.shape[2:]
    steps = dilation_steps(height * width, query.device)
    dilations = torch.tensor([1 << step for step in range(len(_MORE_STEPS) + 1)], device=query.device)
    last = steps * rounds

    def more(done, index, score):
        return done < last

    def step(done, index, score):
        dilation = dilations.index_select(0, (done % steps).view(1))
        for which in (0, 1):  # what is beside a match follows from what the neighbours gave
            together = torch.stack(list(candidates(index, dilation)[which]), -1)  # [1,h,w,8]
            best, first = compare(together).max(-1, keepdim=True)
            better = best[..., 0] > score
            index = torch.where(better, together.gather(-1, first)[..., 0], index)
            score = torch.where(better, best[..., 0], score)
        return done + 1, index, score

    first_score = compare(start[..., None])[..., 0]
    done = torch.zeros((), dtype=torch.int64, device=query.device)
    _, index, score = while_loop(more, step, (done, start, first_score))
    return index, score


def dilation_steps(pixels: int, device: torch.device | None = None) -> torch.Tensor:
    """As patchmatch.dilation_steps of so many pixels, as a number of the graph: int64 []."""
    bounds = torch.tensor(_MORE_STEPS, device=device)
    return (bounds <= pixels).sum() + 1


def comparison(query: torch.Tensor, reference: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """Scores of candidates for every place of one frame in one reference. What it returns is called inside the loop,
    which knows tensors only: sizes are read off them again."""
    query_patches, reference_patches = Patches(query), Patches(reference)
    mine, theirs = query_patches.pixels, reference_patches.pixels
    query_lengths, lengths = query_patches.lengths.flatten(), reference_patches.lengths.flatten()

    def compare(candidates: torch.Tensor) -> torch.Tensor:
        """[1,h,w,k] centres in the reference -> their scores."""
        (height, width), columns = query.shape[2:], reference.shape[3]
        wide, count = columns + PATCH - 1, candidates.shape[3]
        y, x = (torch.arange(side, device=query.device) for side in (height, width))
        corners = (y[:, None] * (width + PATCH - 1) + x).flatten()
        flat = candidates.reshape(height * width, count)
        place = row_and_column(flat, columns)
        at = (place[0] * wide + place[1]).flatten()
        total = torch.zeros_like(flat, dtype=mine.dtype)
        for row in range(PATCH):
            for column in range(PATCH):
                pixels = mine.index_select(0, corners + (row * (width + PATCH - 1) + column))
                gathered = theirs.index_select(0, at + (row * wide + column))
                products = gathered.reshape(height * width, count, mine.shape[1]) @ pixels[:, :, None]
                total = total + products[..., 0]
        other_lengths = lengths.index_select(0, flat.flatten()).reshape(height * width, count)
        return (total / (other_lengths * query_lengths[:, None])).reshape(1, height, width, count)

    return compare
