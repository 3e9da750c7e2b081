"""What a run may replace and remove in its folder: its own files, and nothing else."""

import pytest
from small_runs import saved
from test_loop import scoring, straight

from lfvideo_sr.errors import InputError, OutputError
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.run_folder import LIST, RunFolder
from lfvideo_sr.training.task import Task


def strange(folder, *names):
    """Files that no run has written."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("somebody's")


def untouched(folder, *names):
    return all((folder / name).read_text() == "somebody's" for name in names)


OTHERS = ("config.yaml", "log.csv", "best.pt", "pictures/wedding.jpg")


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("name", ["config.yaml", "log.csv", "last.pt", "best.pt", "last.tmp"])
def test_a_folder_with_files_of_something_else_is_refused(tmp_path, name, resume):
    strange(tmp_path, *OTHERS, name)
    with pytest.raises(OutputError, match="is not a run's; move it away, or give another folder with -o"):
        straight(tmp_path, max_steps=1, resume=resume)
    assert untouched(tmp_path, *OTHERS, name) and not (tmp_path / LIST).exists()


def test_starting_anew_removes_what_the_run_wrote_and_nothing_else(tmp_path):
    straight(tmp_path, scoring([1.0, 2.0]), validate_every=1, max_steps=2)
    strange(tmp_path, "notes.txt", "pictures/wedding.jpg", "tensorboard/notes.txt")
    before = {path.name for path in (tmp_path / "tensorboard").iterdir()}
    _, config, _ = straight(tmp_path, max_steps=1, resume=False)
    assert untouched(tmp_path, "notes.txt", "pictures/wedding.jpg", "tensorboard/notes.txt")
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["wedding.jpg"]
    assert {path.name for path in (tmp_path / "tensorboard").iterdir()} & before == {"notes.txt"}
    assert saved(config)["step"] == 1 and not (tmp_path / "best.pt").exists()
    assert "resume: true" in (tmp_path / "config.yaml").read_text()


def test_a_run_of_an_earlier_version_which_kept_no_list_goes_on(tmp_path):
    straight(tmp_path, stop_after=2)
    (tmp_path / LIST).unlink()
    losses, config, _ = straight(tmp_path)
    assert len(losses.seen) == 4 and saved(config)["step"] == 6


def test_nothing_is_removed_before_a_sample_of_the_new_run_is_made(tmp_path):
    _, config, task = straight(tmp_path, max_steps=1)

    def broken(number):
        raise InputError("no such picture")

    with pytest.raises(InputError, match="no such picture"):
        fit(Task(task.network, task.about, task.steps, broken), type(config)(**{**vars(config), "resume": False}))
    assert saved(config)["step"] == 1


def test_a_list_reaches_no_file_outside_the_folder(tmp_path):
    run, album = tmp_path / "run", tmp_path / "album"
    strange(album, "a.jpg")
    RunFolder(run).claim()
    (run / "pictures").symlink_to(album)
    (run / LIST).write_text("../album/a.jpg\npictures/a.jpg\n" + (run / LIST).read_text())
    RunFolder(run).claim(resume=False)
    assert untouched(album, "a.jpg")


def test_two_trainings_do_not_write_to_one_folder(tmp_path):
    first = RunFolder(tmp_path)
    first.claim()
    for resume in (True, False):
        with pytest.raises(OutputError, match=f"another training writes to {tmp_path}; wait for it, or give another"):
            straight(tmp_path, max_steps=1, resume=resume)
    assert (tmp_path / LIST).exists() and not (tmp_path / "config.yaml").exists()
    first.close()
    straight(tmp_path, max_steps=1)
