"""Convolution blocks shared by the methods."""

from collections.abc import Sequence

import torch
from torch import nn

from .fused import beside, conv_add, conv_over, conv_relu
from .kernels import by_triton
from .resize import on_host

_SLOPE = 0.1  # below zero
_AS_ONE = {2: torch.complex64, 4: torch.complex128}  # as wide as so many float32
_NARROW = 64  # channels, below which a convolution gains by being joined to its neighbour


def conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    """[B,inputs,h,w] -> [B,outputs,h,w], zeros beyond the edge."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def leaky(x: torch.Tensor) -> torch.Tensor:
    """What the papers' networks have after convolutions outside residual blocks."""
    return nn.functional.leaky_relu(x, _SLOPE)


def conv_leaky(layer: nn.Conv2d, *parts: torch.Tensor) -> torch.Tensor:
    """leaky(layer(torch.cat(parts, 1)))"""
    if by_triton(parts[0]):
        return conv_over(layer, parts, _SLOPE)
    return leaky(layer(torch.cat(parts, 1) if len(parts) > 1 else parts[0]))


def pixel_shuffle(x: torch.Tensor, ratio: int) -> torch.Tensor:
    """As torch's. On CUDA channels stay last, where convolutions want them and torch would move them to the front; on
    a CPU numbers that stay side by side are moved as one, in half the time."""
    if by_triton(x):
        channels, height, width = x.shape[1] // ratio**2, *x.shape[2:]
        cells = x.permute(0, 2, 3, 1).reshape(-1, height, width, channels, ratio, ratio).permute(0, 1, 4, 2, 5, 3)
        return cells.reshape(-1, ratio * height, ratio * width, channels).permute(0, 3, 1, 2)
    last = x.is_contiguous(memory_format=torch.channels_last) and min(x.shape[2:]) > 1  # else strides tell nothing
    if ratio not in _AS_ONE or not (on_host(x) and last and x.dtype == torch.float32):
        return nn.functional.pixel_shuffle(x, ratio)
    rows = x.permute(0, 2, 3, 1).view(_AS_ONE[ratio]).unflatten(3, (-1, ratio)).permute(0, 3, 1, 4, 2)
    return rows.clone(memory_format=torch.contiguous_format).view(x.dtype).flatten(2, 3)


def pixel_unshuffle(x: torch.Tensor, ratio: int) -> torch.Tensor:
    """As torch's; of a picture on a CPU whose channels are last they stay there, in half the time."""
    apart = not x.is_contiguous(memory_format=torch.channels_last) or torch.compiler.is_compiling()
    if apart or x.device.type != "cpu":
        return nn.functional.pixel_unshuffle(x, ratio)
    channels, height, width = x.shape[1], x.shape[2] // ratio, x.shape[3] // ratio
    cells = x.permute(0, 2, 3, 1).reshape(-1, height, ratio, width, ratio, channels).permute(0, 1, 3, 5, 2, 4)
    return cells.reshape(-1, height, width, channels * ratio**2).permute(0, 3, 1, 2)


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with all its parameters zero: training starts as if it were not there."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), without normalisation (as in EDSR). [B,C,h,w] -> [B,C,h,w]"""

    def __init__(self, channels: int):
        super().__init__()
        self.first = conv3x3(channels, channels)
        self.second = conv3x3(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return conv_add(self.second, conv_relu(self.first, x), x)


def _joined(parts: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    """The parts, with neighbours joined where all are narrow."""
    runs: list[list[torch.Tensor]] = [[parts[0]]]
    for part in parts[1:]:
        if runs[-1][-1].shape[1] < _NARROW and part.shape[1] < _NARROW:
            runs[-1].append(part)
        else:
            runs.append([part])
    return [beside(run) for run in runs]


def conv_beside(
    layer: nn.Conv2d,
    *parts: torch.Tensor,
    relu: bool = False,
    fade: torch.Tensor | None = None,
    gains: Sequence[float] = (),
) -> torch.Tensor:
    """`layer`, or its ReLU, over `parts` side by side in the channels; wide ones without the copy that torch.cat would
    make, narrow ones with it: a convolution of a few channels takes nearly as long as one of many.

    Missing parts at the end count as zeros. gains: numbers that the parts are multiplied by, one for each part; it is
    the weights that are multiplied, which are fewer. fade: [B,P,h,w], whose mean over P multiplies the result. Equal to
    layer(torch.cat(parts, 1)), its ReLU, and the product, up to rounding.
    """
    weight = layer.weight if not gains else layer.weight * _gain_of_inputs(layer, parts, gains)
    if by_triton(parts[0]):
        return conv_over(layer, parts, 0.0 if relu else 1.0, fade, weight=weight)
    first, *others = _joined(parts)
    start = first.shape[1]
    if not others and relu:
        total = conv_relu(layer, first, weight=weight[:, :start])
    else:
        total = nn.functional.conv2d(first, weight[:, :start], layer.bias, padding=layer.padding)
        for part in others:
            total = conv_add(layer, part, total, weight=weight[:, start : start + part.shape[1]], bias=None)
            start += part.shape[1]
        total = total.relu() if relu else total
    if fade is None:
        return total
    share = fade.mean(1, keepdim=True).to(total.dtype)
    return total * share if torch.is_grad_enabled() or torch.compiler.is_exporting() else total.mul_(share)


def _gain_of_inputs(layer: nn.Conv2d, parts: Sequence[torch.Tensor], gains: Sequence[float]) -> torch.Tensor:
    """[1,C,1,1]: what each input of a layer is multiplied by; missing ones by 1."""
    of_parts = [layer.weight.new_full((part.shape[1],), gain) for part, gain in zip(parts, gains, strict=True)]
    known = torch.cat(of_parts)
    missing = known.new_ones(layer.in_channels - len(known))
    return torch.cat([known, missing]).view(1, -1, 1, 1)
