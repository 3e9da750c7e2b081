"""A small stand-in for TensorRT's runtime on the host: plans hold an ONNX file, ONNX Runtime computes, buffers are
addresses of memory. It refuses what the real one refuses: foreign plans, unset addresses, sizes out of the profile, a
thread whose present device is another. What is given to its stream is done when somebody waits for it, and not before.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from weakref import WeakValueDictionary

import numpy as np
import onnxruntime

MARK = b"fake plan\n"


class Device:
    """The one there is.

    living: memory on it, by address. waiting: what was given to its stream. recording: what is given instead, while a
    stream is captured. present: of each thread, whether this is its device.
    """

    def __init__(self) -> None:
        self.living: WeakValueDictionary[int, HostBuffer] = WeakValueDictionary()
        self.waiting: list[Callable[[], None]] = []
        self.recording: list[Callable[[], Callable[[], None]]] | None = None
        self.present = threading.local()

    def check_present(self) -> None:
        assert getattr(self.present, "depth", 0), "this thread's present device is another"

    def give(self, work: Callable[[], Callable[[], None]]) -> None:
        """work: makes what is done in its turn, of the memory that is there."""
        if self.recording is None:
            self.waiting.append(work())
        else:
            self.recording.append(work)

    def wait(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


DEVICE = Device()


class TensorIOMode(Enum):
    INPUT = 0
    OUTPUT = 1


class Kind(Enum):
    FLOAT = 0


class ILogger:
    ERROR, INTERNAL_ERROR = 1, 0

    def __init__(self) -> None:
        pass


def plan_of(onnx_bytes: bytes, profile: dict) -> bytes:
    return MARK + json.dumps(profile).encode() + b"\n" + onnx_bytes


class Runtime:
    def __init__(self, logger: ILogger):
        self.logger = logger

    def deserialize_cuda_engine(self, content: bytes):
        DEVICE.check_present()
        if content.startswith(MARK):
            return Engine(content)
        self.logger.log(ILogger.ERROR, "Serialization assertion failed;\nmagic tag does not match")
        return None


class Engine:
    def __init__(self, content: bytes):
        _, profile, onnx_bytes = content.split(b"\n", 2)
        self.profile = json.loads(profile)
        self.session = onnxruntime.InferenceSession(onnx_bytes, providers=["CPUExecutionProvider"])
        self.inputs = [get_input.name for get_input in self.session.get_inputs()]
        self.names = self.inputs + [get_output.name for get_output in self.session.get_outputs()]
        self.num_io_tensors = len(self.names)
        self.output_shapes: dict[tuple, dict[str, tuple]] = {}  # shapes of outputs, by those of inputs

    def get_tensor_name(self, number: int) -> str:
        return self.names[number]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name in self.inputs else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> Kind:
        return Kind.FLOAT

    def get_tensor_profile_shape(self, name: str, number: int):
        assert number == 0
        return [tuple(shape) for shape in self.profile[name]]

    def create_execution_context(self) -> "Context | None":
        DEVICE.check_present()
        return Context(self)


class Context:
    def __init__(self, engine: Engine):
        self.engine, self.shapes, self.addresses = engine, {}, {}

    def set_input_shape(self, name: str, shape: tuple) -> bool:
        least, _, most = self.engine.get_tensor_profile_shape(name, 0)
        assert all(low <= side <= high for low, side, high in zip(least, shape, most)), "the engine has to check first"
        self.shapes[name] = tuple(shape)
        return True

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def get_tensor_shape(self, name: str) -> tuple:
        shapes = tuple(self.shapes[name] for name in self.engine.inputs)
        if shapes not in self.engine.output_shapes:  # a runtime knows without computing
            blank = {name: np.zeros(shape, np.float32) for name, shape in zip(self.engine.inputs, shapes)}
            outputs = self.engine.names[len(self.engine.inputs) :]
            results = self.engine.session.run(outputs, blank)
            self.engine.output_shapes[shapes] = {output: result.shape for output, result in zip(outputs, results)}
        return self.engine.output_shapes[shapes][name]

    def is_stream_capturable(self, stream: int) -> bool:
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == HostBuffers.stream
        DEVICE.check_present()
        addresses, shapes = dict(self.addresses), dict(self.shapes)
        DEVICE.give(lambda: self.work(addresses, shapes))
        self.addresses = {}  # every run has to say them again
        return True

    def work(self, addresses: dict[str, int], shapes: dict[str, tuple]) -> Callable[[], None]:
        """What a run does when its turn comes. Its memory stays until then: who frees it frees it in the stream. What
        is recorded asks for it at each replay."""
        memory = {name: DEVICE.living[addresses[name]] for name in self.engine.names}

        def compute() -> None:
            inputs = {name: memory[name].array for name in self.engine.inputs}
            assert all(array.shape == shapes[name] for name, array in inputs.items())
            outputs = self.engine.names[len(self.engine.inputs) :]
            for name, result in zip(outputs, self.engine.session.run(outputs, inputs)):
                assert memory[name].array.shape == result.shape
                memory[name].array[...] = result

        return compute


class HostBuffer:
    def __init__(self, owner: "HostBuffers", shape: tuple):
        owner.allocated += 1
        self.array, self._owner = np.full(shape, np.nan, np.float32), owner
        self.shape, self.nbytes = self.array.shape, self.array.nbytes
        DEVICE.living[self.pointer] = self

    @property
    def pointer(self) -> int:
        return self.array.ctypes.data

    def numpy(self) -> np.ndarray:
        DEVICE.wait()
        return self.array.copy()


class HostStaged:
    def __init__(self, owner: "HostBuffers", shape: tuple):
        self.buffer, self._owner = HostBuffer(owner, shape), owner

    def put(self, array: np.ndarray) -> None:
        DEVICE.check_present()
        self._owner.uploads += 1
        copy, target = array.copy(), self.buffer.array
        DEVICE.give(lambda: lambda: np.copyto(target, copy))


class HostBuffers:
    """Counts what is uploaded, allocated, recorded and replayed, so that a test sees what stays where it is."""

    device, gpu, stream = "cuda:0", "Fake GPU", 7

    def __init__(self, records: bool = True) -> None:
        self.uploads = self.allocated = self.recordings = self.replays = 0
        self._records = records

    @contextmanager
    def working(self) -> Iterator[None]:
        DEVICE.present.depth = getattr(DEVICE.present, "depth", 0) + 1
        try:
            yield
        finally:
            DEVICE.present.depth -= 1

    def staged(self, shape: tuple) -> HostStaged:
        DEVICE.check_present()
        return HostStaged(self, shape)

    def empty(self, shape: tuple, kind: str) -> HostBuffer:
        DEVICE.check_present()
        assert kind == "FLOAT"
        return HostBuffer(self, shape)

    def recorded(self, work):
        self.recordings += 1
        if not self._records:
            return None
        DEVICE.recording = runs = []
        try:
            work()
        finally:
            DEVICE.recording = None

        def replay() -> None:
            self.replays += 1
            for run in runs:
                DEVICE.give(run)

        return replay
