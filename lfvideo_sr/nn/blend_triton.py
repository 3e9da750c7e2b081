"""A picture put together by one Triton kernel, where torch makes two dozen passes over as many numbers as it has.
Twin: `blend.Blend.detailed`. Imported only where it is wanted; runs on CUDA, or anywhere with TRITON_INTERPRET=1.
"""

from collections.abc import Mapping

import torch
import triton
import triton.language as tl

from .source import SUREST, Source
from .warp_triton import cubic_weight

_COUNT = 256  # output pixels of a program
_SHARP = -0.5  # the bicubic kernel of resize.py


def blended(
    frame: torch.Tensor, tail: torch.Tensor, sources: Mapping[int, Source], scale: int, stride: int
) -> torch.Tensor:
    """See blend.Blend.detailed; at most three sources. The picture is float32, its colours one after the other."""
    batch, colours, height, width = frame.shape
    picture = torch.empty(batch, colours, scale * height, scale * width, device=frame.device)
    pictures = [picture for source in sources.values() for picture in (source.detail, source.relevance)]
    tail, *planes = (picture.contiguous(memory_format=torch.channels_last) for picture in (tail, *pictures))
    planes += (6 - len(planes)) * [tail]  # read by nobody
    slots = [*sources, *(3 - len(sources)) * [-1]]
    _blend[(triton.cdiv(height * width * scale**2, _COUNT), batch)](
        frame, tail, *planes, picture, height, width, *frame.stride(), tail.shape[1],
        A=slots[0], B=slots[1], C=slots[2],
        COLOURS=colours, SCALE=scale, STRIDE=stride, SUREST=SUREST, SHARP=_SHARP, COUNT=_COUNT,
    )  # fmt: skip
    return picture


@triton.jit
def _odds(wish, trust, valid, SUREST: tl.constexpr):
    """Of a reference's detail against nothing."""
    wish = tl.load(wish, mask=valid, other=0.0).to(tl.float32)
    return tl.exp(tl.minimum(wish, SUREST)) * tl.load(trust, mask=valid, other=0.0).to(tl.float32)


@triton.jit
def _blend(
    frame, tail, detail_a, relevance_a, detail_b, relevance_b, detail_c, relevance_c, picture, height, width,
    one_step, colour_step, row_step, column_step, channels,
    A: tl.constexpr, B: tl.constexpr, C: tl.constexpr,
    COLOURS: tl.constexpr, SCALE: tl.constexpr, STRIDE: tl.constexpr, SUREST: tl.constexpr,
    SHARP: tl.constexpr, COUNT: tl.constexpr,
):  # fmt: skip
    """Output pixels in the order of the low-resolution pixels that hold them. A, B, C: slots of the sources, or -1."""
    which, sample = tl.program_id(0) * COUNT + tl.arange(0, COUNT), tl.program_id(1).to(tl.int64)
    cells: tl.constexpr = SCALE * SCALE
    across: tl.constexpr = SCALE // STRIDE
    plane = height * width
    valid = which < plane * cells
    cell, inside = which // cells, which % cells
    y, x, i, j = cell // width, cell % width, inside // SCALE, inside % SCALE
    frame, tail = frame + sample * one_step, tail + (sample * plane + cell) * channels + inside
    place = (sample * plane + cell) * (across * across) + i // STRIDE * across + j // STRIDE
    start = (sample * plane + cell) * (COLOURS * cells) + inside
    spot = sample * COLOURS * plane * cells + (y * SCALE + i) * (width * SCALE) + x * SCALE + j

    down, right = (i + 0.5) / SCALE - 0.5, (j + 0.5) / SCALE - 0.5
    odds_a, odds_b, odds_c = down * 0, down * 0, down * 0
    if A >= 0:
        odds_a = _odds(tail + (COLOURS + A) * cells, relevance_a + place, valid, SUREST)
    if B >= 0:
        odds_b = _odds(tail + (COLOURS + B) * cells, relevance_b + place, valid, SUREST)
    if C >= 0:
        odds_c = _odds(tail + (COLOURS + C) * cells, relevance_c + place, valid, SUREST)
    total = 1 + odds_a + odds_b + odds_c

    for colour in tl.static_range(COLOURS):
        value = tl.load(tail + colour * cells, mask=valid, other=0.0).to(tl.float32)
        if A >= 0:
            detail = tl.load(detail_a + start + colour * cells, mask=valid, other=0.0)
            value += detail.to(tl.float32) * (odds_a / total)
        if B >= 0:
            detail = tl.load(detail_b + start + colour * cells, mask=valid, other=0.0)
            value += detail.to(tl.float32) * (odds_b / total)
        if C >= 0:
            detail = tl.load(detail_c + start + colour * cells, mask=valid, other=0.0)
            value += detail.to(tl.float32) * (odds_c / total)
        for v in tl.static_range(5):
            line = frame + colour * colour_step + tl.minimum(tl.maximum(y + (v - 2), 0), height - 1) * row_step
            along = down * 0
            for u in tl.static_range(5):
                column = tl.minimum(tl.maximum(x + (u - 2), 0), width - 1)
                near = tl.load(line + column * column_step, mask=valid, other=0.0).to(tl.float32)
                along += near * cubic_weight(tl.abs(right - (u - 2)), SHARP)
            value += along * cubic_weight(tl.abs(down - (v - 2)), SHARP)
        tl.store(picture + spot + colour * plane * cells, value, mask=valid)
