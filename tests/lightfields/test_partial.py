"""Folders of pictures: what an earlier run has left is replaced, and nothing else is touched."""

import json

import pytest

from lfvideo_sr.errors import OutputError
from lfvideo_sr.lightfields.partial import PartialFolder
from lfvideo_sr.media.partial import claim_partial


def folder_of(path, *names):
    path.mkdir()
    for name in names:
        (path / name).write_text(name)
    return path


def report_beside(target, *names):
    target.with_name(f"{target.name}.report.json").write_text(json.dumps({"output_files": names}))


def test_what_an_earlier_run_has_left_is_replaced_and_all_else_stays(tmp_path):
    target = folder_of(tmp_path / "sr", "view_0_0.png", "view_9_9.png", "holiday.png", "notes.txt")
    (target / "sub").mkdir()
    report_beside(target, "view_0_0.png", "view_9_9.png", "../thesis.docx")
    (tmp_path / "thesis.docx").write_text("dear")
    folder = PartialFolder(target, ["view_0_0.png"])
    (folder.folder / "view_0_0.png").write_text("new")
    folder.close()
    assert sorted(path.name for path in target.iterdir()) == ["holiday.png", "notes.txt", "sub", "view_0_0.png"]
    assert (target / "view_0_0.png").read_text() == "new" and folder.files == ["view_0_0.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sr", "sr.report.json", "thesis.docx"]


def test_a_picture_that_would_be_taken_for_a_view_of_the_result_is_refused(tmp_path):
    target = folder_of(tmp_path / "mine", "view_9_9.png")
    with pytest.raises(OutputError, match=r"holds view_9_9\.png, which is none of the views .* remove it"):
        PartialFolder(target, ["view_0_0.png", "view_0_1.png"])
    PartialFolder(target, ["view_9_9.png"]).abort()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"] and len(list(target.iterdir())) == 1


def test_a_folder_that_a_view_is_called_is_refused(tmp_path):
    target = tmp_path / "sr"
    (target / "view_0_0.png").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"holds a folder view_0_0\.png"):
        PartialFolder(target, ["view_0_0.png"])


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
