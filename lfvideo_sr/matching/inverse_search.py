"""Dense optical flow by inverse search of patches (DIS: Kroeger et al., ECCV 2016, section 2) in torch, on any device.

From coarse to fine, patches of 8x8 pixels, every 4 pixels, descend to where the other picture looks most like them:
each takes the best start among its own, its neighbours' and one given from outside, then a few Gauss-Newton steps whose
Hessian depends on the patch alone. A pixel's flow is the mean of its four patches', weighted by how well each fits it;
variational.py smooths that.

Everything has a fixed shape and asks the device nothing, so that a CUDA graph can hold it. Where Triton is, each step
is a kernel or two (inverse_search_triton.py); what is here is the plain twin.
"""

from dataclasses import dataclass
from math import ceil, log2
from typing import NamedTuple

import torch
import torch.nn.functional as F

from ..nn.kernels import by_triton
from ..nn.warp import grid_positions, sample
from .search_steps import FAINT, PATCH, STRIDE, Steps
from .variational import refined

_LOOKED_ONCE, _REFINED = 2, 3  # levels, from the finest on
_COARSEST = 40  # pixels: about the longer side of the coarsest level


@dataclass(frozen=True)
class InverseSearchSettings:
    """descents: Gauss-Newton steps of a patch between two looks at its neighbours. looks: so many on each level but the
    finest two, which take one. refinements: variational ones, on the finest three levels only; on coarser ones they
    change nothing that lasts."""

    descents: int = 3
    looks: int = 4
    refinements: int = 4


def inverse_search(
    source: torch.Tensor,
    target: torch.Tensor,
    initial: torch.Tensor | None = None,
    settings: InverseSearchSettings = InverseSearchSettings(),
    steps: Steps | None = None,
) -> torch.Tensor:
    """Gray pictures [B,1,H,W] of one size, 0 .. 255 -> displacement [B,2,H,W], (dx, dy) in pixels:
    source(x, y) = target(x + dx, y + dy).

    initial: a displacement [B,2,H,W] to start from beside zero. steps: which twin to use; None: the device's fastest.
    """
    steps = steps or fastest_steps(source)
    levels = level_count(*source.shape[2:])
    sources, targets = _pyramid(source, levels), _pyramid(target, levels)
    starts = [] if initial is None else _flow_pyramid(initial, levels)
    flow = torch.zeros_like(sources[-1]).expand(-1, 2, -1, -1).contiguous()
    for level in reversed(range(levels)):
        pictures = sources[level], targets[level]
        other = starts[level] if starts else None
        for look in range(1 if level < _LOOKED_ONCE else settings.looks):
            patch_flow = steps.descend(*pictures, flow, None if look else other, settings.descents)
            flow = steps.spread(patch_flow, *pictures)
        if level < _REFINED:
            flow = steps.refine(flow, *pictures, settings.refinements)
    return flow


def fastest_steps(picture: torch.Tensor) -> Steps:
    """Triton's, where they can be had; else the plain ones."""
    if not by_triton(picture):
        return PLAIN
    from .inverse_search_triton import FUSED

    return FUSED


def level_count(height: int, width: int) -> int:
    """Halvings after which the longer side is about 40 pixels, and the shorter one still holds a patch; plus one."""
    halvings = int(log2(max(height, width) / _COARSEST) + 0.5) if max(height, width) > _COARSEST else 0
    most = max(0, int(log2(min(height, width) / PATCH))) if min(height, width) >= PATCH else 0
    return 1 + min(halvings, most)


class PatchGradients(NamedTuple):
    """The patches of a picture, [B,64,n] each, n = rows * columns: gray levels and gradients, less their means; and the
    inverse Hessian [B,3,n] as (xx, xy, yy)."""

    levels: torch.Tensor
    across: torch.Tensor
    down: torch.Tensor
    inverse: torch.Tensor
    rows: int
    columns: int


def patches_of(picture: torch.Tensor) -> PatchGradients:
    """Patch (i, j) covers rows 4i-4 .. 4i+3 and columns 4j-4 .. 4j+3 of picture [B,1,h,w]; beyond it, its edge."""
    rows, columns = (ceil(side / STRIDE) + 1 for side in picture.shape[2:])
    down = F.pad(picture, (0, 0, 1, 1), mode="replicate")
    across = F.pad(picture, (1, 1, 0, 0), mode="replicate")
    gradients = (across[..., 2:] - across[..., :-2]) / 2, (down[:, :, 2:] - down[:, :, :-2]) / 2
    level, dx, dy = (_cut(values, rows, columns) for values in (picture, *gradients))
    xx, xy, yy = (dx * dx).sum(1) + FAINT, (dx * dy).sum(1), (dy * dy).sum(1) + FAINT
    inverse = torch.stack([yy, -xy, xx], 1) / (xx * yy - xy * xy)[:, None]
    return PatchGradients(level, dx, dy, inverse, rows, columns)


def _cut(picture: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """[B,1,h,w] -> [B,64,rows*columns], each patch less its mean."""
    height, width = picture.shape[2:]
    edges = (STRIDE, STRIDE * columns - width, STRIDE, STRIDE * rows - height)
    cut = F.unfold(F.pad(picture, edges, mode="replicate"), PATCH, stride=STRIDE)
    return cut - cut.mean(1, keepdim=True)


def neighbours(flow: torch.Tensor) -> list[torch.Tensor]:
    """The flow of the patch above, below, to the left and to the right; at the edge its own: [B,2,r,c] each."""
    padded = F.pad(flow, (1, 1, 1, 1), mode="replicate")
    return [padded[:, :, :-2, 1:-1], padded[:, :, 2:, 1:-1], padded[:, :, 1:-1, :-2], padded[:, :, 1:-1, 2:]]


def descended(
    source: torch.Tensor, target: torch.Tensor, flow: torch.Tensor, other: torch.Tensor | None, descents: int
) -> torch.Tensor:
    """Pictures [B,1,h,w], a flow [B,2,h,w] or one of the level above, [B,2,ceil(h/2),ceil(w/2)], and another [B,2,h,w]
    to try -> flow of the patches, [B,2,rows,columns]: from the best start, the best met in so many steps.

    A step counts where the patch fits better than before; what would move by more than a patch does not.
    """
    patches = patches_of(source)
    start = at_patches(flow, patches.rows, patches.columns, 1 if flow.shape[3] == source.shape[3] else 2)
    starts = [start, *neighbours(start)]
    if other is not None:
        starts.append(at_patches(other, patches.rows, patches.columns, 1))
    best, misfit, residual = _best_of(patches, target, [candidate.flatten(2) for candidate in starts])
    started, flow = best, best
    for _ in range(descents):
        flow = flow - _step(patches, residual)
        moved_misfit, residual = _misfit(patches, target, flow)
        better = (moved_misfit < misfit) & ((flow - started).abs().amax(1, keepdim=True) <= PATCH)
        best, misfit = torch.where(better, flow, best), torch.where(better, moved_misfit, misfit)
    return best.unflatten(2, (patches.rows, patches.columns))


def _best_of(patches: PatchGradients, target: torch.Tensor, flows: list[torch.Tensor]):
    """The flow [B,2,n] that fits each patch best, its misfit and residual; the first one wins ties."""
    best, misfit, residual = flows[0], *_misfit(patches, target, flows[0])
    for flow in flows[1:]:
        other_misfit, its = _misfit(patches, target, flow)
        better = other_misfit < misfit
        best, residual = torch.where(better, flow, best), torch.where(better, its, residual)
        misfit = torch.where(better, other_misfit, misfit)
    return best, misfit, residual


def _misfit(patches: PatchGradients, target: torch.Tensor, flow: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of patches moved by flow [B,2,n]: sum of squares [B,1,n] of the residual [B,64,n], means apart."""
    inside = grid_positions(PATCH, PATCH, flow.device).view(1, -1, 1, 2) - STRIDE
    corner = grid_positions(patches.rows, patches.columns, flow.device).view(1, 1, -1, 2) * STRIDE
    there = sample(target, inside + corner + flow.transpose(1, 2)[:, None])[:, 0]
    residual = there - there.mean(1, keepdim=True) - patches.levels
    return residual.square().sum(1, keepdim=True), residual


def _step(patches: PatchGradients, residual: torch.Tensor) -> torch.Tensor:
    """Hessian^-1 * gradient, [B,2,n]"""
    x, y = ((gradient * residual).sum(1) for gradient in (patches.across, patches.down))
    xx, xy, yy = patches.inverse.unbind(1)
    return torch.stack([xx * x + xy * y, xy * x + yy * y], 1)


def at_patches(flow: torch.Tensor, rows: int, columns: int, finer: int) -> torch.Tensor:
    """Flow at the middles of patches, [B,2,rows,columns], from pixels `finer` (1 or 2) times as large."""
    step = STRIDE // finer
    height, width = flow.shape[2:]
    padded = F.pad(flow, (1, step * columns - width, 1, step * rows - height), mode="replicate")
    corners = [padded[:, :, y::step, x::step][:, :, :rows, :columns] for y in (0, 1) for x in (0, 1)]
    return finer * (corners[0] + corners[1] + corners[2] + corners[3]) / 4


def spread(patch_flow: torch.Tensor, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Patches' flow [B,2,rows,columns] -> pixels' [B,2,h,w]."""
    height, width = source.shape[2:]
    rows, columns = patch_flow.shape[2] - 1, patch_flow.shape[3] - 1
    places = grid_positions(height, width, source.device)
    total, weights = torch.zeros_like(source), torch.zeros_like(source)
    for top in (0, 1):
        for left in (0, 1):
            here = patch_flow[:, :, top : top + rows, left : left + columns]
            here = here.repeat_interleave(STRIDE, 2).repeat_interleave(STRIDE, 3)[:, :, :height, :width]
            apart = (sample(target, places + here.permute(0, 2, 3, 1)) - source).abs()
            weight = 1 / apart.clamp(min=1)
            total, weights = total + weight * here, weights + weight
    return total / weights


def _pyramid(picture: torch.Tensor, levels: int) -> list[torch.Tensor]:
    """The picture and its halves, by the mean of 2x2 pixels."""
    made = [picture.float()]
    for _ in range(levels - 1):
        made.append(F.avg_pool2d(made[-1], 2, ceil_mode=True, count_include_pad=False))
    return made


def _flow_pyramid(flow: torch.Tensor, levels: int) -> list[torch.Tensor]:
    return [half / 2**level if level else half for level, half in enumerate(_pyramid(flow, levels))]


PLAIN = Steps(descended, spread, refined)
