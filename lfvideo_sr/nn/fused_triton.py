"""What follows a convolution, in one Triton kernel: on CUDA torch adds a bias in a pass of its own, slowly where
channels come last. Twin: the plain lines of fused.py. Imported only where it is wanted; runs on CUDA, or anywhere with
TRITON_INTERPRET=1.
"""

import torch
import triton
import triton.language as tl

_COUNT = 1024  # numbers of a program


def finished(
    made: torch.Tensor,
    bias: torch.Tensor | None,
    other: torch.Tensor | None = None,
    slope: float = 1.0,
    fade: torch.Tensor | None = None,
) -> torch.Tensor:
    """made + bias + other, what is below zero times `slope` (0: ReLU, 1: nothing), all times the mean of `fade`:
    made [B,C,h,w], bias [C], other [B,C,h,w], fade [B,P,h,w]; reckoned in float32, rounded once. `made` is written over
    where it is in channels_last."""
    layout = torch.channels_last
    made = made.contiguous(memory_format=layout)
    other = None if other is None else other.contiguous(memory_format=layout)
    fade = None if fade is None else fade.contiguous(memory_format=layout)
    _finish[(triton.cdiv(made.numel(), _COUNT),)](
        made, *(made if part is None else part for part in (bias, other, fade)), made.numel(),
        CHANNELS=made.shape[1], BIAS=bias is not None, OTHER=other is not None, SLOPE=slope,
        FADES=0 if fade is None else fade.shape[1], COUNT=_COUNT,
    )  # fmt: skip
    return made


@triton.jit
def _finish(
    made, bias, other, fade, total, CHANNELS: tl.constexpr, BIAS: tl.constexpr, OTHER: tl.constexpr,
    SLOPE: tl.constexpr, FADES: tl.constexpr, COUNT: tl.constexpr,
):  # fmt: skip
    which = tl.program_id(0).to(tl.int64) * COUNT + tl.arange(0, COUNT)
    valid = which < total
    value = tl.load(made + which, mask=valid, other=0.0).to(tl.float32)
    if BIAS:
        value += tl.load(bias + which % CHANNELS).to(tl.float32)
    if OTHER:
        value += tl.load(other + which, mask=valid, other=0.0).to(tl.float32)
    if SLOPE == 0.0:  # no product: sums in half precision may be infinite
        value = tl.where(value < 0, 0.0, value)
    elif SLOPE != 1.0:
        value = tl.where(value > 0, value, value * SLOPE)
    if FADES > 0:
        mean = value * 0
        for number in tl.static_range(FADES):
            mean += tl.load(fade + which // CHANNELS * FADES + number, mask=valid, other=0.0).to(tl.float32) / FADES
        value *= mean
    tl.store(made + which, value.to(made.dtype.element_ty), mask=valid)
