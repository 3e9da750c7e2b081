"""The trainer on rendered scenes: it learns, it stops and goes on exactly, it says what it lacks."""

import csv
from dataclasses import replace

import pytest
import torch

from lfvideo_sr.choose import make_engine
from lfvideo_sr.errors import InputError
from lfvideo_sr.trainers.export import export_weights
from lfvideo_sr.trainers.stream_ref import StreamRefConfig, train
from lfvideo_sr.training.loop import rise_and_fall


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return StreamRefConfig(
        trainer="stream_ref", clips=(), scenes=3, rendered=1.0, channels=16, blocks=1, matching=8, batch=2, max_steps=4,
        decay_steps=2, warmup_steps=2, report_every=2, precision="32-true", save_minutes=1e9,
        cache=str(folder / "cache"), output=str(folder / "whole"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole_run(config):
    return train(config)


def course(config):
    with open(f"{config.output}/log.csv", newline="") as file:
        return [(row["step"], row["loss"], row["picture"]) for row in csv.DictReader(file)]


def test_a_stopped_run_goes_on_exactly(config, whole_run, tmp_path):
    parts = replace(config, output=str(tmp_path / "parts"))
    stopped = train(replace(parts, stop_after=3))
    assert torch.load(stopped, weights_only=True)["step"] == 3
    finished = train(parts)
    whole, other = (torch.load(path, weights_only=True) for path in (whole_run, finished))
    assert whole["step"] == other["step"] == 4
    assert all(torch.equal(whole["averaged"][key], other["averaged"][key]) for key in whole["averaged"])
    assert course(config) == course(parts)


def test_weights_from_a_checkpoint_run_in_an_engine(whole_run, tmp_path):
    target = tmp_path / "mine.safetensors"
    about = export_weights(whole_run, target)
    assert about["steps"] == 4
    with make_engine("stream_ref", weights=str(target), device="cpu", dtype="fp32") as engine:
        assert engine.info.name == "stream_ref"


def test_what_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "last.pt").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no checkpoint"):
        export_weights(tmp_path / "last.pt", tmp_path / "w.safetensors")
    assert not (tmp_path / "w.safetensors").exists()


def test_missing_clips_are_named(config, tmp_path, monkeypatch):
    monkeypatch.setenv("LFVIDEO_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"street\.mp4"):
        train(replace(config, clips=("street.mp4",), output=str(tmp_path / "out")))
    monkeypatch.delenv("LFVIDEO_DATA")
    with pytest.raises(InputError, match="set LFVIDEO_DATA"):
        train(replace(config, clips=("street.mp4",), output=str(tmp_path / "out")))


def test_learning_rate_rises_holds_and_falls():
    share = rise_and_fall(100, warmup=10, decay=20)
    rates = [share(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9:81] == [1.0] * 72 and rates[-1] == pytest.approx(0.05)
