"""PatchMatch, each step in one Triton kernel: it makes the candidates, compares those that are new, keeps the best.

By torch a step takes a hundred launches, and asks the device how many are new. Twin: `patchmatch.plain_patchmatch`.
Imported only where it is wanted; runs on CUDA, or anywhere with TRITON_INTERPRET=1.
"""

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from .patches_triton import patch_product

if TYPE_CHECKING:
    from .patches import Patches

_PLACES = 16  # of a program
_AROUND = 8  # neighbours
_START, *_KINDS = 0, 1, 2  # what is tried: the match given, those of neighbours, those beside the match
_SIZES = ["count", "height", "width", "other_height", "other_width", "channels", "dilation", "again"]  # one for all


def improve(
    own: "Patches", other: "Patches", start: torch.Tensor, rounds: int, steps: int, coherent: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Matches int64 [B,h,w] -> better ones and their scores float32: rounds of propagation at dilations 1, 2, 4 ...

    A candidate that was refused at this step a round before is not compared again: it would be refused again.
    """
    index = start.int().contiguous()
    score = own.lengths.new_full(start.shape, -torch.inf)
    index, score = _step(own, other, index, score, _START, 0, coherent, index, False)
    tried = {(kind, step): index.new_empty(*index.shape, _AROUND) for step in range(steps) for kind in _KINDS}
    for number in range(rounds):
        for (kind, step), before in tried.items():
            index, score = _step(own, other, index, score, kind, 1 << step, coherent, before, number > 0)
    return index.long(), score


def _step(own, other, index, score, kind: int, dilation: int, coherent: bool, tried: torch.Tensor, again: bool):
    """One launch. tried: the candidates of this step, [B,h,w,8], kept for the next round; again: they are there."""
    better, found = torch.empty_like(index), torch.empty_like(score)
    channels = own.pixels.shape[1]
    _improve[(triton.cdiv(index.numel(), _PLACES),)](
        own.pixels, other.pixels, own.lengths, other.lengths, index, score, better, found, tried, index.numel(),
        *own.lengths.shape[1:], *other.lengths.shape[1:], channels, dilation, int(again),
        KIND=kind, COHERENT=coherent, AROUND=1 if kind == _START else _AROUND,
        PLACES=_PLACES, CHANNELS=min(128, triton.next_power_of_2(channels)),
    )  # fmt: skip
    return better, found


@triton.jit(do_not_specialize=_SIZES)
def _improve(
    own, other, own_lengths, other_lengths, index, score, better, found, tried,
    count, height, width, other_height, other_width, channels, dilation, again,
    KIND: tl.constexpr, COHERENT: tl.constexpr, AROUND: tl.constexpr, PLACES: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    place = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    there = place < count
    plane = height * width
    one, inside = place // plane, place % plane
    y, x = inside // width, inside % width
    corner = ((one * (height + 2) + y) * (width + 2) + x).to(tl.int64)
    length = tl.load(own_lengths + place, mask=there, other=1.0)
    present = tl.load(index + place, mask=there, other=0)
    best = tl.load(score + place, mask=there, other=0.0)
    kept = present
    for number in range(AROUND):
        candidate = present
        if KIND > 0:
            which = number + number // 4  # of the nine places round one, without the middle
            dy, dx = (which // 3 - 1) * dilation, (which % 3 - 1) * dilation
            if KIND == 1:
                row = tl.minimum(tl.maximum(y + dy, 0), height - 1)
                column = tl.minimum(tl.maximum(x + dx, 0), width - 1)
                candidate = tl.load(index + one * plane + row * width + column, mask=there, other=0)
                dy, dx = y - row, x - column
            if KIND == 2 or COHERENT:
                row = tl.minimum(tl.maximum(candidate // other_width + dy, 0), other_height - 1)
                column = tl.minimum(tl.maximum(candidate % other_width + dx, 0), other_width - 1)
                candidate = row * other_width + column
        new = there
        if KIND > 0:
            new = there & (candidate != present)
            if again:
                new = new & (candidate != tl.load(tried + place * AROUND + number, mask=there, other=0))
            tl.store(tried + place * AROUND + number, candidate, mask=there)
        if tl.max(new.to(tl.int32), 0) > 0:
            row, column = candidate // other_width, candidate % other_width
            theirs = ((one * (other_height + 2) + row) * (other_width + 2) + column).to(tl.int64)
            product = patch_product(
                own, other, corner, theirs, width + 2, other_width + 2, channels, new, PLACES, CHANNELS
            )
            other_length = tl.load(other_lengths + one * other_height * other_width + candidate, mask=new, other=1.0)
            reached = product / (length * other_length)
            wins = new & (reached > best)
            best, kept = tl.where(wins, reached, best), tl.where(wins, candidate, kept)
    tl.store(better + place, kept, mask=there)
    tl.store(found + place, best, mask=there)
