"""Runs plans with TensorRT or TensorRT-RTX. Features of a reference stay on the device between frames."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lfvideo_sr.errors import EngineError

from .device_buffers import Buffer, Buffers
from .graph_engine import Graph, GraphEngine
from .plans import Library, Plan

_BOUNDED = "pass --engine torch, or build a plan for it: lfvideo-sr engine build --shapes"


class TensorRTEngine(GraphEngine):
    """The three verbs of plans that fit this library and this GPU."""

    def __init__(self, plans: Mapping[str, Plan], library: Library, buffers: Buffers):
        trt = library.module
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))  # outlives its engines
        graphs: dict[str, Graph] = {
            verb: TensorRTGraph(plan, self._runtime, trt, buffers) for verb, plan in plans.items()
        }
        super().__init__(graphs, buffers.device)


class TensorRTGraph:
    """One engine and its execution context."""

    def __init__(self, plan: Plan, runtime: Any, trt: Any, buffers: Buffers):
        self.about, self._buffers = plan.about, buffers
        self._engine = runtime.deserialize_cuda_engine(plan.content)
        if self._engine is None:
            raise EngineError(f"the plan of {plan.about.verb} is refused by {plan.builder}; build it again")
        self._context = self._engine.create_execution_context()
        names = [self._engine.get_tensor_name(number) for number in range(self._engine.num_io_tensors)]
        self._inputs = [name for name in names if self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        self._outputs = [name for name in names if name not in self._inputs]

    def __call__(self, given: Mapping[str, Any]) -> dict[str, Buffer]:
        held = {name: self._on_device(given[name]) for name in self._inputs}  # alive until outputs are read
        for name, buffer in held.items():
            self._check(name, buffer.shape)
            self._context.set_input_shape(name, buffer.shape)
            self._context.set_tensor_address(name, buffer.pointer)
        found = {name: self._output(name) for name in self._outputs}
        if not self._context.execute_async_v3(self._buffers.stream):
            raise EngineError(f"{self.about.verb} failed in TensorRT; pass --engine torch")
        return found

    def _on_device(self, one: Any) -> Buffer:
        return one if hasattr(one, "pointer") else self._buffers.put(np.ascontiguousarray(one, np.float32))

    def _output(self, name: str) -> Buffer:
        kind = self._engine.get_tensor_dtype(name).name
        buffer = self._buffers.empty(tuple(self._context.get_tensor_shape(name)), kind)
        self._context.set_tensor_address(name, buffer.pointer)
        return buffer

    def _check(self, name: str, shape: tuple[int, ...]) -> None:
        """A size outside the plan's range is told before TensorRT meets it."""
        least, _, most = self._engine.get_tensor_profile_shape(name, 0)
        if not all(low <= side <= high for low, side, high in zip(least, shape, most)):
            raise EngineError(f"{name} is {list(shape)}, its plan takes {list(least)} to {list(most)}; {_BOUNDED}")
