"""What a trainer leaves behind runs in every command: stream, image, evaluate."""

import json

import pytest
from command_line import report_of
from small_clips import rendered
from small_runs import RUNS

from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import read_image, write_png
from lfvideo_sr.media.resize import degrade

TRAINED = {"e2ent2": "e2ent2", "refsr_net": "ssnet"}  # method -> run


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
