"""E2ENT2's swap (section 3.3): the best patches of the reference take the place of the frame's own.

Matching is done between low-resolution features; the patch that is swapped in is the one r times as large at the same
place of the reference's high-resolution features. A patch of 3r x 3r pixels is 3x3 cells of r x r, so everything is
done on the low-resolution grid with cells for pixels, one tap of the 3x3 at a time; no patch is ever cut out.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ..errors import ShapeError

PATCH = 3
ALPHAS = (0.25, 0.25, 0.5)  # Eq. 5: shares of the error for the frame's, the reduced and the full reference's features


def swap(
    query: torch.Tensor,
    low: torch.Tensor,
    high: torch.Tensor,
    index: torch.Tensor,
    alphas: Sequence[float] = ALPHAS,
) -> torch.Tensor:
    """Patches of `high` [B,C,r*H,r*W] in the places of those of `query` [B,C,h,w], [B,C,r*h,r*w] (Eq. 4).

    low: what the query was matched in, [B,C,H,W].
    index: int64 [B,h-2,w-2], for every whole patch of the query the centre of its match in `low`, row * W + column.
    Where swapped patches overlap they are averaged. The backward pass is the paper's own (Eq. 5), which is no
    derivative of the forward pass. Raises ShapeError for shapes that do not fit.
    """
    ratio = high.shape[-1] // low.shape[-1]
    if high.shape != (*low.shape[:2], ratio * low.shape[2], ratio * low.shape[3]):
        raise ShapeError(f"high {list(high.shape)} is no whole multiple of low {list(low.shape)} with equal B and C")
    if torch.compiler.is_exporting():
        return _swapped_in_a_graph(high, index, ratio)
    return _Swap.apply(query, low, high, index, ratio, alphas)


def _swapped_in_a_graph(high: torch.Tensor, index: torch.Tensor, ratio: int) -> torch.Tensor:
    """The forward pass of Eq. 4 for one frame, without writing into parts of a map: every place asks each patch over it
    for its pixel, and those beyond the frame's edge count for nothing."""
    batch, channels, height, width = high.shape
    rows, columns = height // ratio, width // ratio
    cells = high.reshape(batch, channels, rows, ratio, columns, ratio).permute(0, 1, 3, 5, 2, 4)
    cells = cells.reshape(channels * ratio * ratio, rows * columns)
    whole = torch.ones_like(index, dtype=high.dtype)
    total = torch.zeros(1, device=high.device, dtype=high.dtype)
    covered = total
    for top in range(PATCH):
        for left in range(PATCH):  # of a place, in the patch that is asked
            around = (left, PATCH - 1 - left, top, PATCH - 1 - top)
            at = F.pad(index + ((top - 1) * columns + left - 1), around)
            there = F.pad(whole, around)
            patches = cells.index_select(1, at.flatten()).reshape(1, -1, *at.shape[1:])
            total, covered = total + patches * there[:, None], covered + there
    return F.pixel_shuffle(total / covered[:, None], ratio)


class _Swap(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, low, high, index, ratio, alphas):
        ctx.save_for_backward(index)
        ctx.ratio, ctx.alphas, ctx.low_size = ratio, alphas, low.shape[-2:]
        cells = F.pixel_unshuffle(high, ratio)
        total = cells.new_zeros(*cells.shape[:2], *query.shape[-2:])
        for (dy, dx), here in _taps(index.shape[-2:]):
            total[here] += _gather(cells, index + dy * low.shape[-1] + dx)
        return F.pixel_shuffle(total / _coverage(torch.ones_like(index, dtype=total.dtype), query.shape[-2:]), ratio)

    @staticmethod
    def backward(ctx, *errors):
        """Eq. 5. The error's reduced version is its mean over each cell; the paper does not say how it is reduced.

        The frame's share needs no sum: all patches over a pixel say the same of it.
        """
        (error,) = errors
        (index,) = ctx.saved_tensors
        reduced = F.avg_pool2d(error, ctx.ratio)
        cells = F.pixel_unshuffle(error, ctx.ratio)
        first, second, third = ctx.alphas
        low = second * _back_to_matches(reduced, index, ctx.low_size)
        high = third * F.pixel_shuffle(_back_to_matches(cells, index, ctx.low_size), ctx.ratio)
        return first * reduced, low, high, None, None, None


def _back_to_matches(error: torch.Tensor, index: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """error [B,C,h,w] of the frame's patches, summed at the reference patches they took, and averaged where different
    reference patches overlap: [B,C,H,W]. What was never taken gets zero."""
    batch, channels = error.shape[:2]
    total = error.new_zeros(batch, channels, size[0] * size[1])
    for (dy, dx), here in _taps(index.shape[-2:]):
        at = (index + dy * size[1] + dx).flatten(1)[:, None].expand(-1, channels, -1)
        total.scatter_add_(2, at, error[here].flatten(2))
    taken = error.new_zeros(batch, size[0] * size[1]).scatter_(1, index.flatten(1), 1.0).unflatten(1, tuple(size))
    patches = _coverage(taken[:, 1:-1, 1:-1], size)
    return total.unflatten(2, tuple(size)) / patches.clamp(min=1)


def _taps(places: torch.Size):
    """Each of the 3x3 offsets from a patch's centre, and the part of a map that it covers over all patches."""
    height, width = places
    for dy in range(PATCH):
        for dx in range(PATCH):
            yield (dy - 1, dx - 1), (..., slice(dy, dy + height), slice(dx, dx + width))


def _coverage(patches: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """How many of the patches (1 or 0 at each centre, [B,h-2,w-2]) cover each pixel: [B,1,h,w]."""
    total = patches.new_zeros(patches.shape[0], 1, *size)
    for _, here in _taps(patches.shape[-2:]):
        total[here] += patches[:, None]
    return total


def _gather(cells: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """cells [B,C,H,W] at index [B,h,w] -> [B,C,h,w]"""
    at = index.flatten(1)[:, None].expand(-1, cells.shape[1], -1)
    return cells.flatten(2).gather(2, at).unflatten(2, tuple(index.shape[-2:]))
