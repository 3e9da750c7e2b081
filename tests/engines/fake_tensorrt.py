"""A small stand-in for TensorRT's runtime on the host: plans hold an ONNX file, ONNX Runtime computes, buffers are
addresses of memory. It refuses what the real one refuses: foreign plans, unset addresses, sizes out of the profile."""

import ctypes
import json
from enum import Enum

import numpy as np
import onnxruntime

MARK = b"fake plan\n"


class TensorIOMode(Enum):
    INPUT = 0
    OUTPUT = 1


class Kind(Enum):
    FLOAT = 0


class Logger:
    ERROR = 1

    def __init__(self, severity: int):
        self.severity = severity


def plan_of(onnx_bytes: bytes, profile: dict) -> bytes:
    return MARK + json.dumps(profile).encode() + b"\n" + onnx_bytes


class Runtime:
    def __init__(self, logger: Logger):
        self.logger = logger

    def deserialize_cuda_engine(self, content: bytes):
        return Engine(content) if content.startswith(MARK) else None


class Engine:
    def __init__(self, content: bytes):
        _, profile, onnx_bytes = content.split(b"\n", 2)
        self.profile = json.loads(profile)
        self.session = onnxruntime.InferenceSession(onnx_bytes, providers=["CPUExecutionProvider"])
        self.inputs = [one.name for one in self.session.get_inputs()]
        self.names = self.inputs + [one.name for one in self.session.get_outputs()]
        self.num_io_tensors = len(self.names)
        self.found: dict[tuple, dict[str, tuple]] = {}  # shapes of outputs, by those of inputs

    def get_tensor_name(self, number: int) -> str:
        return self.names[number]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name in self.inputs else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> Kind:
        return Kind.FLOAT

    def get_tensor_profile_shape(self, name: str, number: int):
        assert number == 0
        return [tuple(one) for one in self.profile[name]]

    def create_execution_context(self) -> "Context":
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
        given = tuple(self.shapes[one] for one in self.engine.inputs)
        if given not in self.engine.found:  # a runtime knows without computing
            blank = {one: np.zeros(shape, np.float32) for one, shape in zip(self.engine.inputs, given)}
            outputs = self.engine.names[len(self.engine.inputs) :]
            results = self.engine.session.run(outputs, blank)
            self.engine.found[given] = {one: result.shape for one, result in zip(outputs, results)}
        return self.engine.found[given][name]

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == HostBuffers.stream
        if HostBuffers.recording is not None:  # nothing runs while a stream is captured
            HostBuffers.recording.append((self, dict(self.addresses), dict(self.shapes)))
        else:
            self.compute()
        self.addresses = {}  # every run has to say them again
        return True

    def compute(self) -> None:
        given = {name: _memory(self.addresses[name], self.shapes[name]) for name in self.engine.inputs}
        outputs = self.engine.names[len(self.engine.inputs) :]
        for name, result in zip(outputs, self.engine.session.run(outputs, given)):
            _memory(self.addresses[name], result.shape)[...] = result


def _memory(address: int, shape: tuple) -> np.ndarray:
    count = int(np.prod(shape))
    return np.ctypeslib.as_array((ctypes.c_float * count).from_address(address)).reshape(shape)


class HostBuffer:
    def __init__(self, array: np.ndarray):
        self.array, self.shape, self.nbytes = array, array.shape, array.nbytes

    @property
    def pointer(self) -> int:
        return self.array.ctypes.data

    def numpy(self) -> np.ndarray:
        return self.array.copy()


class HostStaged:
    def __init__(self, owner: "HostBuffers", shape: tuple):
        self.buffer, self._owner = HostBuffer(np.full(shape, np.nan, np.float32)), owner

    def put(self, array: np.ndarray) -> None:
        self._owner.uploads += 1
        self.buffer.array[...] = array


class HostBuffers:
    """Counts what is uploaded, allocated, recorded and replayed, so that a test sees what stays where it is."""

    device, gpu, stream = "cuda:0", "Fake GPU", 7
    recording: list | None = None

    def __init__(self, records: bool = True) -> None:
        self.uploads = self.allocated = self.recordings = self.replays = 0
        self._records = records

    def staged(self, shape: tuple) -> HostStaged:
        self.allocated += 1
        return HostStaged(self, shape)

    def empty(self, shape: tuple, kind: str) -> HostBuffer:
        assert kind == "FLOAT"
        self.allocated += 1
        return HostBuffer(np.full(shape, np.nan, np.float32))

    def recorded(self, work):
        self.recordings += 1
        if not self._records:
            return None
        HostBuffers.recording = runs = []
        try:
            work()
        finally:
            HostBuffers.recording = None

        def replay() -> None:
            self.replays += 1
            for context, addresses, shapes in runs:
                context.addresses, context.shapes = dict(addresses), dict(shapes)
                context.compute()
                context.addresses = {}

        return replay
