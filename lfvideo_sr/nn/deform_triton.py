"""Deformable aggregation as one Triton kernel: samples of all taps go from the source straight into the product with
the weights, and are never held. Twins: deform.py's others. Imported only where it is wanted; runs on CUDA, or anywhere
with TRITON_INTERPRET=1.
"""

import torch
import triton
import triton.language as tl

from .fused import convolution_dtype

_PLACES = 64  # of a program
_DEPTH = 64  # channels that are multiplied at a time
_LEAST = 16  # of rows and columns of a product
_SIZES = ["height", "width", "count", "columns"]


def fits(source: torch.Tensor, groups: int = 1) -> bool:
    """Whether kernels take so many channels in so many groups: powers of two, at least 16 channels, no float64."""
    channels = source.shape[1]
    in_powers = all(number & (number - 1) == 0 for number in (channels, groups))
    return in_powers and channels >= _LEAST and source.dtype != torch.float64


def deform_aggregate(
    source: torch.Tensor,
    positions: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    offsets: torch.Tensor | None,
    mask: torch.Tensor | None,
    groups: int,
) -> torch.Tensor:
    """See deform.deform_aggregate. Products are made in the dtype of convolutions, sums in float32; the result is in
    channels_last. Offsets and mask may have any strides."""
    dtype = convolution_dtype(source)
    source = source.to(dtype).contiguous(memory_format=torch.channels_last)
    batch, channels, height, width = source.shape
    taps, rows, columns = positions.shape[1:4]
    weights = weight.to(dtype).flatten(2).permute(2, 1, 0).contiguous()  # [T,C,O]
    made = _empty(source, batch, len(weight), rows, columns)
    out = _outputs_of_a_program(len(weight), dtype)
    depth, per_group = min(_DEPTH, channels), channels // groups
    _aggregate[(triton.cdiv(rows * columns, _PLACES), triton.cdiv(len(weight), out), batch)](
        source, positions, positions if offsets is None else offsets, positions if mask is None else mask, weights,
        weights if bias is None else bias, made, height, width, rows * columns, columns, *positions.stride(),
        *(6 * [0] if offsets is None else offsets.stride()), *(5 * [0] if mask is None else mask.stride()),
        TAPS=taps, CHANNELS=channels, GROUPS=groups, OUTPUTS=len(weight), OFFSETS=offsets is not None,
        MASK=mask is not None, BIAS=bias is not None, PLACES=_PLACES, OUT=out, ABREAST=max(1, depth // per_group),
        DEEP=min(depth, per_group), num_warps=8, num_stages=1,
    )  # fmt: skip
    return made


def fetched(source: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Bilinear samples of features [B,C,H,W] at (x, y) [B,h,w,2], zero beyond the edge -> [B,C,h,w] in the dtype of
    convolutions, in channels_last: dynamic_aggregation.fetch."""
    dtype = convolution_dtype(source)
    source = source.to(dtype).contiguous(memory_format=torch.channels_last)
    batch, channels, height, width = source.shape
    rows, columns = positions.shape[1:3]
    assert len(positions) == batch, "a field for each picture"
    made = _empty(source, batch, channels, rows, columns)
    _fetch[(triton.cdiv(rows * columns, _PLACES), batch)](
        source, positions.float().contiguous(), made, height, width, rows * columns,
        CHANNELS=channels, PLACES=_PLACES, DEEP=min(_DEPTH, channels),
    )  # fmt: skip
    return made


def _empty(like: torch.Tensor, *shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)


def _outputs_of_a_program(outputs: int, dtype: torch.dtype) -> int:
    most = 64 if dtype == torch.float32 else 256  # float32 has no matrix units here, and sums fill registers
    return min(most, max(_LEAST, triton.next_power_of_2(outputs)))


@triton.jit(do_not_specialize=_SIZES)
def _aggregate(
    source, positions, offsets, mask, weights, bias, made, height, width, count, columns,
    position_one, position_tap, position_row, position_column, position_part,
    offset_one, offset_group, offset_tap, offset_row, offset_column, offset_part,
    mask_one, mask_group, mask_tap, mask_row, mask_column,
    TAPS: tl.constexpr, CHANNELS: tl.constexpr, GROUPS: tl.constexpr, OUTPUTS: tl.constexpr, OFFSETS: tl.constexpr,
    MASK: tl.constexpr, BIAS: tl.constexpr, PLACES: tl.constexpr, OUT: tl.constexpr, ABREAST: tl.constexpr,
    DEEP: tl.constexpr,
):  # fmt: skip
    """PLACES places, OUT outputs. ABREAST: groups that are sampled at a time; DEEP: channels of each."""
    place, sample = tl.program_id(0) * PLACES + tl.arange(0, PLACES), tl.program_id(2).to(tl.int64)
    output = tl.program_id(1) * OUT + tl.arange(0, OUT)
    there = place < count
    row, column = (place // columns).to(tl.int64), (place % columns).to(tl.int64)
    position = positions + sample * position_one + row * position_row + column * position_column
    offset = offsets + sample * offset_one + (row * offset_row + column * offset_column)[:, None]
    share = mask + sample * mask_one + (row * mask_row + column * mask_column)[:, None]
    source, made = source + sample * height * width * CHANNELS, made + sample * count * OUTPUTS
    per_group: tl.constexpr = CHANNELS // GROUPS
    depth: tl.constexpr = ABREAST * DEEP
    total = tl.zeros((PLACES, OUT), tl.float32)
    if BIAS:
        total += tl.load(bias + output, mask=output < OUTPUTS, other=0.0).to(tl.float32)[None, :]
    for tap in range(TAPS):
        x = tl.load(position + tap * position_tap, mask=there, other=0.0).to(tl.float32)[:, None]
        y = tl.load(position + tap * position_tap + position_part, mask=there, other=0.0).to(tl.float32)[:, None]
        for start in range(0, GROUPS, ABREAST):
            group = (start + tl.arange(0, ABREAST)[None, :]).to(tl.int64)
            valid = there[:, None] & (group >= 0)
            at_x, at_y, held = x + group * 0.0, y + group * 0.0, valid.to(tl.float32)
            if OFFSETS:
                moved = offset + group * offset_group + tap * offset_tap
                at_x += tl.load(moved, mask=valid, other=0.0).to(tl.float32)
                at_y += tl.load(moved + offset_part, mask=valid, other=0.0).to(tl.float32)
            if MASK:
                held = tl.load(share + group * mask_group + tap * mask_tap, mask=valid, other=0.0).to(tl.float32)
            for within in range(0, per_group, DEEP):
                first = start * per_group + within
                channel = (group * per_group)[:, :, None] + within + tl.arange(0, DEEP)[None, None, :]
                read = _sampled(source + channel, at_x, at_y, held, height, width, CHANNELS)
                read = tl.reshape(read.to(source.dtype.element_ty), (PLACES, depth))
                theirs = (tap * CHANNELS + first + tl.arange(0, depth)) * OUTPUTS
                part = tl.load(weights + theirs[:, None] + output[None, :], mask=(output < OUTPUTS)[None, :], other=0.0)
                total = tl.dot(read, part, total, input_precision="ieee")
    spot = made + place.to(tl.int64)[:, None] * OUTPUTS + output[None, :]
    tl.store(spot, total.to(made.dtype.element_ty), mask=there[:, None] & (output < OUTPUTS)[None, :])


@triton.jit(do_not_specialize=_SIZES)
def _fetch(
    source, positions, made, height, width, count, CHANNELS: tl.constexpr, PLACES: tl.constexpr, DEEP: tl.constexpr
):  # fmt: skip
    place, sample = tl.program_id(0) * PLACES + tl.arange(0, PLACES), tl.program_id(1).to(tl.int64)
    there = (place < count)[:, None]
    position = positions + sample * count * 2 + 2 * place[:, None]
    x, y = tl.load(position, mask=there, other=0.0), tl.load(position + 1, mask=there, other=0.0)
    source, made = source + sample * height * width * CHANNELS, made + sample * count * CHANNELS
    for first in range(0, CHANNELS, DEEP):
        channel = first + tl.arange(0, DEEP)[None, None, :]
        read = _sampled(source + channel, x, y, there.to(tl.float32), height, width, CHANNELS)
        spot = made + place.to(tl.int64)[:, None, None] * CHANNELS + channel
        tl.store(spot, read.to(made.dtype.element_ty), mask=there[:, :, None])


@triton.jit
def _sampled(source, x, y, share, height, width, CHANNELS: tl.constexpr):
    """Bilinear samples at (x, y) [P,G] of channels `source` points to [P,G,D], zero beyond the edge, times share."""
    left, top = tl.floor(x), tl.floor(y)
    across, down = x - left, y - top
    column, row = left.to(tl.int32), top.to(tl.int32)
    above, below = share * (1 - down), share * down
    total = _corner(source, column, row, above * (1 - across), height, width, CHANNELS)
    total += _corner(source, column + 1, row, above * across, height, width, CHANNELS)
    total += _corner(source, column, row + 1, below * (1 - across), height, width, CHANNELS)
    return total + _corner(source, column + 1, row + 1, below * across, height, width, CHANNELS)


@triton.jit
def _corner(source, column, row, weight, height, width, CHANNELS: tl.constexpr):
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    at = (row.to(tl.int64) * width + column) * CHANNELS
    value = tl.load(source + at[:, :, None], mask=inside[:, :, None], other=0.0)
    return value.to(tl.float32) * weight[:, :, None]
