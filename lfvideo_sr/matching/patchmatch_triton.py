"""PatchMatch, each step in one Triton kernel: it makes the candidates, compares the new ones and stores the best.

By torch a step takes a hundred launches, and asks the device how many are new. Twin: `patchmatch.plain_patchmatch`.
What a step costs is reading features, so they are read in fp16, scaled to its range, and multiplied and summed in
float32: scores of unit descriptors are within 2e-4 of float32's, as the test asks.
Imported only where it is wanted; runs on CUDA, or anywhere with TRITON_INTERPRET=1.
"""

import torch
import triton
import triton.language as tl

from .patch_products_triton import block_of, patch_product
from .patches import Patches

_PLACES = 4  # of a program
_AROUND = 8  # neighbours
_LARGEST = 15  # fp16 holds all below 2 to this
_START, *_KINDS = 0, 1, 2  # what is tried: the match given, those of neighbours, those beside the match
_SIZES = ["count", "height", "width", "other_height", "other_width", "dilation", "again"]  # no kernel for each


def improve(
    query: torch.Tensor, reference: torch.Tensor, start: torch.Tensor, rounds: int, steps: int, coherent: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features float32 [B,C,h,w] and [B,C,H,W], matches int64 [B,h,w] -> better ones and their scores float32, by
    rounds of propagation at dilations 1, 2, 4 ...

    A candidate that was refused at this step a round before is not compared again: it would be refused again.
    """
    pair = _FeaturePair(query, reference, coherent)
    index = start.int().contiguous()
    score = query.new_full(start.shape, -torch.inf)
    index, score, _ = pair.step(index, score, _START, 0, None)
    tried: dict[tuple[int, int], torch.Tensor] = {}
    for _ in range(rounds):
        for step in range(steps):
            for kind in _KINDS:
                index, score, now = pair.step(index, score, kind, 1 << step, tried.get((kind, step)))
                tried[kind, step] = now
    return index.long(), score


class _FeaturePair:
    """Two feature maps as the kernel reads them."""

    def __init__(self, query: torch.Tensor, reference: torch.Tensor, coherent: bool):
        self._query, self._reference, self._coherent = Patches(query), Patches(reference), coherent
        (mine, own_scale), (theirs, other_scale) = _halved(self._query.pixels), _halved(self._reference.pixels)
        self._pixels, self._scale = (mine, theirs), own_scale * other_scale

    def step(self, index, score, kind: int, dilation: int, before: torch.Tensor | None):
        """One launch -> matches, scores, and the candidates of this step, [B,h,w,8]. before: those of the round before.

        Nothing is written where it was read: threads that share a place would see what the first of them wrote.
        """
        better, scores, tried = torch.empty_like(index), torch.empty_like(score), index.new_empty(*index.shape, _AROUND)
        lengths, other_lengths, channels = self._query.lengths, self._reference.lengths, self._pixels[0].shape[1]
        _improve[(triton.cdiv(index.numel(), _PLACES),)](
            *self._pixels, self._scale, lengths, other_lengths, index, score, tried if before is None else before,
            better, scores, tried, index.numel(), *lengths.shape[1:], *other_lengths.shape[1:], dilation,
            int(before is not None),
            KIND=kind, COHERENT=self._coherent, AROUND=1 if kind == _START else _AROUND,
            PLACES=_PLACES, CHANNELS=channels, BLOCK=block_of(channels),
        )  # fmt: skip
        return better, scores, tried


def _halved(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels in fp16 and what they are to be multiplied with: a power of two, so that only fp16 rounds, and as large
    pixels as it holds, so that small ones keep their digits."""
    _, exponent = torch.frexp(pixels.abs().amax())
    scale = torch.ldexp(torch.ones_like(exponent, dtype=torch.float32), exponent - _LARGEST)
    return (pixels / scale).half(), scale


@triton.jit
def _candidates(
    index, present, batch, y, x, number, dilation, height, width, other_height, other_width, there,
    KIND: tl.constexpr, COHERENT: tl.constexpr,
):  # fmt: skip
    """What step KIND tries for places at (x, y) of picture `batch` that match `present`, all [P] -> [P,8]."""
    which = number + number // 4  # of the nine places round one, without the middle
    dy, dx = ((which // 3 - 1) * dilation)[None, :], ((which % 3 - 1) * dilation)[None, :]
    y, x, match = y[:, None], x[:, None], present[:, None] + number[None, :] * 0
    if KIND == 1:
        row = tl.minimum(tl.maximum(y + dy, 0), height - 1)
        column = tl.minimum(tl.maximum(x + dx, 0), width - 1)
        match = tl.load(index + batch[:, None] * height * width + row * width + column, mask=there, other=0)
        dy, dx = y - row, x - column
    if KIND == 2 or COHERENT:
        row = tl.minimum(tl.maximum(match // other_width + dy, 0), other_height - 1)
        column = tl.minimum(tl.maximum(match % other_width + dx, 0), other_width - 1)
        match = row * other_width + column
    return match


@triton.jit(do_not_specialize=_SIZES)
def _improve(
    query, reference, scale, query_lengths, reference_lengths, index, score, before, better, scores, tried,
    count, height, width, other_height, other_width, dilation, again,
    KIND: tl.constexpr, COHERENT: tl.constexpr, AROUND: tl.constexpr, PLACES: tl.constexpr, CHANNELS: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    place, number = tl.program_id(0) * PLACES + tl.arange(0, PLACES), tl.arange(0, AROUND)
    there = place < count
    plane = height * width
    batch, inside = place // plane, place % plane
    y, x = inside // width, inside % width
    present = tl.load(index + place, mask=there, other=0)
    best = tl.load(score + place, mask=there, other=0.0)
    new = there[:, None] & (number >= 0)[None, :]
    candidate = present[:, None] + number[None, :] * 0
    if KIND > 0:
        candidate = _candidates(
            index, present, batch, y, x, number, dilation, height, width, other_height, other_width, new, KIND, COHERENT
        )
        at = place[:, None] * AROUND + number[None, :]
        tl.store(tried + at, candidate, mask=new)
        new = new & (candidate != present[:, None])
        if again:
            new = new & (candidate != tl.load(before + at, mask=new, other=0))
    kept = present
    if tl.max(tl.max(new.to(tl.int32), 1), 0) > 0:
        row, column = candidate // other_width, candidate % other_width
        theirs = ((batch[:, None] * (other_height + 2) + row) * (other_width + 2) + column).to(tl.int64)
        mine = ((batch * (height + 2) + y) * (width + 2) + x).to(tl.int64)
        product = patch_product(query, reference, mine, theirs, width + 2, other_width + 2, there, new, CHANNELS, BLOCK)
        length = tl.load(query_lengths + place, mask=there, other=1.0)[:, None]
        at = batch[:, None] * other_height * other_width + candidate
        its = tl.load(reference_lengths + at, mask=new, other=1.0)
        reached = tl.where(new, product * tl.load(scale) / (length * its), float("-inf"))
        top, first = tl.max(reached, 1, return_indices=True)  # the first of equal ones
        wins = top > best
        chosen = tl.sum(tl.where(number[None, :] == first[:, None], candidate, 0), 1)
        best, kept = tl.where(wins, top, best), tl.where(wins, chosen, kept)
    tl.store(better + place, kept, mask=there)
    tl.store(scores + place, best, mask=there)
