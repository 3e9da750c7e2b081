"""Deformable aggregation: a convolution whose taps read the reference where a match and learned offsets say.

One definition (C2-Matching Eq. 9, with a mask; AMSA Eq. 8, without):

    out[o, p] = bias[o] + sum over taps t, channels c of weight[o, c, t] * mask[g(c), t, p] * source[c, at[g(c), t, p]]

with bilinear samples, zero beyond the edge, g(c) the offset group of a channel, and at = the tap's position plus its
offset. On CUDA a kernel of Triton's does it (deform_triton.py), or where that does not, as in training, torchvision's
deform_conv2d: the plain twin, where frame and reference have one size. Elsewhere samples come from grid_sample, for one
tap and a strip of rows at a time: that needs no equal sizes, holds little memory, and exports to ONNX without
DeformConv.
"""

import torch
import torch.nn.functional as F
from torch import nn

from ..errors import ShapeError
from .kernels import by_triton
from .strips import at_a_time
from .warp import apart, grid_positions, grid_sample, unit_grid

_STRIP = 1 << 22  # sampled numbers held at a time on a CPU, per tap


def tap_positions(positions: torch.Tensor, kernel: int = 3, dilation: int = 1) -> torch.Tensor:
    """Positions [B,h,w,2] of the middle, (x, y) in source pixels -> those of all taps, [B,T,h,w,2], row by row."""
    reach = (torch.arange(kernel, device=positions.device, dtype=positions.dtype) - kernel // 2) * dilation
    y, x = torch.meshgrid(reach, reach, indexing="ij")
    taps = torch.stack([x.flatten(), y.flatten()], -1)  # [T,2]
    return positions[:, None] + taps[:, None, None]


def deform_aggregate(
    source: torch.Tensor,
    positions: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    *,
    offsets: torch.Tensor | None = None,
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """Aggregate around matches.

    source:    [B,C,H,W] features of the reference, of any size.
    positions: [B,T,h,w,2], (x, y) in source pixels where each tap reads before its offset: `tap_positions` of a field,
               or a pre-offset of its own for every tap.
    weight:    [O,C,k,k] with T = k * k; bias [O].
    offsets:   [B,G,T,h,w,2] in source pixels, (x, y), one set for each of G groups of channels.
    mask:      [B,G,T,h,w].
    -> [B,O,h,w]. Differentiable in everything. Raises ShapeError for what does not fit.
    """
    groups = _groups(source, positions, weight, offsets, mask)
    if by_triton(source):
        from . import deform_triton

        if deform_triton.fits(source, groups):
            return deform_triton.deform_aggregate(source, positions, weight, bias, offsets, mask, groups)
    if source.is_cuda and source.shape[-2:] == positions.shape[2:4] and not torch.compiler.is_exporting():
        return plain_deform_aggregate(source, positions, weight, bias, offsets=offsets, mask=mask)
    if torch.compiler.is_exporting():  # a graph must not depend on the size it was traced with
        return _aggregate(source, positions, weight, bias, offsets, mask, groups)
    height, width = positions.shape[2:4]
    rows = max(1, at_a_time(_STRIP, source) // (source.shape[0] * source.shape[1] * width))
    strips = []
    for first in range(0, height, rows):
        here = slice(first, first + rows)
        moved, weighted = (None if part is None else part[:, :, :, here] for part in (offsets, mask))
        strips.append(_aggregate(source, positions[:, :, here], weight, bias, moved, weighted, groups))
    return torch.cat(strips, 2)


def _aggregate(
    source: torch.Tensor,
    positions: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    offsets: torch.Tensor | None,
    mask: torch.Tensor | None,
    groups: int,
) -> torch.Tensor:
    batch, channels, height, width = source.shape
    exact = torch.promote_types(source.dtype, torch.float32)  # half precision cannot hold a position
    grouped = source.reshape(batch * groups, channels // groups, height, width).to(exact)
    total: torch.Tensor | None = None
    for tap, taps in enumerate(weight.flatten(2).unbind(2)):
        at = positions[:, None, tap] if offsets is None else positions[:, None, tap] + offsets[:, :, tap]
        grid = unit_grid(at.to(exact), height, width).expand(-1, groups, -1, -1, -1).flatten(0, 1)
        grid = apart(grid) if offsets is None else grid
        read = grid_sample(grouped, grid).to(source.dtype)
        if mask is not None:
            read = read * mask[:, :, tap].flatten(0, 1)[:, None]
        part = F.conv2d(
            read.reshape(batch, channels, *read.shape[-2:]), taps[:, :, None, None], bias if tap == 0 else None
        )
        total = part if total is None else total + part
    assert total is not None, "a kernel has taps"
    return total


def _groups(
    source: torch.Tensor,
    positions: torch.Tensor,
    weight: torch.Tensor,
    offsets: torch.Tensor | None,
    mask: torch.Tensor | None,
) -> int:
    """The number of offset groups; raises ShapeError where shapes contradict each other."""
    batch, channels = source.shape[:2]
    taps = weight.shape[2] * weight.shape[3]
    if positions.ndim != 5 or positions.shape[:2] != (batch, taps) or positions.shape[4] != 2:
        raise ShapeError(f"positions are {list(positions.shape)}; [{batch},{taps},h,w,2] is wanted, see tap_positions")
    if weight.shape[1] != channels:
        raise ShapeError(f"weight {list(weight.shape)} does not fit a source of {channels} channels")
    parts = [part for part in (offsets, mask) if part is not None]
    groups = {part.shape[1] for part in parts} or {1}
    expected = (taps, *positions.shape[2:4])
    if len(groups) > 1 or any(part.shape[0] != batch or part.shape[2:5] != expected for part in parts):
        shapes = " and ".join(str(list(part.shape)) for part in parts)
        raise ShapeError(f"offsets and mask are {shapes}; [{batch},G,{taps},h,w] as the positions' is wanted")
    count = groups.pop()
    if channels % count:
        raise ShapeError(f"{channels} channels cannot be split into {count} offset groups")
    return count


class DeformAggregation(nn.Module):
    """`deform_aggregate` with its own weight; where offsets and mask come from is the method's business.

    It starts as the sample at the match, times its mask (where the channels stay as many): reference detail is there
    from the first step, and need not be found again among randomly mixed taps. The papers do not state their start.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3):
        super().__init__()
        plain = nn.Conv2d(inputs, outputs, kernel)
        if inputs == outputs:
            nn.init.dirac_(plain.weight)
            assert plain.bias is not None
            nn.init.zeros_(plain.bias)
        self.weight, self.bias = plain.weight, plain.bias

    def forward(
        self,
        source: torch.Tensor,
        positions: torch.Tensor,
        offsets: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        return deform_aggregate(source, positions, self.weight, self.bias, offsets=offsets, mask=mask)


def plain_deform_aggregate(
    source: torch.Tensor,
    positions: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    *,
    offsets: torch.Tensor | None = None,
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """The same by torchvision's deform_conv2d; source and positions must have one size [h,w]."""
    from torchvision.ops import deform_conv2d

    groups = _groups(source, positions, weight, offsets, mask)
    batch, _, height, width = source.shape
    if positions.shape[2:4] != (height, width):
        raise ShapeError(f"torchvision aggregates at the source's own size {width}x{height} only")
    kernel = weight.shape[-1]
    unmoved = tap_positions(grid_positions(height, width, source.device).to(positions.dtype), kernel)
    moved = (positions - unmoved)[:, None].expand(-1, groups, -1, -1, -1, -1)
    moved = moved if offsets is None else moved + offsets
    moved = moved.flip(-1).permute(0, 1, 2, 5, 3, 4).reshape(batch, -1, height, width)  # (y, x) for each group and tap
    held = None if mask is None else mask.reshape(batch, -1, height, width)
    return deform_conv2d(source, moved.to(source.dtype), weight, bias, padding=kernel // 2, mask=held)
