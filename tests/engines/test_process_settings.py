"""Settings of the whole process: engines leave them alone, and the command line makes them."""

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from lfvideo_sr.choose import make_engine
from lfvideo_sr.engines import host_memory
from lfvideo_sr.engines.cudnn_settings import CudnnSettings
from lfvideo_sr.media.images import write_png


@pytest.fixture
def asked(monkeypatch) -> list[bool]:
    """Grows by one item whenever something asks the allocator to keep freed memory."""
    asked: list[bool] = []
    host_memory.keep_freed_memory.cache_clear()
    monkeypatch.setattr(host_memory.platform, "libc_ver", lambda: (asked.append(True), ("none", ""))[1])
    yield asked
    host_memory.keep_freed_memory.cache_clear()


def test_making_an_engine_leaves_the_allocator_alone(asked):
    make_engine("stream_ref", device="cpu", dtype="fp32", engine="torch")
    assert asked == []


@pytest.mark.parametrize("method", ["stream_ref", "flow_transfer"])
def test_the_command_line_keeps_freed_memory(asked, run, tmp_path, method):
    write_png(tmp_path / "in.png", np.random.default_rng(0).random((3, 8, 8)))
    assert run("image", tmp_path / "in.png", "--method", method, "--device", "cpu", "--no-refs").code == 0
    assert asked == [True]


@pytest.fixture
def cudnn(monkeypatch):
    """cuDNN's settings, each set to what an engine does not want."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    return torch.backends.cudnn


def test_cudnn_computes_in_float32_only_inside(cudnn):
    with CudnnSettings():
        assert (cudnn.allow_tf32, cudnn.benchmark) == (False, True)
        with pytest.raises(RuntimeError, match="inside"), CudnnSettings():
            raise RuntimeError("inside")
        assert (cudnn.allow_tf32, cudnn.benchmark) == (False, True)
    assert (cudnn.allow_tf32, cudnn.benchmark) == (True, False)


def test_contexts_of_two_threads_that_overlap_leave_what_was_set(cudnn):
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with CudnnSettings():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with CudnnSettings():
        thread.start()
        assert entered.wait(10)
    assert (cudnn.allow_tf32, cudnn.benchmark) == (False, True)  # the other thread still runs
    leave.set()
    thread.join()
    assert (cudnn.allow_tf32, cudnn.benchmark) == (True, False)


@pytest.mark.gpu
def test_a_run_on_a_gpu_leaves_cudnn_as_it_was(gpu):
    code = (
        "import numpy as np, torch, lfvideo_sr\n"
        "torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = True, False\n"
        "lfvideo_sr.restore_picture(np.zeros((3, 32, 32), np.float32), device='cuda', engine='torch')\n"
        "print(torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["True", "False"], done.stderr
