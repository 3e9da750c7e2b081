"""Warping a picture and laying it out as convolutions want it, in one Triton kernel: torch makes a dozen passes over
the full-size picture for that. Twin: `warp.warp_unshuffled`. Imported only where it is wanted; runs on CUDA, or
anywhere with TRITON_INTERPRET=1.
"""

import torch
import triton
import triton.language as tl

_COUNT = 256  # output pixels of a program
_SHARP = -0.75  # the bicubic kernel of torch's grid_sample


def warp_unshuffled(
    picture: torch.Tensor, positions: torch.Tensor, stride: int, block: int, dtype: torch.dtype, shrunk: int = 1
) -> torch.Tensor:
    """See warp.warp_unshuffled; the result is in channels_last."""
    batch, channels, height, width = picture.shape
    field_height, field_width = positions.shape[1:3]
    rows, columns = (side * stride // block for side in (field_height, field_width))
    made = torch.empty(
        batch, channels * block**2, rows, columns, dtype=dtype, device=picture.device, memory_format=torch.channels_last
    )
    grid = triton.cdiv(rows * columns * block**2, _COUNT), batch
    _warp[grid](
        picture, positions.float().contiguous(), made, height, width, *picture.stride(), field_height, field_width,
        rows, columns, CHANNELS=channels, STRIDE=stride, SHRUNK=shrunk, BLOCK=block, SHARP=_SHARP, COUNT=_COUNT,
    )  # fmt: skip
    return made


@triton.jit
def cubic_weight(away, SHARP: tl.constexpr):
    """Of Keys' cubic kernel, `away` >= 0 from the middle."""
    near = ((SHARP + 2) * away - (SHARP + 3)) * away * away + 1
    far = ((SHARP * away - 5 * SHARP) * away + 8 * SHARP) * away - 4 * SHARP
    return tl.where(away < 1, near, tl.where(away < 2, far, 0.0))


@triton.jit
def _moved(positions, row, column, field_width, STRIDE: tl.constexpr, SHRUNK: tl.constexpr, valid):
    """How far the place (column, row) of a field has moved, x and y, in pixels."""
    place = positions + 2 * (row * field_width + column)
    half: tl.constexpr = (STRIDE - 1) / 2
    middle: tl.constexpr = (SHRUNK - 1) / 2
    x = (tl.load(place, mask=valid, other=0.0) - middle) / SHRUNK - (column * STRIDE + half)
    y = (tl.load(place + 1, mask=valid, other=0.0) - middle) / SHRUNK - (row * STRIDE + half)
    return x, y


@triton.jit
def _warp(
    picture, positions, made, height, width, one_step, channel_step, row_step, column_step, field_height, field_width,
    rows, columns, CHANNELS: tl.constexpr, STRIDE: tl.constexpr, SHRUNK: tl.constexpr, BLOCK: tl.constexpr,
    SHARP: tl.constexpr, COUNT: tl.constexpr,
):  # fmt: skip
    which, sample = tl.program_id(0) * COUNT + tl.arange(0, COUNT), tl.program_id(1).to(tl.int64)
    cells: tl.constexpr = BLOCK * BLOCK
    valid = which < rows * columns * cells
    cell, inside = which // cells, which % cells
    y, x = cell // columns * BLOCK + inside // BLOCK, cell % columns * BLOCK + inside % BLOCK
    picture, positions = picture + sample * one_step, positions + sample * 2 * field_height * field_width
    made = made + sample * rows * columns * cells * CHANNELS

    fy, fx = tl.maximum((y + 0.5) / STRIDE - 0.5, 0.0), tl.maximum((x + 0.5) / STRIDE - 0.5, 0.0)
    top, left = tl.floor(fy).to(tl.int32), tl.floor(fx).to(tl.int32)
    bottom, right = tl.minimum(top + 1, field_height - 1), tl.minimum(left + 1, field_width - 1)
    down, across = fy - top, fx - left
    ax, ay = _moved(positions, top, left, field_width, STRIDE, SHRUNK, valid)
    bx, by = _moved(positions, top, right, field_width, STRIDE, SHRUNK, valid)
    cx, cy = _moved(positions, bottom, left, field_width, STRIDE, SHRUNK, valid)
    dx, dy = _moved(positions, bottom, right, field_width, STRIDE, SHRUNK, valid)
    sx = x + (ax * (1 - across) + bx * across) * (1 - down) + (cx * (1 - across) + dx * across) * down
    sy = y + (ay * (1 - across) + by * across) * (1 - down) + (cy * (1 - across) + dy * across) * down

    first_x, first_y = tl.floor(sx), tl.floor(sy)
    off_x, off_y = sx - first_x, sy - first_y
    limit_x, limit_y = (width - 1) * 1.0, (height - 1) * 1.0
    for channel in tl.static_range(CHANNELS):
        total = sx * 0
        for v in tl.static_range(4):
            row = tl.minimum(tl.maximum(first_y + (v - 1), 0.0), limit_y).to(tl.int32)
            line = picture + channel * channel_step + row * row_step
            along = sx * 0
            for u in tl.static_range(4):
                column = tl.minimum(tl.maximum(first_x + (u - 1), 0.0), limit_x).to(tl.int32)
                value = tl.load(line + column * column_step, mask=valid, other=0.0).to(tl.float32)
                along += value * cubic_weight(tl.abs(off_x - (u - 1)), SHARP)
            total += along * cubic_weight(tl.abs(off_y - (v - 1)), SHARP)
        place = made + cell * (cells * CHANNELS) + channel * cells + inside
        tl.store(place, total.to(made.dtype.element_ty), mask=valid)
