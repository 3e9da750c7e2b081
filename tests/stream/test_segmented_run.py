"""Runs that end before their time, and go on: the result is that of an unbroken run, bit for bit."""

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from command_line import report_of
from crashing import NEVER, CrashingRuns
from odd_media import packets
from round_trips import stamps
from small_clips import rendered, write_clip

from lfvideo_sr.frames import Size
from lfvideo_sr.media.segment_sink import SegmentSink
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.references.hybrid_file import write_hybrid
from lfvideo_sr.stream.journal import Journal

COMMAND = [sys.executable, "-m", "lfvideo_sr", "stream"]
FAST = ("--method", "flow_transfer", "--preset", "ultrafast", "--progress", "none")
FRAMES = 110


@pytest.fixture(scope="module")
def runs() -> Iterator[CrashingRuns]:
    with CrashingRuns() as runs:
        yield runs


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """A hybrid file of two scenes, 110 frames of 24x16, references every 8."""
    folder = tmp_path_factory.mktemp("long")
    size = Size(96, 64)
    pictures = rendered(0, 50, 3, size) + rendered(50, FRAMES - 50, 11, size)
    high = write_clip(folder / "high.mkv", pictures)
    write_hybrid(VideoSource(high), folder / "in.mkv", 8)
    return folder / "in.mkv"


@pytest.fixture(scope="module")
def unbroken(clip, runs, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("unbroken") / "out.mkv"
    assert crash(runs, clip, output) == 0
    assert {path.name for path in output.parent.iterdir()} == {"out.mkv", "out.report.json"}
    return output


def assert_same(output: Path, unbroken: Path) -> None:
    assert packets(output, "video") == packets(unbroken, "video")
    assert stamps(output) == stamps(unbroken) and len(stamps(output)) == FRAMES
    new, old = report_of(output), report_of(unbroken)
    assert [use["frames_served"] for use in new["references"]] == [use["frames_served"] for use in old["references"]]
    assert {path.name for path in output.parent.iterdir()} == {"out.mkv", "out.report.json"}


def crash(runs: CrashingRuns, clip: Path, output: Path, after: int = NEVER) -> int:
    return runs.run(["stream", clip, "-o", output, *FAST], output.parent, after)


@pytest.mark.parametrize("seed", range(2))
def test_a_run_that_crashes_again_and_again_gives_what_an_unbroken_one_does(seed, clip, runs, unbroken, tmp_path):
    output, rng = tmp_path / "out.mkv", random.Random(seed)
    for attempt in range(12):
        code = crash(runs, clip, output, rng.randint(1, 60 + 20 * attempt))
        assert code in (0, 9)
        if code == 0:
            break
        assert not output.exists() or packets(output, "video") == packets(unbroken, "video")
    else:
        assert crash(runs, clip, output) == 0
    assert_same(output, unbroken)


def test_what_is_done_is_not_done_again(clip, runs, unbroken, tmp_path, run, monkeypatch):
    output = tmp_path / "out.mkv"
    assert crash(runs, clip, output, 100) == 9  # in the last of the segments 0..39, 40..., which begin at references
    done = [json.loads(line) for line in (tmp_path / "out.mkv.work" / "journal.jsonl").read_text().splitlines()][1:]
    assert sum(line["frames"] for line in done) >= 64
    restored = []
    from lfvideo_sr.stream.pipeline import SuperResolver

    plain = SuperResolver._restored
    monkeypatch.setattr(SuperResolver, "_restored", lambda self, pair: restored.append(pair) or plain(self, pair))
    said = run("stream", clip, "-o", output, *FAST[:-1], "plain")
    assert said.code == 0 and f"{sum(line['frames'] for line in done)} frames are done" in said.out
    assert len(restored) == FRAMES - sum(line["frames"] for line in done)
    assert_same(output, unbroken)


@pytest.mark.parametrize("harm", ["delete", "shorten", "change"])
def test_a_segment_that_was_harmed_is_done_again(harm, clip, runs, unbroken, tmp_path, run):
    output = tmp_path / "out.mkv"
    assert crash(runs, clip, output, 105) == 9
    segment = tmp_path / "out.mkv.work" / "000000.nut"
    content = segment.read_bytes()
    if harm == "delete":
        segment.unlink()
    else:
        segment.write_bytes(content[:-7] if harm == "shorten" else content[:-7] + b"garbage")
    said = run("stream", clip, "-o", output, *FAST[:-1], "plain")
    assert said.code == 0 and "000000.nut is damaged or missing" in said.out
    assert_same(output, unbroken)


def test_a_run_of_other_options_or_input_is_refused(clip, runs, tmp_path, run):
    output = tmp_path / "out.mkv"
    assert crash(runs, clip, output, 80) == 9
    refused = run("stream", clip, "-o", output, *FAST, "--crf", "30")
    assert refused.code == 5 and "begun with another encoding" in refused.line and "--no-resume" in refused.line
    refused = run("stream", clip, "-o", output, *FAST, "--ref-every", "16")
    assert refused.code == 5 and "another ref_every: null, now 16" in refused.line
    assert (tmp_path / "out.mkv.work" / "000000.nut").exists()
    assert run("stream", clip, "-o", output, *FAST, "--crf", "30", "--no-resume").code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"out.mkv", "out.report.json"}


def test_two_runs_with_one_target_do_not_meet(clip, tmp_path, run):
    with Journal(tmp_path / "out.mkv", {}):
        refused = run("stream", clip, "-o", tmp_path / "out.mkv", *FAST)
    assert refused.code == 3 and "being written by another run" in refused.line


def test_a_folder_of_somebody_else_is_left_alone(clip, tmp_path, run):
    folder = tmp_path / "out.mkv.work"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    refused = run("stream", clip, "-o", tmp_path / "out.mkv", *FAST)
    assert refused.code == 3 and "not the folder of a run" in refused.line
    assert (folder / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_a_part_that_plays_and_a_run_that_goes_on(number, clip, runs, unbroken, tmp_path):
    output = tmp_path / "out.mkv"
    words = ["stream", clip, "-o", output, *FAST[:-1], "plain"]
    code = runs.run(words, tmp_path, 90, signal_number=number)
    part = tmp_path / "out.partial.mkv"
    printed = runs.printed(tmp_path).read_text()
    assert code == 130 and str(part) in printed, printed
    frames = [frame.pixels for frame in VideoSource(part)]
    whole = [frame.pixels for frame in VideoSource(unbroken)]
    assert 64 < len(frames) < FRAMES and all(np.array_equal(one, other) for one, other in zip(frames[:32], whole))
    assert crash(runs, clip, output) == 0
    assert_same(output, unbroken)


@pytest.mark.parametrize("reader", ["gone", "full"])
def test_a_run_goes_on_where_nobody_reads_what_it_prints(reader, clip, unbroken, tmp_path):
    output = tmp_path / "out.mkv"
    command = [*COMMAND, str(clip), "-o", str(output), *FAST[:-1], "json"]
    if reader == "full":
        with open("/dev/full", "w") as full:
            assert subprocess.run(command, stdout=full, cwd=tmp_path, timeout=120).returncode == 0
    else:
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path) as process:
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(120) == 0
    assert_same(output, unbroken)


def test_a_segment_that_could_not_be_recorded_does_not_stop_the_next_run(clip, unbroken, tmp_path, run, monkeypatch):
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Journal, "add", full)
        failed = run("stream", clip, "-o", tmp_path / "out.mkv", *FAST)
    assert failed.code == 3 and "No space left" in failed.line
    assert list(tmp_path.iterdir()) == []
    assert run("stream", clip, "-o", tmp_path / "out.mkv", *FAST).code == 0
    assert_same(tmp_path / "out.mkv", unbroken)


@pytest.mark.parametrize("after", [3, 40])
def test_an_encoder_that_fails_keeps_the_segments_before(after, clip, unbroken, tmp_path, run, monkeypatch):
    plain, calls = SegmentSink._mux, iter(range(1000))

    def failing(sink: SegmentSink, packets: list) -> None:
        if next(calls) == after:
            raise av.error.ExternalError(1, "the encoder fails")
        plain(sink, packets)

    with monkeypatch.context() as broken:
        broken.setattr(SegmentSink, "_mux", failing)
        failed = run("stream", clip, "-o", tmp_path / "out.mkv", *FAST)
    assert failed.code == 3 and "cannot be written" in failed.line
    assert (tmp_path / "out.partial.mkv").exists() == (after > 32)
    assert run("stream", clip, "-o", tmp_path / "out.mkv", *FAST).code == 0
    assert_same(tmp_path / "out.mkv", unbroken)


def test_a_line_that_a_crash_cut_short_costs_no_later_segment(clip, runs, unbroken, tmp_path, run):
    output, lines = tmp_path / "out.mkv", tmp_path / "out.mkv.work" / "journal.jsonl"
    assert crash(runs, clip, output, 45) == 9
    lines.write_text(lines.read_text() + '{"number": 7, "fi')
    assert crash(runs, clip, output, 45) == 9  # records another one behind that line
    recorded = [json.loads(line) for line in lines.read_text().splitlines()][1:]
    assert [line["number"] for line in recorded] == [0, 1]
    assert run("stream", clip, "-o", output, *FAST).code == 0
    assert_same(output, unbroken)


def test_a_journal_of_another_version_is_refused_and_can_be_left_behind(clip, runs, unbroken, tmp_path, run):
    output, lines = tmp_path / "out.mkv", tmp_path / "out.mkv.work" / "journal.jsonl"
    assert crash(runs, clip, output, 80) == 9
    (tmp_path / "out.mkv.work" / "1-holiday.nut").write_text("mine")
    lines.write_text("of another version\n")
    refused = run("stream", clip, "-o", output, *FAST)
    assert refused.code == 5 and "--no-resume" in refused.line
    assert run("stream", clip, "-o", output, *FAST, "--no-resume").code == 0
    assert packets(output, "video") == packets(unbroken, "video")
    assert [path.name for path in (tmp_path / "out.mkv.work").iterdir()] == ["1-holiday.nut"]
