"""A graph's precision: what autocast does, each of its casts written out, so that the graph is strongly typed."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from lfvideo_sr.engine import Precision

from .resident import DTYPES


@contextmanager
def typed(precision: Precision):
    """What runs within is computed in this precision, as a graph can keep it."""
    if precision is Precision.FP32:
        yield
        return
    with torch.autocast("cpu", DTYPES[precision]), _Typed():
        yield


class _Typed(TorchFunctionMode):
    """Does what autocast does, in the open: inputs of convolutions and products are cast by operators that a graph
    keeps, and nothing else is. Where autocast is off it does nothing."""

    SHORT = frozenset(
        {
            torch.conv2d, torch.matmul, torch.bmm, torch.einsum, torch.Tensor.matmul, torch.Tensor.__matmul__,
            nn.functional.conv2d, nn.functional.linear, torch.prelu,
        }
    )  # fmt: skip

    def __torch_function__(self, function: Callable, types: Any, args=(), kwargs=None) -> Any:
        kwargs = kwargs or {}
        if not torch.is_autocast_enabled("cpu"):
            return function(*args, **kwargs)
        torch.set_autocast_enabled("cpu", False)
        try:
            if function in self.SHORT:
                args, kwargs = torch.utils._pytree.tree_map(_short, (args, kwargs))
            return function(*args, **kwargs)
        finally:
            torch.set_autocast_enabled("cpu", True)


def _short(argument: Any) -> Any:
    floating = isinstance(argument, torch.Tensor) and argument.is_floating_point()
    return argument.to(torch.get_autocast_dtype("cpu")) if floating else argument


def weigh_alike(model) -> None:
    """Give every convolution weights of its input's type: where the optimiser takes a normalisation into one, it leaves
    them in float32."""
    import onnx_ir

    for node in model.graph.all_nodes():
        if node.op_type != "Conv":
            continue
        kind = node.inputs[0].dtype
        for value in node.inputs[1:]:
            if value is not None and value.const_value is not None and value.dtype != kind:
                value.const_value = onnx_ir.tensor(value.const_value.numpy().astype(kind.numpy()), name=value.name)
                value.dtype = kind
