"""Every message in docs/troubleshooting.md is provoked here, by a command that a user might type."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from lfvideo_sr.torch_loading import may_have_gpu
from lfvideo_sr.training.run_folder import RunFolder
from lfvideo_sr.training.task import RunConfig

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text()
MESSAGES = [
    row.split("|")[1].strip() for row in PAGE.splitlines() if row.startswith("| ") and not row.startswith("| message")
]
STREAM = ["stream", "in.mkv", "-o", "out.mkv", "--method", "bicubic"]
FLOW = [*STREAM[:5], "flow_transfer"]


@pytest.fixture
def place(low_clip, high_clip, tmp_path, monkeypatch) -> Path:
    """The working folder: in.mkv, and sharp.mkv, which is four times as large."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(low_clip, "in.mkv")
    shutil.copy(high_clip, "sharp.mkv")
    return tmp_path


def cut_off(folder: Path) -> None:
    """An MP4 without its index."""
    with av.open("whole.mp4", "w") as target:
        video = target.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        for packet in [*video.encode(av.VideoFrame(48, 32, "yuv420p")), *video.encode(None)]:
            target.mux(packet)
    whole = (folder / "whole.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: whole.rindex(b"moov") - 4])


def sound_only(folder: Path) -> None:
    with av.open("sound.mp4", "w") as target:
        sound = target.add_stream("aac", rate=16000, layout="mono")
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        heard.rate, heard.pts = 16000, 0
        for packet in [*sound.encode(heard), *sound.encode(None)]:
            target.mux(packet)


def interlaced(folder: Path) -> None:
    with av.open("fields.mkv", "w") as target:
        video = target.add_stream("mpeg2video", rate=25, options={"flags": "+ildct+ilme", "top": "1"})
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        for number in range(3):
            frame = av.VideoFrame(48, 32, "yuv420p")
            frame.pts = number
            for packet in video.encode(frame):
                target.mux(packet)
        for packet in video.encode(None):
            target.mux(packet)


def not_installed(*_: object) -> None:
    raise ModuleNotFoundError("No module named 'cv2'", name="cv2")


def done_before(run) -> None:
    assert run(*STREAM).code == 0


def write(name: str, content: bytes | str = b"") -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def make(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).mkdir()


def foreign_run(folder: Path) -> None:
    write("run.yaml", "trainer: features\nbatch: 2\n")(folder)
    make("run")(folder)
    write("run/config.yaml", "mine")(folder)


Provoked = tuple[list[str], Callable[[Path], object] | None]
PROVOKED: dict[str, Provoked] = {
    "no '...' in --method; did you mean": ([*STREAM, "--method", "bicubik"], None),
    "no '...' in --codec; did you mean": ([*STREAM, "--codec", "x256"], None),
    "no '...' in --preset": ([*STREAM, "--preset", "hasty"], None),
    "no '...' in --quality": ([*STREAM, "--quality", "ultra"], None),
    "No such option:": ([*STREAM, "--refz", "x"], None),
    "Missing argument 'IN'": (["stream"], None),
    "-e ... has no value": ([*STREAM, "-e", "tune"], None),
    "--size is '...'": ([*STREAM, "--size", "large"], None),
    "--size and --scale both say how large": ([*STREAM, "--size", "96x64", "--scale", "2"], None),
    "--no-refs contradicts": ([*STREAM, "--no-refs", "--require-refs"], None),
    "--preview is '...'": ([*STREAM, "--preview", "long"], None),
    "--fps is for numbered pictures": ([*STREAM, "--fps", "24"], None),
    "names one file, and there are several clips": (["stream", "*.mkv", "--report", "r.json"], None),
    "does not exist; check the name": (["stream", "nowhere.mp4"], None),
    "is empty; copy or record it again": (["stream", "empty.mp4"], write("empty.mp4")),
    "is a folder without pictures": (["stream", "folder"], make("folder")),
    "is not a media file that FFmpeg can open": (["stream", "noise.mkv"], write("noise.mkv", bytes(range(256)) * 40)),
    "its index (moov) is missing": (["stream", "cut.mp4"], cut_off),
    "holds no video track": (["stream", "sound.mp4"], sound_only),
    "is interlaced; pass --deinterlace": (["stream", "fields.mkv", "--method", "bicubic"], interlaced),
    "is a pipe or a device": (["stream", "pipe.mkv"], lambda folder: os.mkfifo(folder / "pipe.mkv")),
    "matches no file": (["stream", "clips/*.mp4"], None),
    "million pixels; see --max-pixels": ([*STREAM, "--max-pixels", "1000"], None),
    "no references at": ([*STREAM, "--refs", "nowhere"], None),
    "holds no stills; accepted names:": (
        [*FLOW, "--refs", "folder"], make("folder")
    ),
    "--require-refs:": ([*FLOW, "--require-refs"], None),
    "--ref-source track:": (
        [*FLOW, "--ref-source", "track"], None
    ),
    "no true detail is added without references": (FLOW, None),
    "exists; pass --overwrite": (STREAM, write("out.mkv", b"precious")),
    "is no folder; make it": (["stream", "in.mkv", "-o", "nowhere/out.mkv", "--method", "bicubic"], None),
    "is read here; give another name": ([*STREAM, "--report", "in.mkv"], None),
    "is no container known here": (["stream", "in.mkv", "-o", "out.docx"], None),
    "cannot keep exact times": (["stream", "in.mkv", "-o", "out.avi"], None),
    "is already done": (STREAM, None),
    "cannot hold ... video": ([*STREAM[:3], "out.webm", "--method", "bicubic", "--codec", "x264"], None),
    "does not open here: it needs": ([*STREAM, "--codec", "h264_nvenc"], None),
    "the truth ... is ..., the result": ([*STREAM, "--gt", "in.mkv"], None),
    "which is not installed": (STREAM, None),
    "needs torch or its ONNX graphs": (["stream", "in.mkv", "-o", "out.mkv", "--method", "c2_matching", "--weights",
                                         "c2_matching_small"], None),
    "cannot be used (...); pass --device cpu": (["stream", "in.mkv", "-o", "out.mkv", "--device", "tpu"], None),
    "no dtype '...'": (["stream", "in.mkv", "-o", "out.mkv", "--dtype", "fp8"], None),
    "no weights named": (["stream", "in.mkv", "-o", "out.mkv", "--weights", "mine"], None),
    "no weights at": (["stream", "in.mkv", "-o", "out.mkv", "--weights", "mine.safetensors"], None),
    "has no default weights": (["stream", "in.mkv", "-o", "out.mkv", "--method", "rrsr"], None),
    "has one size; leave --quality out": ([*STREAM, "--quality", "fast"], None),
    "no '...' in configs; did you mean": (["train", "strem_ref"], None),
    "training clips, first": (["train", "run.yaml"], write("run.yaml", "trainer: stream_ref\nclips: [a.mp4]\n")),
    "holds no pictures to train on": (["train", "run.yaml"], write("run.yaml", "trainer: features\nphotos: [x]\n")),
    "cannot be read as YAML": (["train", "run.yaml"], write("run.yaml", "a: [")),
    "is not a run's; move it away": (["train", "run.yaml", "-o", "run"], foreign_run),
}  # fmt: skip


def test_the_page_lists_what_is_provoked_here_and_nothing_else():
    assert list(PROVOKED) == MESSAGES


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_the_page_is_printed(message, run, place, monkeypatch):
    words, prepare = PROVOKED[message]
    if message.startswith("does not open here") and may_have_gpu():
        pytest.skip("the encoder may open")
    if prepare is not None:
        prepare(place)
    if message == "is already done":
        done_before(run)
    if message == "which is not installed":
        monkeypatch.setattr("lfvideo_sr.commands.first_checks.check_stream", not_installed)
    if message.startswith("needs torch"):
        monkeypatch.setattr("lfvideo_sr.choose.why_no_torch", lambda: "torch is not installed")
        monkeypatch.setattr("lfvideo_sr.choose.is_installed", lambda module: False)
    if message.startswith("is not a run's"):  # without lightning, which takes long to load
        trainer = SimpleNamespace(FeaturesConfig=RunConfig, train=lambda config: RunFolder(Path(config.output)).claim())
        monkeypatch.setattr("lfvideo_sr.commands.train._import", lambda module: trainer)
    outcome = run(*words)
    expression = ".*".join(map(re.escape, message.split("...")))
    assert re.search(expression, outcome.out + outcome.err), outcome
    if outcome.code:
        assert re.search(expression, outcome.line) and outcome.code in (2, 3, 4)
