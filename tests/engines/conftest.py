"""Graphs of stream_ref's shipped weights, had by the command a user would give, and kept from others' caches."""

import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import fake_tensorrt
import pytest

from lfvideo_sr import cli
from lfvideo_sr.choose import EngineOptions, graphs_of


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A cache with the graphs in fp32, built by the first process that needs it and shared by all of the session."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder = root / "graphs"
    with (root / "graphs.lock").open("w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        patch.setenv("LFVIDEO_CACHE", str(folder))
        patch.setattr(sys, "argv", ["lfvideo-sr", "engine", "build", "stream_ref", "--engine", "onnx"])
        cli.main()  # which keeps what is there
    return folder


@pytest.fixture
def cache(built, monkeypatch) -> Path:
    """That cache, in use; not to be written to."""
    monkeypatch.setenv("LFVIDEO_CACHE", str(built))
    return built


@pytest.fixture
def graphs(cache) -> Path:
    """The folder with the three files."""
    return graphs_of(EngineOptions(dtype="fp32"))[1]


@pytest.fixture
def own_cache(built, tmp_path, monkeypatch) -> Path:
    """A copy that a test may spoil."""
    import shutil

    shutil.copytree(built, tmp_path / "cache")
    monkeypatch.setenv("LFVIDEO_CACHE", str(tmp_path / "cache"))
    return graphs_of(EngineOptions(dtype="fp32"))[1]


@pytest.fixture
def buffers() -> fake_tensorrt.HostBuffers:
    """Buffers of the stand-in for TensorRT."""
    return fake_tensorrt.HostBuffers()


@pytest.fixture
def no_gpu(monkeypatch) -> Iterator[None]:
    """As on a machine without one."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    yield
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
