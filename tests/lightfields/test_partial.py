"""Folders that take the place of an earlier run's, and never of anything else."""

import pytest

from lfvideo_sr.errors import OutputError
from lfvideo_sr.lightfields.partial import check_folder, partial_of, replace_folder


def folder_of(path, *names):
    path.mkdir()
    for name in names:
        (path / name).write_text(name)
    return path


def test_an_earlier_runs_folder_is_replaced_whole(tmp_path):
    target = folder_of(tmp_path / "sr", "view_0_0.png", "view_9_9.png", "parameters.cfg")
    check_folder(target)
    replace_folder(folder_of(partial_of(target), "view_0_0.png"), target)
    assert [path.name for path in target.iterdir()] == ["view_0_0.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["sr"]


@pytest.mark.parametrize("foreign", ["holiday.jpg", "notes.txt", "sub"])
def test_a_folder_with_anything_else_in_it_is_refused(foreign, tmp_path):
    target = folder_of(tmp_path / "mine", "view_0_0.png")
    (target / foreign).mkdir() if foreign == "sub" else (target / foreign).write_text("dear")
    with pytest.raises(OutputError, match=f"mine holds {foreign}, which would be deleted; give -o another"):
        check_folder(target)
    assert len(list(target.iterdir())) == 2
