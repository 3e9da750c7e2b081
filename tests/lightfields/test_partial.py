"""Folders that take the place of an earlier run's, and never of anything else."""

import pytest

from lfvideo_sr.errors import OutputError
from lfvideo_sr.lightfields.partial import check_folder, replace_folder
from lfvideo_sr.media.partial import claim_partial, partial_of


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


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling link"])
@pytest.mark.parametrize("as_folder", [False, True])
def test_an_unfinished_name_that_somebody_has_is_left_alone(kind, as_folder, tmp_path):
    name = tmp_path / "sr.partial"
    (tmp_path / "dear").write_text("dear")
    {
        "file": lambda: name.write_text("dear"),
        "folder": lambda: folder_of(name, "thesis.docx"),
        "link": lambda: name.symlink_to(tmp_path / "dear"),
        "dangling link": lambda: name.symlink_to(tmp_path / "nowhere"),
    }[kind]()
    claimed = claim_partial(tmp_path / "sr", folder=as_folder)
    assert claimed == tmp_path / "sr.partial-2" and claimed.is_dir() == as_folder
    assert claim_partial(tmp_path / "sr", folder=as_folder) == tmp_path / "sr.partial-3"
    assert (tmp_path / "dear").read_text() == "dear" and not (tmp_path / "nowhere").exists()
    if kind == "folder":
        assert (name / "thesis.docx").read_text() == "thesis.docx"
