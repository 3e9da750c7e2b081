"""What `train` does besides training."""

import pytest

from lfvideo_sr.commands.train import clear_run, config_file, shipped_configs


@pytest.mark.parametrize("name", ["stream_ref", "c2_fixed_small"])
def test_a_shipped_configuration_is_found_by_name_in_either_folder(name):
    with config_file(name) as path:
        assert path.name == f"{name}.yaml" and f"output: runs/{name}" in path.read_text()


def test_an_unknown_configuration_is_refused_with_the_nearest_name_or_all(run):
    near = run("train", "c2_fixd_small")
    assert near.code == 2 and "did you mean 'c2_fixed_small'?" in near.line
    far = run("train", "zzz")
    assert far.code == 2 and all(name in far.line for name in shipped_configs())


def test_starting_anew_removes_a_run_and_nothing_else(tmp_path):
    for name in ("notes.txt", "last.pt", "log.csv"):
        (tmp_path / name).touch()
    clear_run(tmp_path)  # without a config.yaml it is not known to be a run
    assert (tmp_path / "last.pt").exists()
    (tmp_path / "config.yaml").touch()
    (tmp_path / "pictures").mkdir()
    clear_run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    clear_run(tmp_path / "nowhere")
