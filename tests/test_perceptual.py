"""LPIPS where torchmetrics is installed: what it says, what it needs, and where it is shown."""

import json
import math

import numpy as np
import pytest
import torch
from command_line import report_of
from small_clips import rendered

from lfvideo_sr import perceptual
from lfvideo_sr.errors import EngineError, InputError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import read_image, write_png
from lfvideo_sr.perceptual import PerceptualDistance


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory):
    """A file as torchvision's, with random weights; and the layers in it."""
    from torchvision.models import alexnet

    torch.manual_seed(0)
    network = alexnet(weights=None)
    path = tmp_path_factory.mktemp("weights") / "alexnet.pth"
    classifier = {"classifier.6.bias": network.state_dict()["classifier.6.bias"]}
    torch.save({f"features.{name}": value for name, value in network.features.state_dict().items()} | classifier, path)
    return path, network.features.eval()


def test_it_is_what_torchmetrics_says_of_the_same_network(alexnet, monkeypatch):
    from torchmetrics.functional.image import lpips

    path, features = alexnet
    first, second = rendered(0, 2, seed=3, size=Size(64, 48))
    distance = PerceptualDistance(path)
    assert distance.network == "alex" and distance(first, first) == 0
    monkeypatch.setattr(lpips, "_get_tv_model_features", lambda net, pretrained: features)
    pair = (torch.from_numpy(np.ascontiguousarray(pixels))[None] for pixels in (first, second))
    expected = lpips.learned_perceptual_image_patch_similarity(*pair, net_type="alex", normalize=True)
    assert distance(first, second) == pytest.approx(float(expected), rel=1e-5) and float(expected) > 0
    assert math.isnan(distance(first[:, :31], second[:, :31]))  # too small for the network


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no weights for --lpips at .*; give torchvision's alexnet"),
        (b"not weights", "is no file of weights that torch can read"),
        ({"head.weight": torch.zeros(3)}, "holds neither AlexNet nor VGG16"),
        ({f"features.{n}.weight": torch.zeros(1, 1, 3, 3) for n in (0, 28, 34)}, "holds neither AlexNet nor VGG16"),
    ],
    ids=["absent", "noise", "another network", "VGG19"],
)
def test_a_file_that_is_of_neither_network_is_one_line(content, message, tmp_path):
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(InputError, match=message) as raised:
        PerceptualDistance(path)
    assert "\n" not in str(raised.value)


def test_an_absent_package_is_one_line_with_the_remedy(alexnet, monkeypatch):
    monkeypatch.setattr(perceptual, "is_installed", lambda module: module != "torchmetrics")
    with pytest.raises(EngineError, match=r"--lpips needs torchmetrics, .*; pip install 'lfvideo-sr\[metrics\]'"):
        PerceptualDistance(alexnet[0])


def test_a_picture_is_scored_by_it(alexnet, run, tmp_path):
    write_png(tmp_path / "in.png", rendered(0, 1, seed=3, size=Size(96, 64))[0])
    words = ("--method", "bicubic", "--lpips", alexnet[0])
    outcome = run("image", tmp_path / "in.png", "--simulate", "--report", tmp_path / "r.json", *words)
    assert outcome.code == 0, outcome.err
    metrics = json.loads((tmp_path / "r.json").read_text())["metrics"]
    truth, result = (read_image(tmp_path / name) for name in ("in.png", "in_x4.png"))
    assert metrics["lpips"] == pytest.approx(PerceptualDistance(alexnet[0])(result, truth), abs=2e-4)
    assert metrics["lpips"] == metrics["bicubic_lpips"] > 0 and ", LPIPS 0." in outcome.out
    alone = run("image", tmp_path / "in.png", *words, "-o", tmp_path / "out.png")
    assert alone.code == 2 and "--lpips compares with a true picture; give one by --gt, or --simulate" in alone.line


def test_a_data_set_is_scored_by_it(alexnet, run, tmp_path):
    (tmp_path / "set").mkdir()
    for number, pixels in enumerate(rendered(0, 2, seed=3, size=Size(96, 64))):
        write_png(tmp_path / "set" / f"{number}.png", pixels)
    words = ("--dataset", tmp_path / "set", "--method", "bicubic", "--lpips", alexnet[0])
    outcome = run("evaluate", *words, "--json")
    assert outcome.code == 0, outcome.err
    (result,) = json.loads(outcome.out)["results"]
    apart = [row["lpips"] for row in result["rows"]]
    assert result["totals"]["lpips"] == pytest.approx(np.mean(apart), abs=1e-4) and min(apart) > 0
    assert [row["bicubic_lpips"] for row in result["rows"]] == apart
    table = run("evaluate", *words).out.splitlines()
    assert any(line.endswith("LPIPS  bicubic") for line in table)
    assert sum(line.endswith(f" {apart[0]:7.4f} {apart[0]:8.4f}") for line in table) >= 1
    assert json.loads(run("evaluate", *words[:4], "--json").out)["results"][0]["rows"][0]["lpips"] is None


def test_a_clip_is_scored_by_it(alexnet, run, hybrid_clip, tmp_path):
    output = tmp_path / "out.mkv"
    words = ("--method", "bicubic", "--codec", "ffv1", "--frames", "2", "--simulate", "--lpips", alexnet[0])
    outcome = run("stream", hybrid_clip, "-o", output, *words)
    assert outcome.code == 0, outcome.err
    metrics = report_of(output)["metrics"]
    assert metrics["lpips"]["mean"] == pytest.approx(metrics["bicubic"]["lpips"]["mean"]) and "LPIPS" in outcome.out
    assert all(frame["lpips"] > 0 for frame in metrics["frames"])
    alone = run("stream", hybrid_clip, "-o", tmp_path / "b.mkv", "--lpips", alexnet[0])
    assert alone.code == 2 and "--lpips compares with a true clip" in alone.line
