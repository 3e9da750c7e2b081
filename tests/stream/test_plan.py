"""A run as pieces that anybody may make, in any order, and what joining them refuses."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from odd_media import packets, write_alpha
from round_trips import stamps
from small_clips import rendered, write_clip

from lfvideo_sr.choose import EngineOptions, make_engine
from lfvideo_sr.commands.cluster import run_with_ray
from lfvideo_sr.commands.plan import join_planned, plan_of
from lfvideo_sr.commands.stream import StreamCommand
from lfvideo_sr.errors import InputError, LFVideoError, OutputError, ResumeRefused
from lfvideo_sr.frames import Size
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.references.hybrid_file import write_hybrid
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions
from lfvideo_sr.stream.output import EncodingOptions
from lfvideo_sr.stream.plan import RunPlan, join_plan, remove_pieces, run_segment
from lfvideo_sr.stream.segments import SegmentSelection

FRAMES = 110


@pytest.fixture(scope="module")
def command(tmp_path_factory) -> StreamCommand:
    """Of a hybrid file of two scenes, 110 frames, references every 8; its output is made by an unbroken run."""
    folder, size = tmp_path_factory.mktemp("planned"), Size(96, 64)
    high = write_clip(folder / "high.mkv", rendered(0, 50, 3, size) + rendered(50, FRAMES - 50, 11, size))
    write_hybrid(VideoSource(high), folder / "in.mkv", 8)
    command = StreamCommand(
        folder / "in.mkv", folder / "out.mkv", StreamOptions(), EncodingOptions(preset="ultrafast"),
        EngineOptions("flow_transfer"), progress="none",
    )  # fmt: skip
    command.run()
    return command


@pytest.fixture(scope="module")
def plan(command) -> RunPlan:
    return plan_of(command)


@pytest.fixture(scope="module")
def pieces(plan, tmp_path_factory) -> Path:
    """All pieces of the plan, made last first."""
    folder = tmp_path_factory.mktemp("pieces")
    with make_engine("flow_transfer") as engine:
        for number in reversed(range(len(plan.segments))):
            run_segment(plan, number, engine, folder)
    return folder


@pytest.fixture
def own_pieces(pieces, tmp_path) -> Path:
    return Path(shutil.copytree(pieces, tmp_path / "pieces"))


def test_a_plan_is_text_that_says_the_same_again(plan):
    assert RunPlan.of_text(plan.text()) == plan and RunPlan.of_text(plan.text()).name == plan.name
    assert sum(frames for _, frames in plan.segments) == FRAMES and len(plan.segments) == 4
    assert all(first % 8 == 0 for first, _ in plan.segments)  # at references
    with pytest.raises(InputError, match="not a plan"):
        RunPlan.of_text("{}")


def test_pieces_joined_are_the_unbroken_run(command, plan, pieces, tmp_path):
    join_plan(plan, pieces, tmp_path / "joined.mkv")
    assert packets(tmp_path / "joined.mkv", "video") == packets(command.output, "video")
    assert stamps(tmp_path / "joined.mkv") == stamps(command.output)


def test_a_piece_that_is_there_is_not_made_again(plan, own_pieces):
    before = (own_pieces / "000001.nut").stat().st_mtime_ns
    with make_engine("flow_transfer") as engine:
        run_segment(plan, 1, engine, own_pieces)
        assert (own_pieces / "000001.nut").stat().st_mtime_ns == before
        content = (own_pieces / "000001.nut").read_bytes()
        (own_pieces / "000001.nut").write_bytes(content[:-1])
        run_segment(plan, 1, engine, own_pieces)
    assert (own_pieces / "000001.nut").read_bytes() == content
    with pytest.raises(InputError, match="segment 9 is not in the plan"), make_engine("flow_transfer") as engine:
        run_segment(plan, 9, engine, own_pieces)


def test_a_segment_is_restored_without_reading_on_behind_it(plan):
    first, frames = plan.segment(1)
    with make_engine("flow_transfer") as engine, StreamJob(plan.input, engine, plan.options) as job:
        restored = list(job.restored(SegmentSelection(only=1)))
        assert [each.frame.index for each in restored] == list(range(first, first + frames))
        assert job.resolver.seen == first + frames + 1 < FRAMES


def test_a_piece_of_a_clip_that_changes_meanwhile_is_not_recorded(plan, tmp_path, monkeypatch):
    def changed(source: VideoSource) -> None:
        raise InputError("it changed while it was read")

    monkeypatch.setattr(VideoSource, "check_unchanged", changed)
    with make_engine("flow_transfer") as engine, pytest.raises(InputError, match="changed while it was read"):
        run_segment(plan, 0, engine, tmp_path / "pieces")
    assert list((tmp_path / "pieces").iterdir()) == []


@pytest.mark.parametrize("name, is_kept", [("out.mkv", True), ("out.mp4", False)])
def test_a_piece_has_the_transparency_that_the_output_can_keep(name, is_kept, tmp_path):
    clip = write_alpha(tmp_path / "in.mkv")
    command = StreamCommand(
        clip, tmp_path / name, StreamOptions(), EncodingOptions("libvpx-vp9"), EngineOptions("bicubic"), progress="none"
    )
    plan = plan_of(command)
    with make_engine("bicubic") as engine:
        for number in range(len(plan.segments)):
            run_segment(plan, number, engine, tmp_path / "pieces")
    join_plan(plan, tmp_path / "pieces", tmp_path / name)
    assert VideoSource(tmp_path / name, alpha="keep").video.alpha == is_kept
    command = replace(command, output=tmp_path / f"whole{Path(name).suffix}")
    command.run()
    assert packets(tmp_path / name, "video") == packets(command.output, "video")


def test_joining_refuses_gaps_doubles_damage_and_pieces_of_other_plans(plan, own_pieces, tmp_path):
    def refused(error: type[LFVideoError], reason: str) -> None:
        with pytest.raises(error, match=reason):
            join_plan(plan, own_pieces, tmp_path / "joined.mkv")
        assert not (tmp_path / "joined.mkv").exists() and not (tmp_path / "joined.partial.mkv").exists()

    record = own_pieces / "000001.json"
    text = record.read_text()
    record.unlink()
    refused(OutputError, "of 4 segments these are missing: 1; run them again")
    record.write_text(text)
    (own_pieces / "copy.json").write_text(text)
    refused(OutputError, "are twice: 1")
    (own_pieces / "copy.json").unlink()
    (own_pieces / "000002.nut").write_bytes(b"damage")
    refused(OutputError, r"are damaged: 000002\.nut")
    record.write_text(json.dumps(json.loads(text) | {"plan": replace(plan, output="elsewhere.mkv").name}))
    refused(ResumeRefused, "a piece of another plan")


def test_a_segment_that_the_clip_is_too_short_for_is_refused(plan, tmp_path):
    first, frames = plan.segments[-1]
    longer = replace(plan, segments=(*plan.segments[:-1], (first, frames + 3)))
    message = f"frames where the plan has {frames + 3} from {first} on; make the plan again"
    with pytest.raises(InputError, match=message), make_engine("bicubic") as engine:
        run_segment(longer, len(plan.segments) - 1, engine, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_pieces_of_workers_that_were_killed_go_with_the_others(plan, own_pieces):
    for name in ("000001.host-17.nut", "000002.host.local-4.new", "finished"):
        (own_pieces / name).write_bytes(b"unfinished")
    (own_pieces / "1-holiday.nut").write_bytes(b"mine")
    remove_pieces(plan, own_pieces)
    assert [path.name for path in own_pieces.iterdir()] == ["1-holiday.nut"]


def test_pieces_are_not_joined_with_the_sound_of_a_clip_that_changed(plan, own_pieces, tmp_path):
    clip = Path(plan.input)
    state = clip.stat()
    try:
        os.utime(clip, ns=(0, 0))
        with pytest.raises(ResumeRefused, match="another input"):
            join_planned(plan, own_pieces, tmp_path / "joined.mkv", False)
    finally:
        os.utime(clip, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert not (tmp_path / "joined.mkv").exists()
    assert join_planned(plan, own_pieces, tmp_path / "joined.mkv", False)[0] == tmp_path / "joined.mkv"


def test_two_workers_of_ray_give_the_unbroken_run_though_one_is_killed(command, plan, tmp_path):
    """The real thing, on this machine: one worker is killed while it works, and nothing is lost."""
    pytest.importorskip("ray")
    script = """
import sys
from pathlib import Path
from lfvideo_sr.commands.cluster import run_with_ray
from lfvideo_sr.stream.plan import RunPlan
run_with_ray(RunPlan.of_text(Path(sys.argv[1]).read_text()), "local", Path(sys.argv[2]), workers=2, tell=print)
"""
    (tmp_path / "plan.json").write_text(plan.text())
    folder = tmp_path / "pieces"
    arguments = [sys.executable, "-u", "-c", script, str(tmp_path / "plan.json"), str(folder)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        while not list(folder.glob("*.nut")) and process.poll() is None:
            time.sleep(0.01)
        victim = next((int(file.name.split("-")[-1].split(".")[0]) for file in folder.glob("*-*.nut")), None)
        if victim is not None:
            os.kill(victim, signal.SIGKILL)
        told, _ = process.communicate(timeout=300)
    assert process.returncode == 0 and [line for line in told.split("\n") if line.isdigit()] == ["1", "2", "3", "4"]
    join_plan(plan, folder, tmp_path / "joined.mkv")
    assert packets(tmp_path / "joined.mkv", "video") == packets(command.output, "video")
    assert victim is not None


def test_plan_run_segment_and_join_on_the_command_line(command, tmp_path, run):
    words = ("--method", "flow_transfer", "--preset", "ultrafast")
    printed = run("plan", command.input, "-o", tmp_path / "out.mkv", *words)
    assert printed.code == 0, printed.err
    (tmp_path / "plan.json").write_text(printed.out)
    for number in (3, 0, 2):
        done = run("run-segment", tmp_path / "plan.json", number)
        assert done.code == 0 and f"segment     {number}: " in done.out
    assert run("join", tmp_path / "plan.json").code == 3
    assert run("run-segment", tmp_path / "plan.json", 1).code == 0
    joined = run("join", tmp_path / "plan.json")
    assert joined.code == 0 and str(tmp_path / "out.mkv") in joined.out
    assert packets(tmp_path / "out.mkv", "video") == packets(command.output, "video")
    assert "cannot be read" in run("join", command.input).line
    old = json.loads(printed.out) | {"asked": json.loads(printed.out)["asked"] | {"version": "0.0.1"}}
    (tmp_path / "old.json").write_text(json.dumps(old))
    refused = run("run-segment", tmp_path / "old.json", 0)
    assert refused.code == 5 and 'made with another version: "0.0.1"' in refused.line


def test_a_stream_on_a_cluster_of_this_machine(command, tmp_path):
    pytest.importorskip("ray")
    words = ["--method", "flow_transfer", "--preset", "ultrafast", "--ray", "local"]
    output = tmp_path / "out.mkv"
    arguments = [sys.executable, "-m", "lfvideo_sr", "stream", str(command.input), "-o", str(output), *words]
    first, again = (
        subprocess.run(arguments, capture_output=True, text=True, timeout=300, cwd=tmp_path) for _ in range(2)
    )
    assert first.returncode == 0, first.stderr
    assert "4 of 4 segments are done" in first.stdout and "is already done" in again.stdout
    assert packets(output, "video") == packets(command.output, "video")
    assert {path.name for path in tmp_path.iterdir()} == {"out.mkv", "out.report.json"}


def test_ray_that_is_not_reached_is_said(plan, tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(LFVideoError, match="no Ray cluster answers"):
        run_with_ray(plan, "127.0.0.1:1", tmp_path)
