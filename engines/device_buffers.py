"""Memory on a CUDA device for TensorRT: torch's, or pycuda's where torch is absent. Whoever made a buffer owns it.

All work of an engine goes to one stream of its own, so nothing runs before what it needs. Threads have a CUDA device
each, and an engine is made in one and runs in another: whoever gives work to the device says `with buffers.working()`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from lfvideo_sr.errors import EngineError, first_line


class Buffer(Protocol):
    """Memory of a shape on the device."""

    shape: tuple[int, ...]

    @property
    def pointer(self) -> int: ...

    @property
    def nbytes(self) -> int: ...

    def numpy(self) -> np.ndarray:
        """A copy on the host, made after all that was given to the stream is done."""


class Staged(Protocol):
    """Memory on the device for one array of float32 after another, of one shape, with pinned memory of its own."""

    @property
    def buffer(self) -> Buffer: ...

    def put(self, array: np.ndarray) -> None:
        """Copy, on the stream; `array` may change as soon as this returns."""


class Buffers(Protocol):
    """Makes buffers on one device ("cuda:0"), with one stream. gpu: the device's name, as its maker calls it."""

    device: str
    gpu: str
    stream: int

    def working(self) -> AbstractContextManager[None]:
        """The device is the calling thread's present one meanwhile, and what fails on it, for want of memory too, is
        raised as EngineError. `staged`, `empty`, `recorded` and `put` are called within; buffers read themselves."""

    def staged(self, shape: tuple[int, ...]) -> Staged: ...

    def empty(self, shape: tuple[int, ...], kind: str) -> Buffer:
        """`kind`: FLOAT, HALF, BF16 or INT64, as TensorRT names its types."""

    def recorded(self, work: Callable[[], None]) -> Callable[[], None] | None:
        """What `work` gives to the stream, not run but kept: each call of the result gives it to the stream, at once.
        None where this layer cannot, or the work cannot be kept."""


def device_buffers(device: str = "auto") -> Buffers:
    """By torch where it is installed, else by pycuda; raises EngineError where there is no GPU."""
    name, _, number = device.partition(":")
    if name not in ("auto", "cuda") or not (number or "0").isdigit():
        raise EngineError(f"TensorRT runs on CUDA devices, --device is {device}; pass cuda, or --engine onnx")
    kinds: tuple[Callable[[int], Buffers], ...] = (TorchBuffers, PycudaBuffers)
    for kind in kinds:
        try:
            return kind(int(number or 0))
        except ImportError:
            continue
    raise EngineError("no layer for buffers on a GPU; pip install torch or pycuda, or pass --engine onnx")


def _failed(error: Exception) -> EngineError:
    reason = first_line(error)[:160].replace("; ", ", ")
    return EngineError(f"the GPU fails ({reason}); pass --engine torch, or onnx")


class _TorchBuffer:
    def __init__(self, tensor: Any, owner: "TorchBuffers"):
        self.tensor, self._owner = tensor, owner
        self.shape = tuple(tensor.shape)

    @property
    def pointer(self) -> int:
        return self.tensor.data_ptr()

    @property
    def nbytes(self) -> int:
        return self.tensor.nbytes

    def numpy(self) -> np.ndarray:
        with self._owner.working():
            self._owner.torch_stream.synchronize()
            return self.tensor.float().cpu().numpy()


class _TorchStaged:
    def __init__(self, owner: "TorchBuffers", shape: tuple[int, ...]):
        torch = owner.torch
        self.buffer = owner.empty(shape, "FLOAT")
        self._stream, self._torch = owner.torch_stream, torch
        self._pinned = torch.empty(shape, dtype=torch.float32, pin_memory=True)
        self._copied = torch.cuda.Event()

    def put(self, array: np.ndarray) -> None:
        self._copied.synchronize()  # the copy before may still read the pinned memory; at once where there was none
        self._pinned.copy_(self._torch.from_numpy(array))
        with self._torch.cuda.stream(self._stream):
            self.buffer.tensor.copy_(self._pinned, non_blocking=True)
            self._copied.record(self._stream)


class TorchBuffers:
    """Tensors, on a stream that is not the default one; uploads go through pinned memory, repeated work into CUDA
    graphs."""

    def __init__(self, number: int = 0):
        import torch

        if not torch.cuda.is_available():
            raise EngineError("TensorRT needs an NVIDIA GPU, and torch finds none; pass --engine onnx")
        if number >= torch.cuda.device_count():
            raise EngineError(
                f"no device cuda:{number}, torch finds {torch.cuda.device_count()} GPU; pass --device cuda"
            )
        self.torch, self._device = torch, torch.device("cuda", number)
        self.device, self.gpu = str(self._device), torch.cuda.get_device_name(number)
        self.torch_stream = torch.cuda.Stream(self._device)
        self.stream = self.torch_stream.cuda_stream
        self._kinds = {"FLOAT": torch.float32, "HALF": torch.float16, "BF16": torch.bfloat16, "INT64": torch.int64}

    @contextmanager
    def working(self) -> Iterator[None]:
        try:
            with self.torch.cuda.device(self._device):
                yield
        except EngineError:
            raise
        except RuntimeError as error:  # out of memory, and whatever else torch or CUDA raise
            raise _failed(error) from error

    def staged(self, shape: tuple[int, ...]) -> _TorchStaged:
        return _TorchStaged(self, shape)

    def empty(self, shape: tuple[int, ...], kind: str) -> _TorchBuffer:
        with self.torch.cuda.stream(self.torch_stream):
            tensor = self.torch.empty(shape, dtype=self._kinds[kind], device=self._device)
        return _TorchBuffer(tensor, self)

    def recorded(self, work: Callable[[], None]) -> Callable[[], None] | None:
        cuda = self.torch.cuda
        graph = cuda.CUDAGraph()
        self.torch_stream.synchronize()
        try:
            with cuda.stream(self.torch_stream):
                graph.capture_begin(capture_error_mode="thread_local")  # others may decode or copy meanwhile
                try:
                    work()
                finally:
                    graph.capture_end()
        except RuntimeError:  # what the work did cannot be captured
            return None

        def replay() -> None:
            with cuda.stream(self.torch_stream):
                graph.replay()

        return replay


class _PycudaBuffer:
    """pycuda frees memory only where its context is the thread's present one, else it is lost."""

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
        host = np.empty(self.shape, np.float32)
        with self._owner.working():
            self._owner.handle.synchronize()
            self._owner.driver.memcpy_dtoh(host, self._memory)
        return host

    def __del__(self) -> None:
        with (
            suppress(AttributeError, EngineError),
            self._owner.working(),
        ):  # of a buffer that was never made; of a lost GPU
            self._memory.free()  # once the device is done with it


class _PycudaStaged:
    def __init__(self, owner: "PycudaBuffers", shape: tuple[int, ...]):
        self.buffer, self._owner = owner.empty(shape, "FLOAT"), owner
        self._pinned = owner.driver.pagelocked_empty(shape, np.float32)
        self._copied = owner.driver.Event()

    def put(self, array: np.ndarray) -> None:
        self._copied.synchronize()
        self._pinned[...] = array
        self._owner.driver.memcpy_htod_async(self.buffer.pointer, self._pinned, self._owner.handle)
        self._copied.record(self._owner.handle)

    def __del__(self) -> None:
        with suppress(AttributeError, EngineError), self._owner.working():
            self._copied.synchronize()  # the last copy still reads what is freed here
            del self._pinned, self._copied


class PycudaBuffers:
    """pycuda's allocations on the device's primary context, which other libraries share. It is no thread's present one
    beyond `working`: pycuda ends a program that leaves it so."""

    _BYTES = MappingProxyType({"FLOAT": 4, "HALF": 2, "BF16": 2, "INT64": 8})

    def __init__(self, number: int = 0):
        driver = _pycuda()
        try:
            driver.init()
            device = driver.Device(number)
            self._context = device.retain_primary_context()
        except driver.Error as error:
            raise EngineError(f"TensorRT needs an NVIDIA GPU ({error}); pass --engine onnx") from error
        self.device, self.driver, self.gpu = f"cuda:{number}", driver, device.name()
        with self.working():
            self.handle = driver.Stream()
        self.stream = self.handle.handle

    @contextmanager
    def working(self) -> Iterator[None]:
        try:
            self._context.push()
            try:
                yield
            finally:
                self._context.pop()
        except self.driver.Error as error:
            raise _failed(error) from error

    def staged(self, shape: tuple[int, ...]) -> _PycudaStaged:
        return _PycudaStaged(self, shape)

    def empty(self, shape: tuple[int, ...], kind: str) -> _PycudaBuffer:
        return _PycudaBuffer(self, shape, self._BYTES[kind])

    def recorded(self, work: Callable[[], None]) -> None:
        """pycuda knows no graphs."""


def _pycuda() -> Any:
    try:
        import pycuda.driver as driver
    except ModuleNotFoundError:
        raise
    except ImportError as error:  # it is there, and NVIDIA's driver is not
        raise EngineError(f"TensorRT needs an NVIDIA GPU and its driver ({error}); pass --engine onnx") from error
    return driver
