"""The command line as a whole: help and lists, and in a process of its own, also one that is interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import FAST
from small_clips import rendered, ticks_of, write_clip

import lfvideo_sr
from lfvideo_sr.frames import Size
from lfvideo_sr.methods import METHODS

COMMAND = [sys.executable, "-m", "lfvideo_sr"]


def test_debug_shows_the_traceback(run, tmp_path, monkeypatch):
    with pytest.raises(lfvideo_sr.LFVideoError):
        run("--debug", "stream", tmp_path / "nowhere.mkv", "--method", "bicubic")


def test_help_version_and_lists(run):
    assert "--ref-every" in run("stream", "--help").out
    assert run("version").out.strip() == lfvideo_sr.__version__
    assert "stream_ref" in run("weights", "list").out
    assert json.loads(run("info", "--json").out)["methods"] == list(METHODS)
    bare = run()
    assert bare.code == 2 and "Commands:" in bare.err and len(bare.err.splitlines()) > 5


def test_encoders_that_are_tried_out_keep_quiet(tmp_path):
    """Their libraries print past Python, so the whole process is looked at."""
    done = subprocess.run([*COMMAND, "info"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and "libx265" in done.stdout


def test_a_name_that_cannot_be_shown_is_no_obstacle(low_clip, tmp_path):
    arguments = [*COMMAND, "stream", str(low_clip), "-o", "größer.mkv", "--method", "bicubic", "--frames", "1"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0 and done.stderr == "" and r"gr\xf6\xdfer.mkv" in done.stdout
    assert (tmp_path / "größer.mkv").exists()


def test_a_real_process_says_the_same(low_clip, tmp_path):
    words = ("--method", "bicubic", "--codec", "ffv1", "--frames", "2")
    arguments = [*COMMAND, "stream", str(low_clip), "-o", str(tmp_path / "out.mkv"), *words]
    done, again, bad = (
        subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
        for command in (arguments, arguments, [*arguments, "--ref-every", "0"])
    )
    assert done.returncode == again.returncode == 0 and done.stderr == again.stderr == ""
    assert "already done" in again.stdout
    assert bad.returncode == 2 and len(bad.stderr.splitlines()) == 1 and "Traceback" not in bad.stderr


def interruptible(folder: Path, *arguments: object) -> subprocess.Popen:
    """A process that heeds signals even where the tests themselves run in the background and ignore them."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGTERM)],
    )  # fmt: skip


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory) -> Path:
    return write_clip(tmp_path_factory.mktemp("long") / "in.mkv", rendered(0, 40, seed=5, size=Size(48, 32)) * 10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])  # Ctrl-C, and what schedulers send
def test_an_interrupt_ends_with_130_and_leaves_what_plays(number, long_clip, tmp_path):
    arguments = ("stream", long_clip, "-o", tmp_path / "out.mkv", *FAST, "--progress", "json")
    with interruptible(tmp_path, *arguments) as process:
        for line in process.stdout:
            if "frame" in json.loads(line):
                break
        process.send_signal(number)
        printed, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.splitlines() == ["lfvideo-sr: interrupted"]
    partial = tmp_path / "out.partial.mkv"
    assert set(tmp_path.iterdir()) == {partial, tmp_path / "out.mkv.work"} and str(partial) in printed
    assert 0 < len(ticks_of(partial)) < 400


def wait_for_numpy(process: subprocess.Popen) -> None:
    """Until the process has read its command line and is loading what that needs: seconds on a busy machine."""
    maps = Path(f"/proc/{process.pid}/maps")
    for _ in range(600 if maps.exists() else 10):
        if maps.exists() and "numpy" in maps.read_text():
            return
        time.sleep(0.05)


def test_an_interrupt_while_it_starts_leaves_nothing(tmp_path, low_clip):
    with interruptible(tmp_path, "stream", low_clip, "-o", "out.mkv", "--method", "stream_ref") as process:
        wait_for_numpy(process)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in error
    assert list(tmp_path.iterdir()) == []
