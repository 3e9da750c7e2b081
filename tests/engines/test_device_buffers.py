"""Memory on a device: who may touch it from which thread, what becomes of it, and what failing there is told as."""

import threading
from types import SimpleNamespace

import fake_pycuda
import numpy as np
import pytest
import torch

from lfvideo_sr.engines import device_buffers
from lfvideo_sr.errors import EngineError


def absent(number: int):
    raise ModuleNotFoundError


def test_without_torch_and_pycuda_there_are_no_buffers(monkeypatch):
    monkeypatch.setattr(device_buffers, "TorchBuffers", absent)
    monkeypatch.setattr(device_buffers, "PycudaBuffers", absent)
    with pytest.raises(EngineError, match="pip install torch or pycuda"):
        device_buffers.device_buffers()


@pytest.mark.parametrize("device", ["cpu", "mps", "cuda:x"])
def test_tensorrt_on_something_else_is_a_mistake(device):
    with pytest.raises(EngineError, match=f"TensorRT runs on CUDA devices, --device is {device}"):
        device_buffers.device_buffers(device)


def on_a_stand_in(**cuda) -> device_buffers.TorchBuffers:
    """torch's, without a device."""
    buffers = object.__new__(device_buffers.TorchBuffers)
    buffers._device = torch.device("cuda", 1)
    buffers.torch = SimpleNamespace(cuda=SimpleNamespace(**cuda))
    return buffers


def test_work_is_done_on_the_device_whatever_the_threads_own():
    entered = []

    class Device:
        def __init__(self, device):
            entered.append(str(device))

        __enter__ = __exit__ = lambda *_: None

    buffers = on_a_stand_in(device=Device)
    with buffers.working():
        assert entered == ["cuda:1"]
    with pytest.raises(EngineError, match=r"^the GPU fails \(CUDA out of memory. Tried ...\); pass"), buffers.working():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried ...\nmore")
    with pytest.raises(EngineError, match=r"^as it is$"), buffers.working():
        raise EngineError("as it is")


@pytest.mark.parametrize("number", [1, 7])
def test_a_device_that_is_not_there(monkeypatch, number):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(EngineError, match=f"no device cuda:{number}.* 1 GPU; pass --device cuda"):
        device_buffers.device_buffers(f"cuda:{number}")


@pytest.fixture
def driver(monkeypatch):
    """pycuda's; at the end no thread is left with a context, for which pycuda ends the program, and nothing is lost."""
    driver = fake_pycuda.Driver()
    monkeypatch.setattr(device_buffers, "_pycuda", lambda: driver)
    yield driver
    assert driver.waiting == [] and not driver.stack
    assert (driver.allocated, driver.lost) == (0, 0)


def in_a_thread(work) -> None:
    """Its error is this thread's."""
    errors = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def test_pycuda_in_another_thread_than_it_began_in(driver):
    buffers = device_buffers.PycudaBuffers()

    def work() -> None:
        with buffers.working():
            staged = buffers.staged((2, 3))
            for number in range(5):
                staged.put(np.full((2, 3), number, np.float32))
        assert (staged.buffer.numpy() == 4).all()
        assert not driver.stack

    in_a_thread(work)
    assert (buffers.device, buffers.gpu, buffers.stream) == ("cuda:0", "Fake GPU", 7)
    assert buffers.recorded(lambda: None) is None


def test_what_is_put_next_does_not_disturb_what_was_put(driver):
    """The first copy waits in the stream, then something that reads it, while the second is put."""
    buffers = device_buffers.PycudaBuffers()
    with buffers.working():
        staged, read = buffers.staged((4,)), []
        staged.put(np.ones(4, np.float32))
        buffers.handle.give(lambda: read.append(driver.read(staged.buffer.pointer, np.zeros(4, np.float32)).copy()))
        staged.put(np.full(4, 2, np.float32))
    assert (staged.buffer.numpy() == 2).all() and (read[0] == 1).all()


def test_buffers_are_freed_in_whatever_thread_drops_them(driver):
    buffers = device_buffers.PycudaBuffers()
    with buffers.working():
        held = [buffers.empty((8,), "HALF"), buffers.staged((8,))]
    assert held[0].nbytes == 16 and driver.allocated == 3  # on the device, and what is pinned
    in_a_thread(held.clear)
    assert driver.allocated == 0


def test_only_floats_are_read_on_the_host(driver):
    buffers = device_buffers.PycudaBuffers()
    with buffers.working():
        halves = buffers.empty((8,), "HALF")
    with pytest.raises(EngineError, match="features in a short format are not read on the host"):
        halves.numpy()


def test_no_room_by_pycuda_is_told_as_any_other_failure(driver):
    buffers = device_buffers.PycudaBuffers()
    driver.room = 100
    with pytest.raises(EngineError, match=r"^the GPU fails .*out of memory"), buffers.working():
        buffers.empty((1000,), "FLOAT")
    with pytest.raises(EngineError, match=r"needs an NVIDIA GPU .*invalid device ordinal"):
        device_buffers.PycudaBuffers(3)


def test_pycuda_without_nvidias_driver(monkeypatch):
    """It is installed, and cannot be imported."""
    monkeypatch.setattr(device_buffers, "TorchBuffers", absent)
    with monkeypatch.context() as patch:
        patch.setattr("builtins.__import__", importing(ImportError("libcuda.so.1: cannot open shared object file")))
        with pytest.raises(EngineError, match=r"needs an NVIDIA GPU and its driver \(libcuda"):
            device_buffers.device_buffers()


def importing(error):
    plain = __import__

    def imported(name, *rest):
        if name.startswith("pycuda"):
            raise error
        return plain(name, *rest)

    return imported


@pytest.mark.gpu
def test_recorded_work_reads_what_was_put_since(gpu):
    """Real memory, a real stream, a real CUDA graph; torch in TensorRT's place."""
    buffers = device_buffers.TorchBuffers()
    staged, out = buffers.staged((2, 3)), buffers.empty((2, 3), "FLOAT")

    def work() -> None:
        with torch.cuda.stream(buffers.torch_stream):
            torch.mul(staged.buffer.tensor, 2, out=out.tensor)

    staged.put(np.full((2, 3), 1, np.float32))
    work()
    replay = buffers.recorded(work)
    for number in range(2, 50):
        staged.put(np.full((2, 3), number, np.float32))
        replay()
        assert (out.numpy() == 2 * number).all()
    assert buffers.recorded(lambda: out.tensor.sum().item()) is None, "asking the device cannot be recorded"
    replay()
    assert (out.numpy() == 2 * 49).all()
