"""`lfvideo-sr doctor`: what it finds, tries and advises, and its exit code."""

import json
import sys

import numpy as np
import pytest

from lfvideo_sr.commands import doctor, self_test


def findings(outcome, kind: str) -> list[dict]:
    return [row for row in json.loads(outcome.out)["findings"] if row["kind"] == kind]


@pytest.fixture
def classical_only(monkeypatch):
    """The self-test of the quick engine alone."""
    monkeypatch.setattr(self_test, "engines_to_test", lambda: iter([self_test.EngineOptions("flow_transfer")]))


def test_every_engine_restores_and_they_agree(run):
    pytest.importorskip("onnxruntime")
    outcome = run("doctor", "--json")
    assert outcome.code == 0 and json.loads(outcome.out)["ok"]
    results = {row["values"]["engine"]: row["values"] for row in findings(outcome, "self-test")}
    assert {"numpy", "torch", "onnx"} <= results.keys()
    assert all(result["psnr"] > result["bicubic"] + 1 and not result["problem"] for result in results.values())
    assert results["onnx"]["alike"] > 38 and results["torch"]["alike"] is None
    (engine,) = findings(outcome, "engine")
    assert "stream_ref" in engine["text"] and ":" in engine["text"]
    assert any("libx264" in row["text"] for row in findings(outcome, "encoders"))


def test_what_is_missing_comes_with_its_command(run, monkeypatch, classical_only):
    monkeypatch.setitem(sys.modules, "ray", None)
    outcome = run("doctor", "--json")
    (line,) = [row["text"] for row in findings(outcome, "missing") if row["text"].startswith("ray")]
    assert "pip install 'lfvideo-sr[ray]'" in line and "not necessary" in line and outcome.code == 0


def test_without_torch_each_command_installs_one_package(run, monkeypatch, classical_only):
    pytest.importorskip("onnxruntime")
    for module in ("torch", "ray", "pillow_heif"):
        monkeypatch.setitem(sys.modules, module, None)
    outcome = run("doctor", "--json")
    missing = {row["text"].split(" ")[0]: row["text"].rpartition(": ")[2] for row in findings(outcome, "missing")}
    assert (missing["ray"], missing["pillow-heif"]) == ("pip install ray", "pip install pillow-heif")
    assert missing["torch"].startswith("pip install torch torchvision") and outcome.code == 0
    assert "by onnx on cpu" in findings(outcome, "engine")[0]["text"]


def test_a_necessary_package_that_is_missing_is_a_problem(run, monkeypatch):
    monkeypatch.setattr(doctor, "is_installed", lambda module: module != "cv2")
    outcome = run("doctor")
    assert outcome.code == 4 and "pip install opencv-python-headless" in outcome.line
    assert "self-test" not in outcome.out


def test_two_packages_of_opencv_are_a_problem_with_one_line(run, monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda package: "5.0")
    (line,) = [line for line in doctor.conflicts() if "opencv" in line]
    assert line.count("\n") == 0 and "pip uninstall -y opencv-python opencv-python-headless" in line
    outcome = run("doctor")
    assert outcome.code == 4 and "1 problem; first: opencv-python and " in outcome.line


@pytest.mark.parametrize(
    ("restored", "message"),
    [
        (lambda engine, clip: [np.zeros_like(picture) for picture in clip.sharp], "no better than enlarged"),
        (lambda engine, clip: 1 / 0, "division by zero"),
    ],
    ids=["black", "raises"],
)
def test_an_engine_that_does_not_serve_is_exit_4(restored, message, run, monkeypatch, classical_only):
    monkeypatch.setattr(self_test, "restored", restored)
    outcome = run("doctor")
    assert outcome.code == 4 and message in outcome.line and "verdict" not in outcome.out


def test_the_verdict_is_the_last_line(run, classical_only):
    outcome = run("doctor")
    assert outcome.code == 0 and outcome.out.splitlines()[-1].startswith("verdict     all that is installed works")
