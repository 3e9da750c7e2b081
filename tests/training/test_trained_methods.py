"""What a trainer leaves behind runs in every command: stream, image, evaluate."""

import json

import numpy as np
import pytest
from command_line import report_of
from small_clips import rendered, write_clip
from small_networks import SMALL_REFSR
from small_runs import RUNS, listed, train_ssnet

from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import read_image, write_png
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.metrics import eight_bit, psnr_y

TRAINED = {"e2ent2": "e2ent2", "refsr_net": "ssnet"}  # method -> run
EIGHT = {**listed(SMALL_REFSR), "scale": 8}


@pytest.fixture(scope="module", params=TRAINED)
def trained(request, tmp_path_factory):
    """A method's name and the checkpoint of a short run."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, f"{RUNS[TRAINED[request.param]](folder, max_steps=2).output}/last.pt"


@pytest.fixture
def options(trained):
    method, checkpoint = trained
    return "--method", method, "--weights", checkpoint, "--dtype", "fp32", "--device", "cpu"


def test_stream(run, options, hybrid_clip, tmp_path):
    output = tmp_path / "out.mkv"
    outcome = run("stream", hybrid_clip, "-o", output, *options, "--codec", "ffv1", "--frames", "3")
    assert outcome.code == 0, outcome.err
    report = report_of(output)
    assert report["frames"] == 3 and output.is_file()


def test_image(run, options, tmp_path):
    first, second = rendered(0, 2, seed=3, size=Size(96, 64))
    write_png(tmp_path / "in.png", degrade(first))
    write_png(tmp_path / "a.png", second)
    outcome = run("image", tmp_path / "in.png", "--ref", tmp_path / "a.png", *options)
    assert outcome.code == 0, outcome.err
    assert read_image(tmp_path / "in_x4.png").shape == (3, 64, 96)


def test_evaluate(run, options, tmp_path):
    """On frames laid as MPI Sintel's, with the frame before as reference."""
    clip = tmp_path / "sintel" / "alley_1" / "clean"
    clip.mkdir(parents=True)
    for number, picture in enumerate(rendered(0, 3, seed=3, size=Size(96, 64)), start=1):
        write_png(clip / f"frame_{number:04}.png", picture)
    outcome = run("evaluate", "--dataset", "sintel", "--data", tmp_path, "--protocol", "e2ent2", "--json", *options)
    assert outcome.code == 0, outcome.err
    (result,) = json.loads(outcome.out)["results"]
    assert [row["item"] for row in result["rows"]] == ["alley_1/frame_0002", "alley_1/frame_0003"]
    assert all(row["references"] == 1 and row["error"] is None for row in result["rows"])


def test_exported_weights_are_those_of_the_run(run, trained, options, tmp_path):
    method, checkpoint = trained
    first, second = rendered(0, 2, seed=3, size=Size(96, 64))
    write_png(tmp_path / "in.png", degrade(first))
    write_png(tmp_path / "a.png", second)
    exported = tmp_path / "mine.safetensors"
    outcome = run("weights", "export", checkpoint, "-o", exported)
    assert outcome.code == 0, outcome.err
    pictures = []
    for number, weights in enumerate((checkpoint, exported)):
        output = tmp_path / f"{number}.png"
        words = ("--method", method, "--weights", weights, "--device", "cpu", "--dtype", "fp32", "-o", output)
        outcome = run("image", tmp_path / "in.png", "--ref", tmp_path / "a.png", *words)
        assert outcome.code == 0, outcome.err
        pictures.append(read_image(output))
    assert np.array_equal(*pictures)


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    """The options of RefSR-Net at its paper's scale, 8, after a short run."""
    folder = tmp_path_factory.mktemp("eight")
    config = train_ssnet(folder, size=EIGHT, side=64, scene_side=96, windows=1, batch=1, max_steps=1)
    checkpoint = f"{config.output}/last.pt"
    return "--method", "refsr_net", "--weights", checkpoint, "--dtype", "fp32", "--device", "cpu"


def test_a_picture_is_reduced_scored_and_named_by_the_methods_scale(run, eight, tmp_path):
    truth, other = rendered(0, 2, seed=3, size=Size(100, 68))
    write_png(tmp_path / "in.png", truth)
    write_png(tmp_path / "a.png", other)
    outcome = run("image", tmp_path / "in.png", "--ref", tmp_path / "a.png", "--simulate", *eight)
    assert outcome.code == 0, outcome.err
    assert read_image(tmp_path / "in_x8.png").shape == (3, 64, 96) and "PSNR-Y" in outcome.out
    low = degrade(truth[:, :64, :96], 8)
    write_png(tmp_path / "low.png", low)
    words = ("--no-refs", "--gt", tmp_path / "in.png", "-o", tmp_path / "out.png", "--report", tmp_path / "r.json")
    outcome = run("image", tmp_path / "low.png", *words, *eight)
    assert outcome.code == 0, outcome.err
    bicubic_psnr = json.loads((tmp_path / "r.json").read_text())["metrics"]["bicubic_psnr_y"]
    expected = psnr_y(eight_bit(bicubic(read_image(tmp_path / "low.png"), Size(96, 64))), eight_bit(truth[:, :64, :96]))
    assert bicubic_psnr == pytest.approx(expected, abs=0.01)


def test_a_data_set_is_reduced_by_the_methods_scale(run, eight, tmp_path):
    truth = rendered(0, 1, seed=3, size=Size(100, 68))[0]
    (tmp_path / "set").mkdir()
    write_png(tmp_path / "set" / "a.png", truth)
    outcome = run("evaluate", "--dataset", tmp_path / "set", "--json", *eight)
    assert outcome.code == 0, outcome.err
    printed = json.loads(outcome.out)
    (row,) = printed["results"][0]["rows"]
    shown = eight_bit(read_image(tmp_path / "set" / "a.png")[:, :64, :96])
    expected = psnr_y(eight_bit(bicubic(degrade(shown, 8), Size(96, 64))), shown)
    assert row["bicubic_psnr"] == pytest.approx(expected, abs=0.01) and printed["scale"] == 8
    assert printed["protocol"]["rule"].startswith("8-bit bicubic x8; cropped")


def test_a_stream_is_restored_at_the_methods_scale(run, eight, tmp_path):
    """With references of its size; what makes clips small for a simulation reduces by 4 only, which is one line."""
    clip, output = tmp_path / "clip.mkv", tmp_path / "out.mkv"
    write_clip(clip, rendered(0, 2, seed=3, size=Size(48, 32)))
    (tmp_path / "refs").mkdir()
    write_png(tmp_path / "refs" / "0.png", rendered(0, 1, seed=3, size=Size(384, 256))[0])
    outcome = run("stream", clip, "-o", output, "--refs", tmp_path / "refs", "--codec", "ffv1", *eight)
    assert outcome.code == 0, outcome.err
    assert report_of(output)["output_size"] == "384x256" and report_of(output)["frames"] == 2
    simulated = run("stream", clip, "-o", tmp_path / "b.mkv", "--simulate", *eight)
    assert (
        simulated.code == 2 and "--simulate reduces by 4, and these weights of refsr_net enlarge by" in simulated.line
    )
