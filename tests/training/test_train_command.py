"""What `train` does besides training."""

from lfvideo_sr.commands.train import clear_run


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
