"""What the command line refuses: in one line, with its exit code, and nothing is left behind."""

import json
import os
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from command_line import FAST
from small_clips import FRAMES, engine_of, frames_of, ticks_of

from lfvideo_sr.engine import Engine
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Frame
from lfvideo_sr.media.partial import partial_of


def empty(folder: Path) -> Path:
    (folder / "in.mp4").write_bytes(b"")
    return folder / "in.mp4"


def text(folder: Path) -> Path:
    (folder / "in.mp4").write_text("this is no video\n" * 100)
    return folder / "in.mp4"


def garbage(folder: Path) -> Path:
    (folder / "in.mkv").write_bytes(np.random.default_rng(0).bytes(20000))
    return folder / "in.mkv"


def missing(folder: Path) -> Path:
    return folder / "nowhere.mp4"


def directory(folder: Path) -> Path:
    (folder / "in.mp4").mkdir()
    return folder / "in.mp4"


def sound_only(folder: Path) -> Path:
    with av.open(str(folder / "in.mp4"), "w") as target:
        sound = target.add_stream("aac", rate=16000, layout="mono")
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        heard.rate, heard.pts = 16000, 0
        target.mux(sound.encode(heard))
        target.mux(sound.encode(None))
    return folder / "in.mp4"


def without_index(folder: Path) -> Path:
    """An MP4 whose end, with the index, is cut off."""
    with av.open(str(folder / "whole.mp4"), "w") as target:
        video = target.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        for _ in range(5):
            target.mux(video.encode(av.VideoFrame(48, 32, "yuv420p")))
        target.mux(video.encode(None))
    whole = (folder / "whole.mp4").read_bytes()
    (folder / "whole.mp4").unlink()
    (folder / "in.mp4").write_bytes(whole[: whole.rindex(b"moov") - 4])
    return folder / "in.mp4"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "in.mp4")
    return folder / "in.mp4"


def in_no_folder(folder: Path) -> Path:
    return folder / "nowhere" / "in.mp4"


def address(folder: Path) -> Path:
    return Path("https://example.com/in.mp4")


def too_long(folder: Path) -> Path:
    return folder / f"{'long' * 100}.mp4"


BAD_INPUTS = {
    empty: "is empty",
    text: "in.mp4",
    garbage: "is not a media file",
    missing: "does not exist",
    directory: "is a folder",
    sound_only: "no video track",
    without_index: "cut off",
    pipe: "is a pipe",
    in_no_folder: "does not exist",
    address: "is an address",
    too_long: "too long",
}


@pytest.mark.parametrize("make", BAD_INPUTS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("command", ["stream", "simulate"])
def test_bad_input_is_one_line_and_leaves_nothing(command, make, run, tmp_path):
    clip = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    method = ["--method", "bicubic"] if command == "stream" else []
    outcome = run(command, clip, "-o", tmp_path / "out.mkv", *method)
    assert outcome.code == 3
    assert BAD_INPUTS[make] in outcome.line and str(clip) in outcome.line
    assert sorted(tmp_path.rglob("*")) == before


BAD_OPTIONS = [
    (["--ref-every", "0"], "--ref-every"),
    (["--ref-every", "-3"], "--ref-every"),
    (["--ref-every", "often"], "--ref-every"),
    (["--max-refs", "0"], "--max-refs"),
    (["--frames", "0"], "--frames"),
    (["--max-height", "-1"], "--max-height"),
    (["--method", "flow_transfr"], "did you mean 'flow_transfer'?"),
    (["--method", "zzz"], "choose one of: stream_ref, flow_transfer, bicubic"),
    (["--ref-source", "trak"], "did you mean 'track'?"),
    (["--ref-output", "both"], "--ref-output"),
    (["--ref-index-base", "2"], "--ref-index-base"),
    (["--ref-cache", "lots"], "--ref-cache"),
    (["--codec", "libx26"], "did you mean 'libx26"),
    (["--preset", "hasty"], "--preset"),
    (["-e", "tune"], "key=value"),
    (["-e", "tuen=film"], "did you mean 'tune'?"),
    (["--size", "large"], "--size"),
    (["--size", "0x10"], "--size"),
    (["--scale", "0"], "--scale"),
    (["--scale", "-2"], "--scale"),
    (["--scale", "2", "--size", "96x64"], "give one"),
    (["--progress", "loud"], "--progress"),
    (["--no-refs", "--require-refs"], "--no-refs"),
    (["--simulate", "--ref-source", "track"], "--simulate"),
    (["--bogus"], "--bogus"),
    (["another.mkv"], "another.mkv"),
]


@pytest.mark.parametrize(("options", "message"), [pytest.param(*case, id=" ".join(case[0])) for case in BAD_OPTIONS])
def test_bad_options_are_one_line_and_exit_2(options, message, run, low_clip, tmp_path):
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", "--method", "bicubic", *options)
    assert outcome.code == 2
    assert message in outcome.line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["strea", "in.mkv"], 2, "Did you mean 'stream'"),
        (["stream"], 2, "IN"),
        (["train", "strem_ref"], 2, "did you mean 'stream_ref'"),
        (["train", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["weights", "export", "nowhere.pt", "-o", "x.safetensors"], 3, "no checkpoint at nowhere.pt"),
        (["weights", "export", "last.pt", "-o", "nowhere/x.safetensors"], 3, "a folder that exists"),
        (["simulate", "in.mkv"], 2, "--output"),
    ],
)
def test_other_commands_refuse_in_one_line(arguments, code, message, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = run(*arguments)
    assert outcome.code == code and message in outcome.line
    assert list(tmp_path.iterdir()) == []


def test_missing_device_dtype_and_weights(run, low_clip, tmp_path):
    for options, code in ((["--device", "tpu"], 4), (["--dtype", "fp8"], 4), (["--weights", "nowhere"], 3)):
        outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *options)
        assert outcome.code == code and options[1] in outcome.line
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", "--weights", tmp_path / "bad.safetensors")
    assert outcome.code == 3 and "bad.safetensors" in outcome.line
    assert [file.name for file in tmp_path.iterdir()] == ["bad.safetensors"]


def test_an_existing_target_is_kept_and_overwrite_is_named(run, low_clip, tmp_path):
    output = tmp_path / "out.mkv"
    output.write_text("precious")
    outcome = run("stream", low_clip, "-o", output, *FAST)
    assert outcome.code == 3 and "--overwrite" in outcome.line
    assert output.read_text() == "precious" and [output] == list(tmp_path.iterdir())
    assert run("stream", low_clip, "-o", output, *FAST, "--overwrite").code == 0
    assert len(frames_of(output)) == FRAMES


@pytest.mark.parametrize("options", [[], ["--overwrite"]])
@pytest.mark.parametrize("command", ["stream", "simulate"])
def test_the_input_is_never_the_target(command, options, run, high_clip, tmp_path):
    clip = tmp_path / "in.mkv"
    clip.write_bytes(high_clip.read_bytes())
    method = ["--method", "bicubic"] if command == "stream" else []
    outcome = run(command, clip, "-o", clip, *options, *method)
    assert outcome.code == 3 and str(clip) in outcome.line
    assert clip.read_bytes() == high_clip.read_bytes() and list(tmp_path.iterdir()) == [clip]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--report", "in.mkv"], "in.mkv is read here"),
        (["--refs", "sharp.mkv", "-o", "sharp.mkv"], "sharp.mkv is read here"),
        (["--gt", "sharp.mkv", "-o", "sharp.mkv"], "sharp.mkv is read here"),
        (["-o", "in.ref.mkv"], "in.ref.mkv is read here"),
        (["--report", "out.mkv"], "named twice, by -o and by --report"),
        (["--report", "folder"], "folder is a folder"),
    ],
)
def test_nothing_that_is_read_is_overwritten(arguments, message, run, high_clip, low_clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(low_clip, "in.mkv")
    for name in ("sharp.mkv", "in.ref.mkv", "out.partial.mkv"):
        shutil.copy(high_clip, name)
    Path("folder").mkdir()
    before = {path.name: path.is_dir() or path.read_bytes() for path in tmp_path.iterdir()}
    outcome = run("stream", "in.mkv", "-o", "out.mkv", *FAST, "--overwrite", *arguments)
    assert outcome.code == 3 and message in outcome.line
    assert {path.name: path.is_dir() or path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_has_an_unfinished_name_is_left_alone(run, high_clip, tmp_path):
    clip = Path(shutil.copy(high_clip, tmp_path / "out.partial.mkv"))
    assert run("simulate", clip, "-o", tmp_path / "out.mkv").code == 0
    assert clip.read_bytes() == high_clip.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"out.mkv", "out.partial.mkv"}


def test_a_report_replaces_reports_only_unless_told(run, low_clip, tmp_path):
    notes, output = tmp_path / "notes.json", tmp_path / "out.mkv"
    notes.write_text('{"mine": 1}')
    command = ("stream", low_clip, "-o", output, *FAST, "--frames", "1", "--report", notes)
    outcome = run(*command)
    assert outcome.code == 3 and "notes.json exists" in outcome.line and notes.read_text() == '{"mine": 1}'
    assert run(*command, "--overwrite").code == 0
    output.unlink()
    assert run(*command).code == 0 and json.loads(notes.read_text())["frames"] == 1


@pytest.mark.parametrize("folder", ["nowhere", "file", "/proc"])
def test_a_folder_that_cannot_be_written(folder, run, low_clip, tmp_path):
    (tmp_path / "file").write_text("no folder")
    outcome = run("stream", low_clip, "-o", tmp_path / folder / "out.mkv", "--method", "bicubic")
    assert outcome.code == 3 and folder in outcome.line
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(run, low_clip, tmp_path):
    tmp_path.chmod(0o500)
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", "--method", "bicubic")
    tmp_path.chmod(0o700)
    assert outcome.code == 3 and "out.mkv" in outcome.line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_and_leaves_nothing(run, low_clip, tmp_path, monkeypatch):
    def full(path: Path) -> Path:
        unfinished = partial_of(path)
        unfinished.symlink_to("/dev/full")
        return unfinished

    monkeypatch.setattr("lfvideo_sr.stream.segmented_sink.partial_of", full)
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", "--method", "bicubic", "--codec", "ffv1")
    assert outcome.code == 3 and "disk is full" in outcome.line
    assert list(tmp_path.iterdir()) == []


def test_a_failure_midway_leaves_what_plays_and_a_run_that_goes_on(run, low_clip, tmp_path, monkeypatch):
    """The device runs out of memory at the fourth frame."""
    kind = type(engine_of("flow_transfer"))
    restore = kind.restore

    def fail_later(engine: Engine, frame: Frame, matches, last=None) -> np.ndarray:
        if frame.index == 3:
            raise EngineError("the device is out of memory; pass --device cpu")
        return restore(engine, frame, matches, last)

    monkeypatch.setattr(kind, "restore", fail_later)
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--no-refs")
    assert outcome.code == 4 and "out of memory" in outcome.line
    assert {path.name for path in tmp_path.iterdir()} == {"out.partial.mkv", "out.mkv.work"}
    assert len(ticks_of(tmp_path / "out.partial.mkv")) == 3
    monkeypatch.undo()
    assert run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--no-refs").code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"out.mkv", "out.report.json"}


def test_a_report_without_a_folder_is_refused_before_the_work(run, low_clip, tmp_path):
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--report", tmp_path / "nowhere" / "r.json")
    assert outcome.code == 3 and "--report" in outcome.line
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_ending_is_refused(run, low_clip, tmp_path):
    outcome = run("stream", low_clip, "-o", tmp_path / "out.docx", "--method", "bicubic")
    assert outcome.code == 3 and ".mkv" in outcome.line
    assert list(tmp_path.iterdir()) == []


def test_references_that_are_not_there(run, low_clip, tmp_path):
    (tmp_path / "stills").mkdir()
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--refs", tmp_path / "stills")
    assert outcome.code == 3
    assert str(tmp_path / "stills") in outcome.line and "t12.345.png" in outcome.line
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--refs", tmp_path / "nowhere")
    assert outcome.code == 3 and "nowhere" in outcome.line
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--require-refs")
    assert outcome.code == 3 and "--require-refs" in outcome.line
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--ref-source", "track")
    assert outcome.code == 3 and "track" in outcome.line
    assert [file.name for file in tmp_path.iterdir()] == ["stills"]


def test_a_truth_of_the_wrong_size_is_refused(run, low_clip, tmp_path):
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", *FAST, "--gt", low_clip)
    assert outcome.code == 3 and "48x32" in outcome.line and "192x128" in outcome.line
    assert list(tmp_path.iterdir()) == []
