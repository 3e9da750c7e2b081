"""What `train` does besides training."""

import pytest
import yaml

from lfvideo_sr.commands.train import config_file, shipped_configs


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
