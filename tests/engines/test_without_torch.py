"""An installation that never saw torch: what pip gets, and a stream through the shipped graphs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import report_of

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "torchvision")


def ran(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.network
def test_a_stream_runs_where_torch_was_never_installed(hybrid_clip, tmp_path, monkeypatch):
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [requirement for requirement in project["dependencies"] if re.split("[<>=]", requirement)[0] not in HEAVY]
    runtime = next(
        requirement for requirement in project["optional-dependencies"]["onnx"] if requirement.startswith("onnxruntime")
    )
    ran(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    ran(python, "-m", "pip", "install", "-q", *needed, runtime)
    ran(python, "-m", "pip", "install", "-q", "--no-deps", ROOT)
    assert not {"torch", "torchvision"} & set(
        ran(python, "-m", "pip", "list", "--format=freeze").replace("==", " ").split()
    )
    monkeypatch.setenv("LFVIDEO_CACHE", str(tmp_path / "cache"))
    output = tmp_path / "out.mkv"
    command = (python.with_name("lfvideo-sr"), "stream", hybrid_clip, "-o", output, "--codec", "ffv1", "--frames", "5")
    assert "engine      onnx: torch is not installed" in ran(*command)
    report = report_of(output)
    assert (report["frames"], report["engine"], report["dtype"]) == (5, "onnx", "fp32")
    assert "engine      onnx: asked for" in ran(*command, "--overwrite", "--engine", "onnx")
