"""Commands on TensorRT plans, by the stand-in for the runtime: which plans they take, and when torch goes on."""

import fake_tensorrt
import numpy as np
import pytest
from command_line import report_of
from fake_plans import SHAPES, Fake, build_plans
from small_clips import write_clip
from small_grids import MAKERS, rendered_grid

from lfvideo_sr.choose import EngineOptions, choose_engine
from lfvideo_sr.engines.plans import Shapes
from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.media.video import VideoSource


@pytest.fixture
def with_fake(monkeypatch, buffers) -> None:
    monkeypatch.setattr("lfvideo_sr.choose.may_have_gpu", lambda: True)
    monkeypatch.setattr("lfvideo_sr.engines.plans.tensorrt_library", lambda: Fake(fake_tensorrt))
    monkeypatch.setattr("lfvideo_sr.engines.device_buffers.device_buffers", lambda device="auto": buffers)


def test_auto_takes_tensorrt_where_a_plan_is_there_and_never_builds_one(own_cache, with_fake):
    chosen = choose_engine(EngineOptions(dtype="fp32"), Size(48, 32))
    assert (chosen.name, list(own_cache.glob("*.plan"))) == ("torch", [])
    assert chosen.why == "no TensorRT plan is built"
    build_plans(own_cache)
    chosen = choose_engine(EngineOptions(dtype="fp32"), Size(48, 32))
    assert (chosen.name, chosen.why) == ("tensorrt", "a plan is there")
    chosen = choose_engine(EngineOptions(dtype="fp32"), Size(480, 270))
    assert chosen.name == "torch" and "frames are 480x270" in chosen.why


def stream_of(clip) -> tuple:
    """Words of the command that streams a clip with the weights that the plans are of, and loses nothing."""
    return ("stream", clip, "--quality", "best", "--codec", "ffv1", "--dtype", "fp32")


@pytest.mark.parametrize("spoil", ["truncated", "foreign"])
def test_a_stream_goes_on_with_the_next_engine(own_cache, with_fake, run, hybrid_clip, tmp_path, monkeypatch, spoil):
    build_plans(own_cache)
    if spoil == "truncated":
        for path in own_cache.glob("*.plan"):
            path.write_bytes(path.read_bytes()[:-9])
    else:
        monkeypatch.setattr(Fake, "builder", "fake-2")
    words = (*stream_of(hybrid_clip), "-o", tmp_path / "out.mkv", "--frames", 2)
    done = run(*words)
    assert done.code == 0 and "engine      torch: no TensorRT plan can be used" in done.out
    assert ("no whole plan" if spoil == "truncated" else "built by fake-1, this is fake-2") in done.out
    refused = run(*words, "--overwrite", "--engine", "tensorrt")
    assert refused.code == 4 and "engine build" in refused.line


@pytest.mark.parametrize("spoil", ["a reference outside the plan", "a failure in the middle"])
def test_a_stream_that_a_plan_refuses_goes_on_with_torch(
    own_cache, with_fake, pictures, run, tmp_path, monkeypatch, spoil
):
    """From the frame on where it happens, and as torch alone would have made it."""
    import cv2

    clip, stills = tmp_path / "low.mkv", tmp_path / "low.refs"
    write_clip(clip, [degrade(picture) for picture in pictures[:4]])
    build_plans(own_cache)
    if spoil == "a failure in the middle":
        count = iter(range(99))
        plain = fake_tensorrt.Context.execute_async_v3
        monkeypatch.setattr(
            fake_tensorrt.Context, "execute_async_v3", lambda self, stream: next(count) < 4 and plain(self, stream)
        )
    stills.mkdir()
    still = pictures[0] if spoil == "a failure in the middle" else np.tile(pictures[0], (1, 1, 2))
    cv2.imwrite(str(stills / "t0.png"), (still[::-1].transpose(1, 2, 0) * 255).round().astype(np.uint8))
    words = (*stream_of(clip), "--refs", stills)
    done = run(*words, "-o", tmp_path / "auto.mkv")
    assert done.code == 0, done.err
    assert "engine      tensorrt: a plan is there" in done.out and "engine      torch from here on: " in done.out
    report = report_of(tmp_path / "auto.mkv")
    assert report["engine"] == "torch" and any("from here on" in line for line in report["warnings"])
    assert run(*words, "-o", tmp_path / "torch.mkv", "--engine", "torch").code == 0
    frames = [[frame.pixels for frame in VideoSource(tmp_path / f"{name}.mkv")] for name in ("auto", "torch")]
    assert all(np.abs(frame - other).mean() < 1 / 255 for frame, other in zip(*frames, strict=True))


def test_a_stream_runs_on_a_plan(own_cache, with_fake, run, hybrid_clip, tmp_path):
    build_plans(own_cache)
    done = run(*stream_of(hybrid_clip), "-o", tmp_path / "out.mkv", "--frames", 2)
    assert done.code == 0 and "engine      tensorrt: a plan is there" in done.out
    report = report_of(tmp_path / "out.mkv")
    assert (report["engine"], report["warnings"]) == ("tensorrt", []), "nor did the estimate change it"


@pytest.fixture
def commands(tmp_path, pictures) -> dict[str, tuple]:
    """Words of the commands that restore views of 32x24 pixels and a picture of 48x32, beside references."""
    grid = MAKERS["hci2016"](tmp_path, rendered_grid(1, 3)).path
    write_png(tmp_path / "in.png", degrade(pictures[0]))
    write_png(tmp_path / "ref.png", pictures[1])
    return {
        "lightfield": ("lightfield", grid, "--simulate", "-o", tmp_path / "out.h5", "--dtype", "fp32"),
        "image": ("image", tmp_path / "in.png", "--ref", tmp_path / "ref.png", "-o", tmp_path / "out.png",
                  "--report", tmp_path / "out.report.json", "--dtype", "fp32"),
    }  # fmt: skip


@pytest.mark.parametrize("command", ["lightfield", "image"])
def test_views_and_pictures_run_on_a_plan_that_takes_their_size(own_cache, with_fake, run, tmp_path, commands, command):
    """A plan for larger frames is left aside before the first view, and the line for a change does not come."""
    build_plans(own_cache, Shapes.of_text("64x64:80x80:96x96"))
    for engine in ("torch", "tensorrt"):
        done = run(*commands[command])
        report = report_of(tmp_path / "out.h5")
        assert done.code == 0 and report["engine"] == engine, done.err
        assert not any("from here on" in line for line in report["warnings"])
        for path in tmp_path.glob("out.*"):
            path.unlink()
        build_plans(own_cache)


@pytest.mark.parametrize("command", ["lightfield", "image"])
def test_views_and_pictures_say_when_the_engine_changes(
    own_cache, with_fake, run, tmp_path, commands, command, monkeypatch
):
    build_plans(own_cache)
    monkeypatch.setattr(fake_tensorrt.Context, "execute_async_v3", lambda self, stream: False)
    done = run(*commands[command])
    report = report_of(tmp_path / "out.h5")
    assert done.code == 0 and report["engine"] == "torch", done.err
    assert sum("torch from here on: encode failed in TensorRT" in line for line in report["warnings"]) == 1
    assert "torch from here on" in done.out


def test_engine_build_builds_what_does_not_fit_and_keeps_what_does(own_cache, with_fake, run, monkeypatch):
    counted = []
    build = Fake.build
    monkeypatch.setattr(
        Fake, "build", lambda self, graph, *rest: counted.append(graph.stem) or build(self, graph, *rest)
    )
    words = ("engine", "build", "stream_ref", "--precision", "fp32", "--shapes", str(SHAPES))
    assert run(*words).code == 0 and counted == ["encode", "match", "restore"]
    assert run(*words).code == 0 and len(counted) == 3
    (spoilt,) = own_cache.glob("match.*.plan")
    spoilt.write_bytes(spoilt.read_bytes()[:100])
    assert run(*words).code == 0 and counted[3:] == ["match"]
    listed = run("engine", "list").out
    assert listed.count("plan        ") == 3 and str(SHAPES) in listed
    settings = ("--precision", "fp32", "--sizes", "48x32", "--tolerance", "1e-4")
    verified = run("engine", "verify", "stream_ref", "--engine", "tensorrt", *settings)
    assert verified.code == 0 and verified.out.count("largest") == 3


def test_no_gpu_is_told_with_what_runs_without_one(no_gpu, cache, run):
    import torch

    if torch.cuda.is_available():
        pytest.skip("torch found the GPU before it was hidden")
    for words in (("engine", "build", "stream_ref"), ("engine", "verify", "stream_ref", "--engine", "tensorrt")):
        got = run(*words)
        assert got.code == 4 and ("GPU" in got.line or "not installed" in got.line) and "--engine onnx" in got.line
