"""A convolution together with what follows it, in fewer passes over memory: on a CPU where torch's oneDNN has that, on
CUDA where Triton is.

On a CPU with matrix units the convolution itself is so fast that reading and writing its result a second time for a
ReLU or a sum is a large part of the time. `torch.ops.mkldnn` is what torch's own compiler calls for this; it is no
public API, so every use has its plain twin beside it, which serves training, export, other devices and other builds of
torch.
"""

from collections.abc import Sequence

import torch
from torch import nn

from .kernels import by_triton

_KEEP = object()
_WIDE, _GROUP = 64, 48  # output channels: beyond the first, oneDNN takes longer for each of them


def conv(layer: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    """layer(x). On a CPU without gradients a wide layer is run in groups of outputs, which takes a third less time."""
    if by_triton(x):
        return conv_over(layer, [x])
    if layer.out_channels <= _WIDE or layer.groups > 1 or not _fuses(x):
        return layer(x)
    groups = [min(_GROUP, layer.out_channels - first) for first in range(0, layer.out_channels, _GROUP)]
    return beside(conv_apart(layer, x, groups))


def conv_apart(layer: nn.Conv2d, x: torch.Tensor, sizes: Sequence[int]) -> list[torch.Tensor]:
    """layer(x) in groups of so many outputs, each in memory of its own."""
    weights = layer.weight.split(list(sizes))
    biases = [None] * len(weights) if layer.bias is None else layer.bias.split(list(sizes))
    return [_plain(layer, x, weight, bias) for weight, bias in zip(weights, biases, strict=True)]


def _plain(layer: nn.Conv2d, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """layer(x) with this weight and bias."""
    return nn.functional.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)


def beside(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """torch.cat(parts, 1). On a CPU channels stay last, which torch.cat gives up where a part has a single channel: it
    would take five times as long, and the convolution after it three times."""
    if len(parts) == 1:
        return parts[0]
    last = parts[0].is_contiguous(memory_format=torch.channels_last)
    if parts[0].device.type != "cpu" or torch.compiler.is_exporting() or not last:
        return torch.cat(list(parts), 1)
    return torch.cat([part.permute(0, 2, 3, 1) for part in parts], 3).permute(0, 3, 1, 2)


def conv_relu(layer: nn.Conv2d, x: torch.Tensor, *, weight=_KEEP) -> torch.Tensor:
    """relu(layer(x)), with another weight if given."""
    weight = layer.weight if weight is _KEEP else weight
    if by_triton(x):
        return _on_gpu(layer, x, weight, layer.bias, slope=0.0)
    if not _fuses(x):
        return _plain(layer, x, weight, layer.bias).relu()
    source, weight, bias = _cast(x, weight, layer.bias)
    return torch.ops.mkldnn._convolution_pointwise(source, weight, bias, *_geometry(layer), "relu", [], "")


def conv_add(layer: nn.Conv2d, x: torch.Tensor, other: torch.Tensor, *, weight=_KEEP, bias=_KEEP) -> torch.Tensor:
    """layer(x) + other, with another weight and bias if given; `other` has the result's shape and is not changed."""
    weight = layer.weight if weight is _KEEP else weight
    bias = layer.bias if bias is _KEEP else bias
    if by_triton(x):
        return _on_gpu(layer, x, weight, bias, other)
    if not _fuses(x):
        return _plain(layer, x, weight, bias) + other
    source, added, weight, bias = _cast(x, other, weight, bias)
    return torch.ops.mkldnn._convolution_pointwise.binary(
        source, added, weight, bias, *_geometry(layer), "add", 1.0, None, [], None
    )


def conv_over(
    layer: nn.Conv2d, parts: Sequence[torch.Tensor], slope: float = 1.0, fade: torch.Tensor | None = None, *,
    weight=_KEEP,
) -> torch.Tensor:  # fmt: skip
    """layer(torch.cat(parts, 1)) on CUDA, what is below zero times `slope` (0: ReLU), all times the mean of `fade`
    [B,P,h,w]; missing parts at the end count as zeros. There copying parts side by side takes less time than a
    convolution, a sum and a slice of the weight for each."""
    dtype = convolution_dtype(parts[0])
    together = torch.cat([part.to(dtype) for part in parts], 1) if len(parts) > 1 else parts[0]
    weight = layer.weight if weight is _KEEP else weight
    return _on_gpu(layer, together, weight[:, : together.shape[1]], layer.bias, None, slope, fade)


def _on_gpu(layer: nn.Conv2d, x, weight, bias, other=None, slope: float = 1.0, fade=None) -> torch.Tensor:
    from .fused_triton import finished

    return finished(_plain(layer, x, weight, None), bias, other, slope, fade)


def _fuses(x: torch.Tensor) -> bool:
    return (
        x.device.type == "cpu"
        and _has(convolution_dtype(x))
        and not torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
    )


def convolution_dtype(x: torch.Tensor) -> torch.dtype:
    """What convolutions of `x` run in here: autocast's dtype where it is on, else that of `x`."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


def _has(dtype: torch.dtype) -> bool:
    """Whether the operators exist for a dtype on this processor; older ones lack half precision."""
    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")):
        return False
    if dtype == torch.bfloat16:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if dtype == torch.float16:
        return torch.ops.mkldnn._is_mkldnn_fp16_supported()
    return dtype == torch.float32


def _geometry(layer: nn.Conv2d) -> tuple[list[int], list[int], list[int], int]:
    assert not isinstance(layer.padding, str), "these layers state their padding in pixels"
    return list(layer.padding), list(layer.stride), list(layer.dilation), layer.groups


def _cast(*tensors: torch.Tensor | None) -> list[torch.Tensor | None]:
    """To autocast's dtype, as autocast would do for a convolution; these operators are not known to it."""
    if not torch.is_autocast_enabled("cpu"):
        return list(tensors)
    dtype = torch.get_autocast_dtype("cpu")
    return [None if tensor is None else tensor.to(dtype) for tensor in tensors]
