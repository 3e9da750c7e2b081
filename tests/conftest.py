"""What many tests share: small rendered clips, made once, lossless, never changed; and the command line."""

import gc
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import typer

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for tiny pictures more threads cost time, above all on a busy machine

from command_line import Outcome
from small_clips import CUT, EVERY, FRAMES, rendered, write_clip

from lfvideo_sr import cli
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.metrics import eight_bit
from lfvideo_sr.references.hybrid_file import write_hybrid


def pytest_collection_finish() -> None:
    """What is loaded by now stays: collectors of garbage pass over it, which takes them most of a second each time."""
    gc.freeze()


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Two rendered scenes with a hard cut between frames CUT - 1 and CUT; exactly what `high_clip` decodes to."""
    return [eight_bit(picture) for picture in rendered(0, CUT, seed=3) + rendered(CUT, FRAMES - CUT, seed=11)]


@pytest.fixture(scope="session")
def high_clip(pictures, tmp_path_factory) -> Path:
    """The pictures as a high-resolution clip."""
    return write_clip(tmp_path_factory.mktemp("clips") / "high.mkv", pictures)


@pytest.fixture(scope="session")
def low_clip(pictures, tmp_path_factory) -> Path:
    """The pictures made small, with nothing beside them."""
    return write_clip(tmp_path_factory.mktemp("low") / "low.mkv", [degrade(picture) for picture in pictures])


@pytest.fixture(scope="session")
def hybrid_clip(high_clip) -> Path:
    """All frames small, and frames 0, EVERY, 2 * EVERY ... sharp as a second track."""
    path = high_clip.with_name("hybrid.mkv")
    with VideoSource(high_clip) as clip:
        write_hybrid(clip, path, EVERY)
    return path


@pytest.fixture
def gpu() -> None:
    """Skips where there is no CUDA device, and fails where LFVIDEO_REQUIRE_GPU=1 says that there is one."""
    import torch

    if not torch.cuda.is_available():
        if os.environ.get("LFVIDEO_REQUIRE_GPU") == "1":
            pytest.fail("LFVIDEO_REQUIRE_GPU is 1, and torch finds no GPU")
        pytest.skip("needs a CUDA device")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def kernel_device(request) -> str:
    """Where a Triton kernel is checked: through Triton's interpreter on a CPU, and on a GPU where there is one."""
    if request.param == "cuda":
        request.getfixturevalue("gpu")
    return request.param


_made_command = cache(typer.main.get_command)  # to make all commands anew takes as long as many a run


@pytest.fixture
def run(monkeypatch, capsys) -> Callable[..., Outcome]:
    """Runs a command line in this process."""
    monkeypatch.setattr(typer.main, "get_command", _made_command)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["lfvideo-sr", *map(str, arguments)])
        for name in ("LFVIDEO_DEBUG", "LFVIDEO_MAX_PIXELS"):  # which options set for the process
            monkeypatch.setenv(name, "")
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        return Outcome(code, *capsys.readouterr())

    return run
