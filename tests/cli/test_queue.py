"""Many clips in one command: one bad file does not stop the others, and a rerun does only what failed."""

import os
import shutil
from pathlib import Path

import pytest
from command_line import FAST
from small_clips import FRAMES, ticks_of

from lfvideo_sr.commands.stream import StreamCommand

CLIPS = 10
BAD = (3, 7)


@pytest.fixture
def folder(low_clip, tmp_path) -> Path:
    """Ten clips of which two are damaged."""
    clips = tmp_path / "in"
    clips.mkdir()
    for number in range(CLIPS):
        shutil.copy(low_clip, clips / f"{number}.mkv")
    for number in BAD:
        (clips / f"{number}.mkv").write_bytes(b"not a video" * 100)
    return clips


def outputs(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.mkv")}


def test_ten_clips_with_two_bad_ones_and_a_rerun(folder, low_clip, tmp_path, run):
    command = ("stream", folder / "*.mkv", "-o", tmp_path / "out", "--no-refs", *FAST)
    done = run(*command)
    assert done.code == 6 and "2 of 10 clips failed: " in done.line and "3.mkv" in done.line and "7.mkv" in done.line
    assert outputs(tmp_path / "out") == {f"{number}_x4.mkv" for number in range(CLIPS) if number not in BAD}
    assert "8 of 10 clips are done" in done.out and done.out.count("\nfailed      ") == 2
    assert all(len(ticks_of(path)) == FRAMES for path in (tmp_path / "out").glob("*.mkv"))

    for number in BAD:
        shutil.copy(low_clip, folder / f"{number}.mkv")
    again = run(*command)
    assert again.code == 0 and again.out.count("is already done") == 8 and "10 of 10 clips are done" in again.out
    assert len(outputs(tmp_path / "out")) == CLIPS


def test_a_list_names_clips_as_seen_from_its_folder(folder, tmp_path, run):
    names = folder / "clips.txt"
    names.write_text("# the good ones\n0.mkv\n\n1.mkv\n")
    done = run("stream", names, "-o", tmp_path / "out", "--no-refs", *FAST)
    assert done.code == 0 and outputs(tmp_path / "out") == {"0_x4.mkv", "1_x4.mkv"}


def test_what_cannot_be_a_queue_is_refused_before_the_work(folder, low_clip, tmp_path, run):
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (folder / "more").mkdir()
    shutil.copy(low_clip, folder / "more" / "0.mkv")
    (tmp_path / "twice.txt").write_text("in/0.mkv\nin/more/0.mkv\n")
    (tmp_path / "file").write_text("")
    refusals = [
        ((tmp_path / "empty.txt",), 3, "lists no clips"),
        ((tmp_path / "nowhere.txt",), 3, "cannot be read as a list"),
        ((folder / "*.avi",), 3, "matches no file"),
        ((tmp_path / "twice.txt", "-o", tmp_path / "out"), 2, "would both become"),
        ((folder / "*.mkv", "-o", tmp_path / "file"), 3, "is a file"),
        ((folder / "*.mkv", "--report", tmp_path / "r.json"), 2, "--report names one file"),
    ]
    for arguments, code, reason in refusals:
        refused = run("stream", *arguments, *FAST)
        assert refused.code == code and reason in refused.line
    assert not list(tmp_path.rglob("*_x4*"))


def test_an_error_of_ours_costs_its_clip_and_not_those_after_it(folder, low_clip, tmp_path, run, monkeypatch):
    plain = StreamCommand.run

    def failing(command: StreamCommand) -> None:
        if command.input.name == "1.mkv":
            raise ZeroDivisionError("of ours")
        plain(command)

    for number in BAD:
        shutil.copy(low_clip, folder / f"{number}.mkv")
    monkeypatch.setattr(StreamCommand, "run", failing)
    done = run("stream", folder / "[0-2].mkv", "-o", tmp_path / "out", "--no-refs", *FAST)
    assert done.code == 6 and "1 of 3 clips failed" in done.line and "ZeroDivisionError: of ours" in done.out
    assert outputs(tmp_path / "out") == {"0_x4.mkv", "2_x4.mkv"}


def test_a_list_may_name_clips_by_any_bytes(low_clip, tmp_path, run):
    name = os.fsdecode(b"caf\xe9.mkv")
    shutil.copy(low_clip, tmp_path / name)
    (tmp_path / "clips.txt").write_bytes(b"caf\xe9.mkv\n")
    done = run("stream", tmp_path / "clips.txt", "-o", tmp_path / "out", "--no-refs", *FAST)
    assert done.code == 0 and outputs(tmp_path / "out") == {os.fsdecode(b"caf\xe9_x4.mkv")}
    (tmp_path / "binary.txt").write_bytes(b"a\0b")
    assert "cannot be read as a list" in run("stream", tmp_path / "binary.txt", *FAST).line
