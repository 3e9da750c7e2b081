"""Runs plans with TensorRT or TensorRT-RTX. Features of a reference stay on the device between frames."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Size

from .device_buffers import Buffer, Buffers, Staged
from .graph_engine import Graph, GraphEngine
from .graphs import VERBS
from .plans import Library, Logger, Plan

_RECORDINGS = 8  # of a verb: of so many references, or pairs of them
_BOUNDED = "pass --engine torch, or build a plan for it: lfvideo-sr engine build --shapes"


class TensorRTEngine(GraphEngine):
    """Plans that fit this library and this GPU, by verb."""

    name = "tensorrt"

    def __init__(self, plans: Mapping[str, Plan], library: Library, buffers: Buffers):
        about, self._shapes = plans[VERBS[0]].about, plans[VERBS[0]].shapes
        if any((plan.about, plan.shapes) != (about, self._shapes) for plan in plans.values()):
            raise EngineError("the plans are not of one method, one precision and one range of sizes; build them again")
        self._logger = Logger(library.module)  # both outlive their engines
        with buffers.working():
            self._runtime = library.start("Runtime", self._logger)
            graphs: dict[str, Graph] = {
                verb: TensorRTGraph(plan, self._runtime, library.module, buffers, self._logger)
                for verb, plan in plans.items()
            }
        super().__init__(about, graphs, buffers.device)

    def nearest_size(self, size: Size) -> Size:
        return self._shapes.nearest(size)


class TensorRTGraph:
    """One engine, its execution context, and the memory it runs in.

    What comes from the host has one place on the device for each input, and so has what is read at once (`passing`):
    only features of references get memory of their own. So addresses repeat, and with them work can be recorded.
    """

    def __init__(self, plan: Plan, runtime: Any, trt: Any, buffers: Buffers, logger: Logger):
        self._verb, self._buffers, self._logger = plan.verb, buffers, logger
        self._engine = runtime.deserialize_cuda_engine(plan.content)
        if self._engine is None:
            raise EngineError(f"the plan of {self._verb} is refused by {plan.builder} ({logger.last}); build it again")
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise EngineError(f"{self._verb} finds no room on the GPU ({logger.last}); pass --engine torch, or onnx")
        names = [self._engine.get_tensor_name(number) for number in range(self._engine.num_io_tensors)]
        self._inputs = [name for name in names if self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        self._outputs = [name for name in names if name not in self._inputs]
        self._passing = plan.verb != "encode"
        self._staged: dict[str, Staged] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._results: dict[str, Buffer] = {}
        self._work = _Repeated(buffers, getattr(self._context, "is_stream_capturable", lambda stream: True))

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Buffer]:
        """Passing outputs are good until the next call."""
        with self._buffers.working():
            return self._called(inputs)

    def _called(self, inputs: Mapping[str, Any]) -> dict[str, Buffer]:
        held = {name: self._on_device(name, inputs[name]) for name in self._inputs}  # alive until outputs are read
        self._fit({name: buffer.shape for name, buffer in held.items()})
        if not (self._passing and self._results):
            self._results = {name: self._output(name) for name in self._outputs}
        addresses = {name: buffer.pointer for name, buffer in (held | self._results).items()}
        if self._passing:
            self._work(tuple(addresses.values()), lambda: self._run(addresses))
        else:
            self._run(addresses)
        return dict(self._results)

    def _run(self, addresses: Mapping[str, int]) -> None:
        for name, address in addresses.items():
            self._context.set_tensor_address(name, address)
        if not self._context.execute_async_v3(self._buffers.stream):
            raise EngineError(f"{self._verb} failed in TensorRT ({self._logger.last}); pass --engine torch")

    def _on_device(self, name: str, values: Any) -> Buffer:
        if hasattr(values, "pointer"):
            return values
        array = np.ascontiguousarray(values, np.float32)
        if name not in self._staged or self._staged[name].buffer.shape != array.shape:
            self._staged[name] = self._buffers.staged(array.shape)
        self._staged[name].put(array)
        return self._staged[name].buffer

    def _fit(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Give the context sizes that are new, and let go of what was made for the old ones."""
        if shapes == self._shapes:
            return
        self._shapes, self._results = {}, {}
        self._work.forget()
        for name, shape in shapes.items():
            self._check(name, shape)
            if not self._context.set_input_shape(name, shape):
                raise EngineError(f"TensorRT takes no {name} of {list(shape)} ({self._logger.last}); {_BOUNDED}")
        self._shapes = shapes

    def _output(self, name: str) -> Buffer:
        kind = self._engine.get_tensor_dtype(name).name
        return self._buffers.empty(tuple(self._context.get_tensor_shape(name)), kind)

    def _check(self, name: str, shape: tuple[int, ...]) -> None:
        """Refuse a size outside the plan's range before TensorRT meets it."""
        least, _, most = self._engine.get_tensor_profile_shape(name, 0)
        if not all(low <= side <= high for low, side, high in zip(least, shape, most)):
            raise EngineError(f"{name} is {list(shape)}, its plan takes {list(least)} to {list(most)}; {_BOUNDED}")


class _Repeated:
    """Runs work as it is the first time its addresses are seen, and records it the second time: a reference serves
    several frames. The newest few recordings are kept; where one cannot be made, none is tried again.

    capturable: whether TensorRT says that its work on a stream can be recorded.
    """

    def __init__(self, buffers: Buffers, capturable: Callable[[int], bool]):
        self._buffers, self._able, self._capturable = buffers, True, capturable
        self._seen: OrderedDict[tuple[int, ...], Callable[[], None] | None] = OrderedDict()

    def __call__(self, addresses: tuple[int, ...], work: Callable[[], None]) -> None:
        known = addresses in self._seen
        replay = self._seen.pop(addresses, None)
        if known and replay is None and self._able and self._capturable(self._buffers.stream):
            replay = self._buffers.recorded(work)
            self._able = replay is not None
        self._seen[addresses] = replay
        if len(self._seen) > _RECORDINGS:
            self._seen.popitem(last=False)
        (replay or work)()

    def forget(self) -> None:
        self._seen.clear()
