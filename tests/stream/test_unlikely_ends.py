"""Runs that end in unlikely places: between output and report, with an input that changes, without their folder."""

import os
import shutil
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from command_line import report_of
from odd_media import packets
from small_clips import write_clip

from lfvideo_sr.commands.output_target import OutputTarget
from lfvideo_sr.commands.stream import StreamCommand
from lfvideo_sr.media import partial
from lfvideo_sr.media.segment_sink import SegmentSink
from lfvideo_sr.stream.journal import Journal

FAST = ("--method", "bicubic", "--codec", "ffv1", "--progress", "plain")
FRAMES = 70  # two segments, of 64 and 6


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Flat pictures of 16x16, each brighter than the one before."""
    pictures = [np.full((3, 16, 16), number / FRAMES, np.float32) for number in range(FRAMES)]
    return write_clip(tmp_path_factory.mktemp("flat") / "in.mkv", pictures)


@pytest.fixture
def output(tmp_path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "out.mkv"


def assert_whole(output: Path) -> None:
    assert (
        len(packets(output, "video")) == FRAMES == report_of(output)["frames"] + report_of(output)["frames_done_before"]
    )
    assert {path.name for path in output.parent.iterdir()} == {"out.mkv", "out.report.json"}


def at_frame(patching: pytest.MonkeyPatch, number: int, act) -> None:
    """Do something when so many frames are encoded."""
    plain, calls = SegmentSink.encode, count()

    def encode(sink: SegmentSink, picture: object) -> None:
        if next(calls) == number:
            act()
        plain(sink, picture)

    patching.setattr(SegmentSink, "encode", encode)


def full(*arguments: object) -> None:
    raise OSError(28, "No space left on device")


class Killed(BaseException):
    """Ends a run in this process as a kill does: nobody handles it."""


def end_at(patching: pytest.MonkeyPatch, owner: object, name: str) -> None:
    def end(*arguments: object, **options: object) -> None:
        raise Killed

    patching.setattr(owner, name, end)


def test_a_run_killed_before_its_report_is_finished_by_the_same_command(clip, output, run, monkeypatch):
    with monkeypatch.context() as killed, pytest.raises(Killed):
        end_at(killed, OutputTarget, "write_report")
        run("stream", clip, "-o", output, *FAST)
    assert len(packets(output, "video")) == FRAMES and not output.with_suffix(".report.json").exists()
    refused = run("stream", clip, "-o", output, *FAST, "--crf", "30")
    assert refused.code == 5 and "begun with another encoding" in refused.line
    assert run("stream", clip, "-o", output, *FAST).code == 0
    assert_whole(output)


def test_an_output_that_somebody_changed_before_the_report_is_theirs(clip, output, run, monkeypatch):
    with monkeypatch.context() as killed, pytest.raises(Killed):
        end_at(killed, OutputTarget, "write_report")
        run("stream", clip, "-o", output, *FAST)
    output.write_bytes(b"mine")
    assert "exists; pass --overwrite" in run("stream", clip, "-o", output, *FAST).line
    assert output.read_bytes() == b"mine"


def test_what_a_run_killed_after_its_report_left_goes_with_the_next_run(clip, output, run, monkeypatch):
    with monkeypatch.context() as killed, pytest.raises(Killed):
        end_at(killed, Journal, "remove")
        run("stream", clip, "-o", output, *FAST)
    assert (output.parent / "out.mkv.work" / "000000.nut").exists()
    assert "already done" in run("stream", clip, "-o", output, *FAST).out
    assert_whole(output)


def test_no_segment_of_an_input_that_changed_is_recorded(clip, output, run, tmp_path, monkeypatch):
    copy = shutil.copy2(clip, tmp_path / "in.mkv")
    state = copy.stat()
    with monkeypatch.context() as changing:
        at_frame(changing, 30, lambda: os.utime(copy, ns=(0, 0)))
        failed = run("stream", copy, "-o", output, *FAST)
    assert failed.code == 3 and "changed while it was read" in failed.line
    os.utime(copy, ns=(state.st_atime_ns, state.st_mtime_ns))
    done = run("stream", copy, "-o", output, *FAST)
    assert done.code == 0 and "going on" not in done.out
    assert_whole(output)


def test_an_input_that_changed_before_it_was_opened_is_said(clip, output, run, tmp_path, monkeypatch):
    copy, plain = shutil.copy2(clip, tmp_path / "in.mkv"), StreamCommand._engine

    def changing(command: StreamCommand, *arguments: object) -> object:
        os.utime(copy, ns=(0, 0))
        return plain(command, *arguments)

    monkeypatch.setattr(StreamCommand, "_engine", changing)
    assert "changed while it was opened" in run("stream", copy, "-o", output, *FAST).line
    assert list(output.parent.iterdir()) == []


def test_a_part_that_cannot_be_recorded_is_not_left_for_good(clip, output, run, monkeypatch):
    def stop() -> None:
        raise KeyboardInterrupt

    at_frame(monkeypatch, 66, stop)
    monkeypatch.setattr(Journal, "add_partial", full)
    assert run("stream", clip, "-o", output, *FAST).code == 130
    assert [path.name for path in output.parent.iterdir()] == ["out.mkv.work"]


def test_a_report_that_was_being_written_leaves_nothing_beside_it(clip, output, run, monkeypatch):
    with monkeypatch.context() as killed, pytest.raises(Killed):
        end_at(killed, partial, "put_in_place")  # of the report
        killed.setattr(Path, "unlink", lambda path, missing_ok=False: None)  # nothing tidies up after a kill
        run("stream", clip, "-o", output, *FAST)
    assert {path.name for path in output.parent.iterdir()} <= {"out.mkv", "out.mkv.work"}


def test_a_folder_that_disappears_ends_a_run_in_one_line(clip, output, run, monkeypatch):
    at_frame(monkeypatch, 50, lambda: shutil.rmtree(output.parent))
    failed = run("stream", clip, "-o", output, *FAST)
    assert failed.code == 3 and "cannot be written" in failed.line and not output.parent.exists()
