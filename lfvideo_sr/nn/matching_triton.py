"""Exact search as one Triton kernel: products and running maximum are fused, so no score ever leaves the chip.

A GPU has multiplications to spare and little memory bandwidth, so the kernel multiplies whole patches (nine products of
pixels where matching.py makes one) and writes one match per patch. Twin: `matching.exact_search` with top=1.
Triton comes with torch on Linux; this module is imported only where it is wanted.
"""

import torch
import triton
import triton.language as tl

from .matching import EPSILON, Matches, centres, check_searchable, patch_lengths


def triton_exact_search(query: torch.Tensor, reference: torch.Tensor, *, patch: int = 3, tile: int = 64) -> Matches:
    """As `matching.exact_search` with top=1, on CUDA (or anywhere with TRITON_INTERPRET=1); float32, float16, bfloat16.

    tile: patches of frame and reference that one step compares, a power of two from 16.
    """
    check_searchable(query, reference, patch, 1)
    batch, channels, height, width = query.shape
    down, across = height - patch + 1, width - patch + 1
    places = (reference.shape[2] - patch + 1) * (reference.shape[3] - patch + 1)
    best = torch.empty(batch, down * across, dtype=torch.float32, device=query.device)
    place = torch.empty(batch, down * across, dtype=torch.int32, device=query.device)
    own, other = (features.permute(0, 2, 3, 1).contiguous() for features in (query, reference))
    inverse = (1 / (patch_lengths(reference.float(), patch) + EPSILON)).flatten(1).contiguous()
    grid = (triton.cdiv(down * across, tile),)
    for number in range(batch):
        _search[grid](
            own[number], other[number], inverse[number], best[number], place[number],
            down * across, places, across, reference.shape[3] - patch + 1, width, reference.shape[3], channels,
            PATCH=patch, TILE=tile, CHANNELS=min(64, triton.next_power_of_2(max(channels, 16))),
        )  # fmt: skip
    index = centres(place.long(), reference.shape[3], patch).unflatten(1, (down, across))
    score = best.unflatten(1, (down, across)) / (patch_lengths(query.float(), patch) + EPSILON)
    return Matches(index[:, None], score[:, None])


@triton.jit
def _search(
    own, other, inverse, best, place,
    count, places, across, other_across, width, other_width, channels,
    PATCH: tl.constexpr, TILE: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """A tile of the frame's patches against all of the reference's; own, other [pixels,channels], inverse [places]."""
    mine = tl.program_id(0) * TILE + tl.arange(0, TILE)
    corner = mine // across * width + mine % across
    top = tl.full((TILE,), float("-inf"), tl.float32)
    where = tl.zeros((TILE,), tl.int32)
    for first in range(0, places, TILE):
        theirs = first + tl.arange(0, TILE)
        other_corner = theirs // other_across * other_width + theirs % other_across
        scores = tl.zeros((TILE, TILE), tl.float32)
        for tap in range(PATCH * PATCH):
            dy, dx = tap // PATCH, tap % PATCH
            row, other_row = corner + dy * width + dx, other_corner + dy * other_width + dx
            for channel in range(0, channels, CHANNELS):
                c = channel + tl.arange(0, CHANNELS)
                a = tl.load(
                    own + row[:, None] * channels + c[None, :], (mine < count)[:, None] & (c < channels)[None, :], 0.0
                )
                b = tl.load(
                    other + other_row[None, :] * channels + c[:, None],
                    (theirs < places)[None, :] & (c < channels)[:, None],
                    0.0,
                )
                scores += tl.dot(a, b, input_precision="ieee")
        scores *= tl.load(inverse + theirs, theirs < places, 0.0)[None, :]
        scores = tl.where((theirs < places)[None, :], scores, float("-inf"))
        found = tl.max(scores, 1)
        better = found > top  # strictly: the first of equal ones stays
        where = tl.where(better, first + tl.argmax(scores, 1, tie_break_left=True), where)
        top = tl.where(better, found, top)
    tl.store(best + mine, top, mine < count)
    tl.store(place + mine, where, mine < count)
