"""The steps of inverse_search.py and variational.py as Triton kernels: a level is 33 small launches at most, where
torch takes thousands. Imported only where it is wanted; runs on CUDA, or anywhere with TRITON_INTERPRET=1.

Pictures are float32 [B,1,h,w], flows [B,2,h,w], as in the twins; kernels see one of a batch at a time.
"""

from math import ceil

import torch
import triton
import triton.language as tl

from . import variational as plain
from .search_steps import FAINT, PATCH, STRIDE, Steps

_PATCHES, _PIXELS = 8, 256  # of a program
_ROWS, _PAIRS = 8, 16  # of the tile that a program relaxes
_SIZES = ["height", "width", "rows", "columns", "flow_height", "flow_width", "finer", "has_other"]  # no kernel for each
_MAPS = 7  # of a system: xx, xy, yy, x, y, right, below


def descended(
    source: torch.Tensor, target: torch.Tensor, flow: torch.Tensor, other: torch.Tensor | None, descents: int
) -> torch.Tensor:
    """Twin of inverse_search.descended, in one kernel."""
    batch, _, height, width = source.shape
    rows, columns = (ceil(side / STRIDE) + 1 for side in (height, width))
    source, target, flow = source.contiguous(), target.contiguous(), flow.contiguous()
    other = flow if other is None else other.contiguous()
    has_other = other is not flow
    patch_flow = flow.new_empty(batch, 2, rows, columns)
    _descend[(triton.cdiv(rows * columns, _PATCHES), batch)](
        source, target, flow, other, patch_flow, height, width, rows, columns, flow.shape[2], flow.shape[3],
        1 if flow.shape[3] == width else 2, int(has_other), DESCENTS=descents, FAINT=FAINT,
        PATCH=PATCH, STRIDE=STRIDE, COUNT=_PATCHES,
    )  # fmt: skip
    return patch_flow


def spread(patch_flow: torch.Tensor, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Twin of inverse_search.spread, in one kernel."""
    batch, _, height, width = source.shape
    flow = patch_flow.new_empty(batch, 2, height, width)
    _spread[_pixel_grid(source)](
        patch_flow.contiguous(), source.contiguous(), target.contiguous(), flow, height, width, *patch_flow.shape[2:],
        STRIDE=STRIDE, COUNT=_PIXELS,
    )  # fmt: skip
    return flow


def refined(flow: torch.Tensor, source: torch.Tensor, target: torch.Tensor, rounds: int) -> torch.Tensor:
    """Twin of variational.refined, with two kernels a round, of which one runs for every sweep."""
    if not rounds:
        return flow
    batch, _, height, width = source.shape
    first, source, target = flow.contiguous(), source.contiguous(), target.contiguous()
    there, maps = torch.empty_like(source), source.new_empty(batch, _MAPS, height, width)
    now, moved = first.clone(), torch.empty_like(first)
    grid = _pixel_grid(source)
    _look[grid](target, first, there, height, width, COUNT=_PIXELS)
    for _ in range(rounds):
        _weigh[grid](
            source, there, first, now, maps, height, width, LEVELS=plain.LEVELS, GRADIENTS=plain.GRADIENTS,
            SMOOTH=plain.SMOOTH, NOISE=plain.NOISE, SHARP=plain.SHARP, COUNT=_PIXELS,
        )  # fmt: skip
        for _ in range(plain.SWEEPS):
            _sweep[(triton.cdiv(width, 2 * _PAIRS), triton.cdiv(height, _ROWS), batch)](
                maps, now, moved, height, width, OVER=plain.OVER, FREE=plain.FREE, ROWS=_ROWS, PAIRS=_PAIRS
            )
            now, moved = moved, now
    return now


FUSED = Steps(descended, spread, refined)


def _pixel_grid(picture: torch.Tensor) -> tuple[int, int]:
    return triton.cdiv(picture.shape[2] * picture.shape[3], _PIXELS), len(picture)


@triton.jit
def _at(picture, y, x, height, width, mask):
    """A picture's pixels, beyond it those of its edge."""
    row = tl.minimum(tl.maximum(y, 0), height - 1)
    column = tl.minimum(tl.maximum(x, 0), width - 1)
    return tl.load(picture + row * width + column, mask=mask, other=0.0)


@triton.jit
def _between(picture, y, x, height, width, mask):
    """Bilinear samples at (x, y), beyond the picture those of its edge."""
    y = tl.minimum(tl.maximum(y, 0.0), (height - 1) * 1.0)
    x = tl.minimum(tl.maximum(x, 0.0), (width - 1) * 1.0)
    top, left = tl.floor(y), tl.floor(x)
    down, across = y - top, x - left
    row, column = top.to(tl.int32), left.to(tl.int32)
    above = _at(picture, row, column, height, width, mask) * (1 - across)
    above += _at(picture, row, column + 1, height, width, mask) * across
    below = _at(picture, row + 1, column, height, width, mask) * (1 - across)
    below += _at(picture, row + 1, column + 1, height, width, mask) * across
    return above * (1 - down) + below * down


@triton.jit
def _start(flow, row, column, rows, columns, height, width, step, finer, mask):
    """One part of the flow at the middle of a patch; beyond the patches, that of the nearest."""
    y = step * tl.minimum(tl.maximum(row, 0), rows - 1)
    x = step * tl.minimum(tl.maximum(column, 0), columns - 1)
    total = _at(flow, y - 1, x - 1, height, width, mask) + _at(flow, y - 1, x, height, width, mask)
    total += _at(flow, y, x - 1, height, width, mask) + _at(flow, y, x, height, width, mask)
    return finer * total / 4


@triton.jit
def _residual(target, levels, y, x, u, v, height, width, mask):
    """What patches [P,64] moved by (u, v) [P] differ by, means apart."""
    there = _between(target, y + v[:, None], x + u[:, None], height, width, mask)
    return there - (tl.sum(there, 1) / there.shape[1])[:, None] - levels


@triton.jit
def _better(u, v, misfit, residual, tu, tv, tried):
    """What is tried [P], where it fits patches better."""
    its = tl.sum(tried * tried, 1)
    better = its < misfit
    residual = tl.where(better[:, None], tried, residual)
    return tl.where(better, tu, u), tl.where(better, tv, v), tl.where(better, its, misfit), residual


@triton.jit(do_not_specialize=_SIZES)
def _descend(
    source, target, flow, other, patch_flow, height, width, rows, columns, flow_height, flow_width, finer, has_other,
    DESCENTS: tl.constexpr, FAINT: tl.constexpr, PATCH: tl.constexpr, STRIDE: tl.constexpr, COUNT: tl.constexpr,
):  # fmt: skip
    """COUNT patches: their best start, then their descents."""
    which, batch = tl.program_id(0) * COUNT + tl.arange(0, COUNT), tl.program_id(1).to(tl.int64)
    source, target = source + batch * height * width, target + batch * height * width
    flow, other = flow + batch * 2 * flow_height * flow_width, other + batch * 2 * height * width
    patch_flow = patch_flow + batch * 2 * rows * columns
    there = which < rows * columns
    row, column = which // columns, which % columns
    place = tl.arange(0, PATCH * PATCH)
    mask = there[:, None] & (place[None, :] >= 0)
    y = (row * STRIDE - STRIDE)[:, None] + (place // PATCH)[None, :]
    x = (column * STRIDE - STRIDE)[:, None] + (place % PATCH)[None, :]
    cy, cx = tl.minimum(tl.maximum(y, 0), height - 1), tl.minimum(tl.maximum(x, 0), width - 1)

    levels = _at(source, cy, cx, height, width, mask)
    gx = (_at(source, cy, cx + 1, height, width, mask) - _at(source, cy, cx - 1, height, width, mask)) / 2
    gy = (_at(source, cy + 1, cx, height, width, mask) - _at(source, cy - 1, cx, height, width, mask)) / 2
    levels = levels - (tl.sum(levels, 1) / (PATCH * PATCH))[:, None]
    gx = gx - (tl.sum(gx, 1) / (PATCH * PATCH))[:, None]
    gy = gy - (tl.sum(gy, 1) / (PATCH * PATCH))[:, None]
    xx, xy, yy = tl.sum(gx * gx, 1) + FAINT, tl.sum(gx * gy, 1), tl.sum(gy * gy, 1) + FAINT
    determinant = xx * yy - xy * xy

    step = STRIDE // finer
    plane = flow_height * flow_width
    u = _start(flow, row, column, rows, columns, flow_height, flow_width, step, finer, there)
    v = _start(flow + plane, row, column, rows, columns, flow_height, flow_width, step, finer, there)
    fy, fx = y.to(tl.float32), x.to(tl.float32)
    residual = _residual(target, levels, fy, fx, u, v, height, width, mask)
    misfit = tl.sum(residual * residual, 1)
    for number in range(4):  # the patches above, below, to the left and to the right
        ahead, upright = 2 * (number % 2) - 1, 1 - number // 2
        r, c = row + ahead * upright, column + ahead * (1 - upright)
        tu = _start(flow, r, c, rows, columns, flow_height, flow_width, step, finer, there)
        tv = _start(flow + plane, r, c, rows, columns, flow_height, flow_width, step, finer, there)
        tried = _residual(target, levels, fy, fx, tu, tv, height, width, mask)
        u, v, misfit, residual = _better(u, v, misfit, residual, tu, tv, tried)
    if has_other:
        tu = _start(other, row, column, rows, columns, height, width, STRIDE, 1, there)
        tv = _start(other + height * width, row, column, rows, columns, height, width, STRIDE, 1, there)
        tried = _residual(target, levels, fy, fx, tu, tv, height, width, mask)
        u, v, misfit, residual = _better(u, v, misfit, residual, tu, tv, tried)

    bu, bv, tu, tv = u, v, u, v
    for _ in range(DESCENTS):
        x_sum, y_sum = tl.sum(gx * residual, 1), tl.sum(gy * residual, 1)
        tu = tu - (yy * x_sum - xy * y_sum) / determinant
        tv = tv - (xx * y_sum - xy * x_sum) / determinant
        residual = _residual(target, levels, fy, fx, tu, tv, height, width, mask)
        its = tl.sum(residual * residual, 1)
        better = (its < misfit) & (tl.abs(tu - u) <= PATCH) & (tl.abs(tv - v) <= PATCH)
        bu, bv, misfit = tl.where(better, tu, bu), tl.where(better, tv, bv), tl.where(better, its, misfit)
    tl.store(patch_flow + which, bu, mask=there)
    tl.store(patch_flow + rows * columns + which, bv, mask=there)


@triton.jit(do_not_specialize=_SIZES)
def _spread(
    patch_flow, source, target, flow, height, width, rows, columns, STRIDE: tl.constexpr, COUNT: tl.constexpr
):  # fmt: skip
    which, batch = tl.program_id(0) * COUNT + tl.arange(0, COUNT), tl.program_id(1).to(tl.int64)
    there = which < height * width
    y, x = which // width, which % width
    patch_flow, plane = patch_flow + batch * 2 * rows * columns, rows * columns
    source, target = source + batch * height * width, target + batch * height * width
    flow = flow + batch * 2 * height * width
    level = tl.load(source + which, mask=there, other=0.0)
    u, v, weights = level * 0, level * 0, level * 0
    for number in tl.static_range(4):
        patch = (y // STRIDE + number // 2) * columns + x // STRIDE + number % 2
        tu = tl.load(patch_flow + patch, mask=there, other=0.0)
        tv = tl.load(patch_flow + plane + patch, mask=there, other=0.0)
        apart = tl.abs(_between(target, y + tv, x + tu, height, width, there) - level)
        weight = 1 / tl.maximum(apart, 1.0)
        u, v, weights = u + weight * tu, v + weight * tv, weights + weight
    tl.store(flow + which, u / weights, mask=there)
    tl.store(flow + height * width + which, v / weights, mask=there)


@triton.jit(do_not_specialize=_SIZES)
def _look(target, flow, there, height, width, COUNT: tl.constexpr):
    """The target where the flow leads."""
    which, batch = tl.program_id(0) * COUNT + tl.arange(0, COUNT), tl.program_id(1).to(tl.int64)
    mask = which < height * width
    target, there = target + batch * height * width, there + batch * height * width
    flow = flow + batch * 2 * height * width
    u = tl.load(flow + which, mask=mask, other=0.0)
    v = tl.load(flow + height * width + which, mask=mask, other=0.0)
    tl.store(there + which, _between(target, which // width + v, which % width + u, height, width, mask), mask=mask)


@triton.jit
def _slopes(picture, y, x, height, width, mask):
    """Central differences along x and y of a picture at whole places, which are first moved inside."""
    cy, cx = tl.minimum(tl.maximum(y, 0), height - 1), tl.minimum(tl.maximum(x, 0), width - 1)
    across = _at(picture, cy, cx + 1, height, width, mask) - _at(picture, cy, cx - 1, height, width, mask)
    down = _at(picture, cy + 1, cx, height, width, mask) - _at(picture, cy - 1, cx, height, width, mask)
    return across / 2, down / 2


@triton.jit
def _mean_slopes(source, target, y, x, height, width, mask):
    """The same of the mean of two pictures."""
    ax, ay = _slopes(source, y, x, height, width, mask)
    bx, by = _slopes(target, y, x, height, width, mask)
    return (ax + bx) / 2, (ay + by) / 2


@triton.jit
def _constraint(x, y, apart, u, v, NOISE: tl.constexpr):
    length = 1 / tl.sqrt(x * x + y * y + NOISE)
    return x * length, y * length, (apart - x * u - y * v) * length


@triton.jit(do_not_specialize=_SIZES)
def _weigh(
    source, there, first, now, maps, height, width, LEVELS: tl.constexpr, GRADIENTS: tl.constexpr,
    SMOOTH: tl.constexpr, NOISE: tl.constexpr, SHARP: tl.constexpr, COUNT: tl.constexpr,
):  # fmt: skip
    """Constraints linearised at `first`, weighed at `now` -> the seven maps of a system."""
    which, batch = tl.program_id(0) * COUNT + tl.arange(0, COUNT), tl.program_id(1).to(tl.int64)
    plane = height * width
    mask = which < plane
    y, x = which // width, which % width
    source, there, maps = source + batch * plane, there + batch * plane, maps + batch * 7 * plane + which
    first, now = first + batch * 2 * plane, now + batch * 2 * plane
    fu = tl.load(first + which, mask=mask, other=0.0)
    fv = tl.load(first + plane + which, mask=mask, other=0.0)
    inside = (x + fu >= -0.5) & (x + fu <= width - 0.5) & (y + fv >= -0.5) & (y + fv <= height - 0.5)

    gx, gy = _mean_slopes(source, there, y, x, height, width, mask)
    rx, _ = _mean_slopes(source, there, y, x + 1, height, width, mask)
    lx, _ = _mean_slopes(source, there, y, x - 1, height, width, mask)
    bx, by = _mean_slopes(source, there, y + 1, x, height, width, mask)
    tx, ty = _mean_slopes(source, there, y - 1, x, height, width, mask)
    sx, sy = _slopes(source, y, x, height, width, mask)
    ox, oy = _slopes(there, y, x, height, width, mask)
    apart = _at(there, y, x, height, width, mask) - _at(source, y, x, height, width, mask)
    ax, ay, a = _constraint(gx, gy, apart, fu, fv, NOISE)
    px, py, p = _constraint((rx - lx) / 2, (bx - tx) / 2, ox - sx, fu, fv, NOISE)
    qx, qy, q = _constraint((bx - tx) / 2, (by - ty) / 2, oy - sy, fu, fv, NOISE)

    u = _at(now, y, x, height, width, mask)
    v = _at(now + plane, y, x, height, width, mask)
    la, lp, lq = ax * u + ay * v + a, px * u + py * v + p, qx * u + qy * v + q
    level = tl.where(inside, LEVELS / tl.sqrt(la * la + SHARP), 0.0)
    slope = tl.where(inside, GRADIENTS / tl.sqrt(lp * lp + lq * lq + SHARP), 0.0)
    ru = _at(now, y, x + 1, height, width, mask) - u
    rv = _at(now + plane, y, x + 1, height, width, mask) - v
    bu = _at(now, y + 1, x, height, width, mask) - u
    bv = _at(now + plane, y + 1, x, height, width, mask) - v
    smooth = SMOOTH / tl.sqrt(ru * ru + rv * rv + bu * bu + bv * bv + SHARP)
    tl.store(maps, level * ax * ax + slope * (px * px + qx * qx), mask=mask)
    tl.store(maps + plane, level * ax * ay + slope * (px * py + qx * qy), mask=mask)
    tl.store(maps + 2 * plane, level * ay * ay + slope * (py * py + qy * qy), mask=mask)
    tl.store(maps + 3 * plane, level * ax * a + slope * (px * p + qx * q), mask=mask)
    tl.store(maps + 4 * plane, level * ay * a + slope * (py * p + qy * q), mask=mask)
    tl.store(maps + 5 * plane, tl.where(x + 1 < width, smooth, 0.0), mask=mask)
    tl.store(maps + 6 * plane, tl.where(y + 1 < height, smooth, 0.0), mask=mask)


@triton.jit
def _settle(maps, now, y, x, lu, lv, ru, rv, au, av, bu, bv, height, width, mask, OVER: tl.constexpr,
            FREE: tl.constexpr):  # fmt: skip
    """Where its equations and its neighbours (left, right, above, below) want the flow of a pixel, and beyond."""
    plane = height * width
    place = y * width + x
    maps, now = maps + place, now + place
    right = tl.load(maps + 5 * plane, mask=mask, other=0.0)
    below = tl.load(maps + 6 * plane, mask=mask, other=0.0)
    left = tl.load(maps + 5 * plane - 1, mask=mask & (x > 0), other=0.0)
    above = tl.load(maps + 6 * plane - width, mask=mask & (y > 0), other=0.0)
    hold = left + right + above + below + FREE
    xx, xy = tl.load(maps, mask=mask, other=0.0), tl.load(maps + plane, mask=mask, other=0.0)
    yy, dx = tl.load(maps + 2 * plane, mask=mask, other=0.0), tl.load(maps + 3 * plane, mask=mask, other=0.0)
    dy = tl.load(maps + 4 * plane, mask=mask, other=0.0)
    u, v = tl.load(now, mask=mask, other=0.0), tl.load(now + plane, mask=mask, other=0.0)
    pull_u = left * lu + right * ru + above * au + below * bu
    pull_v = left * lv + right * rv + above * av + below * bv
    moved = u + OVER * ((pull_u - dx - xy * v) / (xx + hold) - u)
    return moved, v + OVER * ((pull_v - dy - xy * moved) / (yy + hold) - v)


@triton.jit
def _white(maps, now, y, x, height, width, mask, OVER: tl.constexpr, FREE: tl.constexpr):
    """The flow of a pixel that moves first; where (x, y) is outside, that of another pixel."""
    y, x = tl.minimum(tl.maximum(y, 0), height - 1), tl.minimum(tl.maximum(x, 0), width - 1)
    other = now + height * width
    lu, lv = _at(now, y, x - 1, height, width, mask), _at(other, y, x - 1, height, width, mask)
    ru, rv = _at(now, y, x + 1, height, width, mask), _at(other, y, x + 1, height, width, mask)
    au, av = _at(now, y - 1, x, height, width, mask), _at(other, y - 1, x, height, width, mask)
    bu, bv = _at(now, y + 1, x, height, width, mask), _at(other, y + 1, x, height, width, mask)
    return _settle(maps, now, y, x, lu, lv, ru, rv, au, av, bu, bv, height, width, mask, OVER, FREE)


@triton.jit(do_not_specialize=_SIZES)
def _sweep(maps, now, moved, height, width, OVER: tl.constexpr, FREE: tl.constexpr, ROWS: tl.constexpr,
           PAIRS: tl.constexpr):  # fmt: skip
    """Pairs of a white pixel (x + y even) and the black one beside it: white ones first, then black ones, from `now` to
    `moved`. A black one waits for nobody: the white ones round it are computed once more."""
    which, batch = tl.arange(0, ROWS * PAIRS), tl.program_id(2).to(tl.int64)
    y = tl.program_id(1) * ROWS + which // PAIRS
    first = 2 * (tl.program_id(0) * PAIRS + which % PAIRS)
    x, black = first + y % 2, first + 1 - y % 2
    plane = height * width
    maps, now, moved = maps + batch * 7 * plane, now + batch * 2 * plane, moved + batch * 2 * plane
    mask = (y < height) & (first < width)  # of a pair at an odd width one may lie outside
    u, v = _white(maps, now, y, x, height, width, mask, OVER, FREE)
    tl.store(moved + y * width + x, u, mask=mask & (x < width))
    tl.store(moved + plane + y * width + x, v, mask=mask & (x < width))
    mask = mask & (black < width)
    ou, ov = _white(maps, now, y, 2 * black - x, height, width, mask, OVER, FREE)  # on its other side
    au, av = _white(maps, now, y - 1, black, height, width, mask, OVER, FREE)
    bu, bv = _white(maps, now, y + 1, black, height, width, mask, OVER, FREE)
    left = x < black
    lu, lv, ru, rv = tl.where(left, u, ou), tl.where(left, v, ov), tl.where(left, ou, u), tl.where(left, ov, v)
    u, v = _settle(maps, now, y, black, lu, lv, ru, rv, au, av, bu, bv, height, width, mask, OVER, FREE)
    tl.store(moved + y * width + black, u, mask=mask)
    tl.store(moved + plane + y * width + black, v, mask=mask)
