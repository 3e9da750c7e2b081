"""Inner products of pairs of patches as one Triton kernel: on a GPU, patches.py's nine sparse samples of a product of
matrices are launched one after the other, and each waits. Twin: `patches.patch_products`. Imported only where it is
wanted; runs on CUDA, or anywhere with TRITON_INTERPRET=1.
"""

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

if TYPE_CHECKING:
    from .patches import Patches

_PAIRS = 16  # of a program


def pair_products(own: "Patches", other: "Patches", mine: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Of patches of `own` at corners `mine` [n] with those of `other` at corners `theirs` [n] -> float32 [n]."""
    sums = own.pixels.new_empty(len(theirs), dtype=torch.float32)
    if len(theirs):
        _products[(triton.cdiv(len(theirs), _PAIRS),)](
            own.pixels, other.pixels, mine, theirs, sums, len(theirs), own.width, other.width, own.pixels.shape[1],
            PAIRS=_PAIRS, CHANNELS=min(128, triton.next_power_of_2(own.pixels.shape[1])),
        )  # fmt: skip
    return sums


@triton.jit
def patch_product(
    own, other, a, b, own_width, other_width, channels, wanted, PAIRS: tl.constexpr, CHANNELS: tl.constexpr
):  # fmt: skip
    """Of patches of 3x3 pixels with corners a and b, [PAIRS] int64; own, other [pixels,channels], rows so many pixels
    apart."""
    channel = tl.arange(0, CHANNELS)
    total = tl.zeros((PAIRS,), tl.float32)
    for tap in range(9):
        row_a = (a + tap // 3 * own_width + tap % 3) * channels
        row_b = (b + tap // 3 * other_width + tap % 3) * channels
        for first in range(0, channels, CHANNELS):
            there = wanted[:, None] & (first + channel < channels)[None, :]
            x = tl.load(own + row_a[:, None] + (first + channel)[None, :], mask=there, other=0.0)
            y = tl.load(other + row_b[:, None] + (first + channel)[None, :], mask=there, other=0.0)
            total += tl.sum(x.to(tl.float32) * y.to(tl.float32), 1)
    return total


@triton.jit
def _products(
    own, other, mine, theirs, sums, count, own_width, other_width, channels,
    PAIRS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    pair = tl.program_id(0).to(tl.int64) * PAIRS + tl.arange(0, PAIRS)
    there = pair < count
    a, b = tl.load(mine + pair, mask=there, other=0), tl.load(theirs + pair, mask=there, other=0)
    total = patch_product(own, other, a, b, own_width, other_width, channels, there, PAIRS, CHANNELS)
    tl.store(sums + pair, total, mask=there)
