"""What `train` does besides training."""

import pytest
import yaml

from lfvideo_sr.commands import train
from lfvideo_sr.commands.train import config_file, shipped_configs
from lfvideo_sr.training import course


@pytest.mark.parametrize("name", ["stream_ref", "c2_fixed_small"])
def test_a_shipped_configuration_is_found_by_name_in_either_folder(name):
    with config_file(name) as path:
        assert path.name == f"{name}.yaml" and f"output: runs/{name}" in path.read_text()


def test_an_unknown_configuration_is_refused_with_the_nearest_name_or_all(run):
    near = run("train", "c2_fixd_small")
    assert near.code == 2 and "did you mean 'c2_fixed_small'?" in near.line
    far = run("train", "zzz")
    assert far.code == 2 and all(name in far.line for name in shipped_configs())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("max_steps: [&a [1, 1], *a, *a]", "an alias, which is not read"),
        ("max_steps: 2001-99-99", "cannot be read as YAML"),
        (f"max_steps: {'[' * 600}", "cannot be read as YAML"),
        (f"batch: [{', '.join(['1'] * 1000)}]", "int is wanted"),
    ],
    ids=["aliases", "no date", "deep", "long"],
)
def test_a_configuration_that_cannot_be_used_is_one_short_line(run, tmp_path, line, message):
    file = tmp_path / "run.yaml"
    file.write_text(f"trainer: features\n{line}\n")
    outcome = run("train", file)
    assert outcome.code == 2 and message in outcome.line and len(outcome.line) < 400


def test_stages_run_one_after_the_other_and_finished_ones_are_passed_over(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    common = {"trainer": "sisr", "photos": ["rendered:1"], "channels": 4, "blocks": 1, "side": 16, "batch": 1}
    for name in ("first", "second"):
        text = yaml.safe_dump({**common, "max_steps": 2, "report_every": 1, "output": name})
        (tmp_path / f"{name}.yaml").write_text(text)
    outcome = run("train", "first.yaml", "second.yaml")
    assert outcome.code == 0, outcome.err
    heads = [line for line in outcome.out.splitlines() if line.startswith("training ")]
    assert heads == ["training first.yaml", "training second.yaml"]
    logs = [(tmp_path / name / "log.csv").read_text() for name in ("first", "second")]
    again = run("train", "first.yaml", "second.yaml")
    assert again.code == 0 and "/2" not in again.out  # no step is taken
    assert logs == [(tmp_path / name / "log.csv").read_text() for name in ("first", "second")]


def test_one_folder_is_not_for_several_runs(run):
    outcome = run("train", "sisr_small", "c2_equal", "-o", "runs/both")
    assert outcome.code == 2 and "-o names one folder, and there are 2 runs" in outcome.line


def test_a_run_prints_at_once_and_goes_on_printing_where_there_is_no_bar(run, tmp_path, monkeypatch):
    monkeypatch.setattr(course, "_SILENT", 0.0)
    file = tmp_path / "run.yaml"
    lines = ("trainer: features", "photos: ['rendered:1']", "width: 4", "side: 32", "batch: 2", "report_every: 100")
    file.write_text("\n".join(lines))
    outcome = run("train", file, "--max-steps", "3", "-o", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    printed = outcome.out.splitlines()
    assert printed[0] == f"train       {file}: looking for the data, then loading torch"
    assert printed[1].startswith("train       3 steps of 2 samples, into ")
    assert [line.split()[0] for line in printed[2:5]] == ["1/3", "2/3", "3/3"] and "left" in printed[2]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("clips: [a.mp4, b.mp4]", "lacks 2 of 2 training clips, first a.mp4; set LFVIDEO_DATA"),
        ("photos: [nowhere]", "nowhere holds no pictures to train on"),
        ("pairs: [nowhere]", "nowhere holds no training pairs"),
    ],
)
def test_data_that_are_missing_are_named_before_the_trainer_is_loaded(run, tmp_path, monkeypatch, line, message):
    monkeypatch.setenv("LFVIDEO_DATA", str(tmp_path))
    monkeypatch.setattr(train, "_import", lambda module: pytest.fail("the trainer was loaded"))
    (tmp_path / "run.yaml").write_text(f"trainer: stream_ref\n{line}\n")
    outcome = run("train", tmp_path / "run.yaml")
    assert outcome.code == 3 and message in outcome.line
