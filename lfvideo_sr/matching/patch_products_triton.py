"""Inner products of pairs of patches as one Triton kernel: on a GPU, the nine sparse samples of patch_products.py are
launched one after the other, and each waits. Twin: `patch_products.patch_products`. Imported only where it is used;
runs on CUDA, or anywhere with TRITON_INTERPRET=1.
"""

import torch
import triton
import triton.language as tl

from .patches import Patches

_PAIRS = 16  # of a program


def pair_products(query: Patches, reference: Patches, mine: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Of patches of `query` at corners `mine` [n] with those of `reference` at corners `theirs` [n] -> float32 [n]."""
    sums = query.pixels.new_empty(len(theirs), dtype=torch.float32)
    if len(theirs):
        _products[(triton.cdiv(len(theirs), _PAIRS),)](
            query.pixels, reference.pixels, mine, theirs, sums, len(theirs), query.width, reference.width,
            PAIRS=_PAIRS, CHANNELS=query.pixels.shape[1], BLOCK=block_of(query.pixels.shape[1]),
        )  # fmt: skip
    return sums


def block_of(channels: int) -> int:
    """So many of the channels are multiplied at a time."""
    return min(128, triton.next_power_of_2(channels))


@triton.jit
def patch_product(
    query, reference, mine, theirs, query_width, reference_width, there, mask, CHANNELS: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Of patches of 3x3 pixels with corners `mine` [P] with those with corners `theirs` [P,K], int64 -> float32 [P,K].

    query, reference: [pixels,CHANNELS], rows so many pixels apart. there [P], mask [P,K]: which there are.
    """
    channel = tl.arange(0, BLOCK)
    total = tl.zeros((theirs.shape[0], theirs.shape[1], BLOCK), tl.float32)
    for tap in range(9):
        row_a = (mine + tap // 3 * query_width + tap % 3) * CHANNELS
        row_b = (theirs + tap // 3 * reference_width + tap % 3) * CHANNELS
        for first in tl.static_range(0, CHANNELS, BLOCK):
            within = first + channel
            read_a, read_b = there[:, None], mask[:, :, None]
            if CHANNELS % BLOCK > 0:
                read_a = read_a & (within < CHANNELS)[None, :]
                read_b = read_b & (within < CHANNELS)[None, None, :]
            a = tl.load(query + row_a[:, None] + within[None, :], mask=read_a, other=0.0)
            b = tl.load(reference + row_b[:, :, None] + within[None, None, :], mask=read_b, other=0.0)
            total += a.to(tl.float32)[:, None, :] * b.to(tl.float32)
    return tl.sum(total, 2)


@triton.jit
def _products(
    query, reference, mine, theirs, sums, count, query_width, reference_width,
    PAIRS: tl.constexpr, CHANNELS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    pair = tl.program_id(0).to(tl.int64) * PAIRS + tl.arange(0, PAIRS)
    there = pair < count
    a, b = tl.load(mine + pair, mask=there, other=0), tl.load(theirs + pair, mask=there, other=0)
    total = patch_product(
        query, reference, a, b[:, None], query_width, reference_width, there, there[:, None], CHANNELS, BLOCK
    )  # fmt: skip
    tl.store(sums + pair, tl.sum(total, 1), mask=there)
