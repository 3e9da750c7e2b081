"""The trainer of stream_ref on rendered scenes: it learns, it stops and goes on exactly, it says what it lacks."""

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open

from lfvideo_sr import configs
from lfvideo_sr.choose import make_engine
from lfvideo_sr.config import load_config
from lfvideo_sr.errors import InputError
from lfvideo_sr.trainers.export import export_weights
from lfvideo_sr.trainers.stream_ref import StreamRefConfig, train
from lfvideo_sr.training.scenes import grid_views
from lfvideo_sr.training.task import rise_and_fall


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return StreamRefConfig(
        trainer="stream_ref", clips=(), scenes=3, rendered=1.0, channels=16, blocks=1, matching=8, frames=2, graded=1,
        crop=24, batch=2, max_steps=4,
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


@pytest.mark.parametrize("half", [False, True])
def test_weights_from_a_checkpoint_run_in_an_engine(whole_run, tmp_path, half):
    target = tmp_path / "mine.safetensors"
    about = export_weights(whole_run, target, half=half)
    assert about["steps"] == 4
    with safe_open(str(target), framework="pt") as file:
        assert file.get_tensor(next(iter(file.keys()))).dtype == (torch.float16 if half else torch.float32)
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


def test_the_configuration_for_light_fields_goes_on_from_the_shipped_weights(tmp_path):
    shipped = load_config(Path(configs.__path__[0]) / "stream_ref_lf.yaml", StreamRefConfig)
    smaller = {"scenes": 1, "grids": 1, "batch": 1, "max_steps": 1, "decay_steps": 1, "report_every": 1}
    pictures = {}
    for start in (shipped.start, ""):
        config = replace(
            shipped, **smaller, start=start, cache=str(tmp_path / "cache"), output=str(tmp_path / f"run{start}")
        )
        train(config)
        ((step, _, picture),) = course(config)
        assert step == "1"
        pictures[start] = float(picture)
    assert pictures["stream_ref"] < pictures[""] - 0.5


def test_views_of_a_rendered_light_field_lie_where_the_flow_says():
    views = grid_views(np.random.default_rng(3), 72)
    assert views.high.shape == (3, 3, 288, 288) and views.low.shape == (3, 3, 72, 72)
    assert views.flow.shape == (1, 2, 288, 288, 2)
    y, x = np.mgrid[:288, :288].astype(np.float32)
    for number in (0, 1):
        moved = views.flow[0, number]
        reference = views.high[1 + number].transpose(1, 2, 0).astype(np.float32)
        fetched = cv2.remap(
            reference, x + moved[..., 0], y + moved[..., 1], cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE
        )
        apart, unmoved = (
            np.abs(picture - views.high[0].transpose(1, 2, 0)).mean(-1) for picture in (fetched, reference)
        )
        seen = views.visible[0, number]
        assert apart[seen].mean() < 0.5 * unmoved[seen].mean()
