"""A method and a trainer are added by the files and the lines that CONTRIBUTING.md names, and by nothing else."""

import sys
from pathlib import Path

import numpy as np
import pytest
import toy_method
import toy_trainer
from small_clips import EVERY, FRAMES, LOW, frames_of

from lfvideo_sr.commands.train import TRAINERS
from lfvideo_sr.methods import METHODS, Entry

CONTRIBUTING = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text()
FAST = ("--codec", "ffv1", "--device", "cpu", "--dtype", "fp32", "--ref-every", str(EVERY))


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """Two files, as if they were in their folders, and a line in each table."""
    monkeypatch.setitem(sys.modules, "lfvideo_sr.methods.toy", toy_method)
    monkeypatch.setitem(METHODS, "toy", Entry("toy", learned=True))
    monkeypatch.setitem(sys.modules, "lfvideo_sr.trainers.toy", toy_trainer)
    monkeypatch.setitem(TRAINERS, "toy", ("toy", "ToyConfig"))


@pytest.fixture
def trained(run, tmp_path) -> Path:
    """The checkpoint of a run of `lfvideo-sr train`."""
    config = tmp_path / "toy.yaml"
    config.write_text(f"trainer: toy\nmax_steps: 10\nbatch: 1\noutput: {tmp_path / 'run'}\n")
    outcome = run("train", config)
    assert outcome.code == 0, outcome.err
    return tmp_path / "run" / "last.pt"


def test_contributing_names_the_files_and_the_tables():
    for name in ("lfvideo_sr/methods/x.py", "METHODS", "trainers/x.py", "configs/x.yaml", "TRAINERS"):
        assert f"`{name}`" in CONTRIBUTING


def test_a_new_method_is_trained_streamed_exported_and_described(trained, run, hybrid_clip, tmp_path):
    weights = tmp_path / "toy.safetensors"
    assert run("weights", "export", trained, "-o", weights).code == 0
    again = run("weights", "export", trained, "-o", weights)
    assert again.code == 3 and "--overwrite" in again.line
    assert run("weights", "export", trained, "-o", weights, "--overwrite").code == 0
    outcome = run("stream", hybrid_clip, "-o", tmp_path / "out.mkv", "--method", "toy", "--weights", weights, *FAST)
    assert outcome.code == 0, outcome.err
    pictures = frames_of(tmp_path / "out.mkv")
    assert len(pictures) == FRAMES and pictures[0].shape == (3, 4 * LOW.height, 4 * LOW.width)
    assert run("info", "toy").out.startswith("method      toy: adds a learned share")


def test_what_it_learned_is_what_it_does(trained, run, hybrid_clip, tmp_path):
    def streamed(method: str, *options: object) -> np.ndarray:
        output = tmp_path / f"{method}.mkv"
        assert run("stream", hybrid_clip, "-o", output, "--method", method, *options, *FAST).code == 0
        return np.stack(frames_of(output))

    with_references = streamed("toy", "--weights", trained)
    plain = streamed("bicubic")
    restored = [number for number in range(FRAMES) if number % EVERY]  # the others are references, passed on
    assert np.abs(with_references[restored] - plain[restored]).max() > 0.1


def test_a_new_trainer_is_named_where_a_name_is_none(run, tmp_path):
    config = tmp_path / "toy.yaml"
    config.write_text("trainer: toi\n")
    assert "did you mean 'toy'?" in run("train", config).line
