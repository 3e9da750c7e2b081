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
        blank = {one: np.zeros(self.shapes[one], np.float32) for one in self.engine.inputs}
        return self.engine.session.run([name], blank)[0].shape

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == HostBuffers.stream
        given = {name: _memory(self.addresses[name], self.shapes[name]) for name in self.engine.inputs}
        outputs = self.engine.names[len(self.engine.inputs) :]
        for name, result in zip(outputs, self.engine.session.run(outputs, given)):
            _memory(self.addresses[name], result.shape)[...] = result
        self.addresses = {}  # every run has to say them again
        return True


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


class HostBuffers:
    """Counts uploads, so that a test sees what stays where it is."""

    device, gpu, stream = "cuda:0", "Fake GPU", 7

    def __init__(self) -> None:
        self.uploads = 0

    def put(self, array: np.ndarray) -> HostBuffer:
        self.uploads += 1
        return HostBuffer(array.copy())

    def empty(self, shape: tuple, kind: str) -> HostBuffer:
        assert kind == "FLOAT"
        return HostBuffer(np.full(shape, np.nan, np.float32))
