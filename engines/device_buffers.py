"""Memory on a CUDA device for TensorRT: torch's, or pycuda's where torch is absent. Whoever made a buffer owns it.

All work of an engine goes to one stream of its own, so nothing runs before what it needs.
"""

from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from lfvideo_sr.errors import EngineError


class Buffer(Protocol):
    """Memory of a shape on the device."""

    shape: tuple[int, ...]

    @property
    def pointer(self) -> int: ...

    @property
    def nbytes(self) -> int: ...

    def numpy(self) -> np.ndarray:
        """A copy on the host, made after all that was given to the stream is done."""


class Buffers(Protocol):
    """Makes buffers on one device ("cuda:0"), with one stream. gpu: the device's name, as its maker calls it."""

    device: str
    gpu: str
    stream: int

    def put(self, array: np.ndarray) -> Buffer: ...

    def empty(self, shape: tuple[int, ...], kind: str) -> Buffer:
        """`kind`: FLOAT, HALF, BF16 or INT64, as TensorRT names its types."""


def device_buffers(device: str = "auto") -> Buffers:
    """By torch where it is installed, else by pycuda; raises EngineError where there is no GPU."""
    name, _, number = device.partition(":")
    if name not in ("auto", "cuda") or not (number or "0").isdigit():
        raise EngineError(f"TensorRT runs on CUDA devices, --device is {device}; pass cuda, or --engine onnx")
    for kind in (TorchBuffers, PycudaBuffers):
        try:
            return kind(int(number or 0))
        except ImportError:
            continue
    raise EngineError("no layer for buffers on a GPU; pip install torch or pycuda, or pass --engine onnx")


class _TorchBuffer:
    def __init__(self, tensor: Any, stream: Any):
        self.tensor, self._stream = tensor, stream
        self.shape = tuple(tensor.shape)

    @property
    def pointer(self) -> int:
        return self.tensor.data_ptr()

    @property
    def nbytes(self) -> int:
        return self.tensor.nbytes

    def numpy(self) -> np.ndarray:
        self._stream.synchronize()
        return self.tensor.float().cpu().numpy()


class TorchBuffers:
    """Tensors, on a stream that is not the default one; uploads go through pinned memory."""

    def __init__(self, number: int = 0):
        import torch

        if not torch.cuda.is_available():
            raise EngineError("TensorRT needs an NVIDIA GPU, and torch finds none; pass --engine onnx")
        self._torch, self._device = torch, torch.device("cuda", number)
        self.device, self.gpu = str(self._device), torch.cuda.get_device_name(number)
        self._stream = torch.cuda.Stream(self._device)
        self.stream = self._stream.cuda_stream
        self._kinds = {"FLOAT": torch.float32, "HALF": torch.float16, "BF16": torch.bfloat16, "INT64": torch.int64}

    def put(self, array: np.ndarray) -> _TorchBuffer:
        pinned = self._torch.from_numpy(np.ascontiguousarray(array)).pin_memory()
        with self._torch.cuda.stream(self._stream):
            return _TorchBuffer(pinned.to(self._device, non_blocking=True), self._stream)

    def empty(self, shape: tuple[int, ...], kind: str) -> _TorchBuffer:
        with self._torch.cuda.stream(self._stream):
            return _TorchBuffer(self._torch.empty(shape, dtype=self._kinds[kind], device=self._device), self._stream)


class _PycudaBuffer:
    def __init__(self, owner: "PycudaBuffers", shape: tuple[int, ...], bytes_each: int):
        self.shape, self._owner = shape, owner
        self.nbytes = int(np.prod(shape)) * bytes_each
        self._memory = owner.driver.mem_alloc(max(1, self.nbytes))

    @property
    def pointer(self) -> int:
        return int(self._memory)

    def numpy(self) -> np.ndarray:
        if self.nbytes != 4 * int(np.prod(self.shape)):
            raise EngineError("features in a short format are not read on the host; this is an error of the program")
        host = self._owner.driver.pagelocked_empty(self.shape, np.float32)
        self._owner.driver.memcpy_dtoh_async(host, self._memory, self._owner.handle)
        self._owner.handle.synchronize()
        return np.array(host)


class PycudaBuffers:
    """pycuda's allocations on the device's primary context, which other libraries share."""

    _BYTES = MappingProxyType({"FLOAT": 4, "HALF": 2, "BF16": 2, "INT64": 8})

    def __init__(self, number: int = 0):
        import pycuda.driver as driver

        try:
            driver.init()
            device = driver.Device(number)
            self._context = device.retain_primary_context()
        except driver.Error as error:
            raise EngineError(f"TensorRT needs an NVIDIA GPU ({error}); pass --engine onnx") from error
        self._context.push()
        self.device, self.driver, self.gpu = f"cuda:{number}", driver, device.name()
        self.handle = driver.Stream()
        self.stream = self.handle.handle
        self._uploads: list[Any] = []  # pinned memory that a copy may still read

    def put(self, array: np.ndarray) -> _PycudaBuffer:
        buffer = _PycudaBuffer(self, array.shape, array.itemsize)
        pinned = self.driver.pagelocked_empty(array.shape, array.dtype)
        pinned[...] = array
        self.driver.memcpy_htod_async(buffer.pointer, pinned, self.handle)
        self._uploads = [*self._uploads[-15:], pinned]
        return buffer

    def empty(self, shape: tuple[int, ...], kind: str) -> _PycudaBuffer:
        return _PycudaBuffer(self, shape, self._BYTES[kind])
