"""What a command line gave back, which the fixture `run` makes; its report; and one that lacks some modules."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TORCH = ("torch", "torchvision", "lightning", "tensorrt")  # an installation that only runs graphs has none of them
FAST = ("--method", "flow_transfer", "--codec", "ffv1")  # needs no weights, loses nothing


@dataclass(frozen=True)
class Outcome:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The only line on stderr."""
        assert len(self.err.splitlines()) == 1, self.err
        assert self.err.startswith("lfvideo-sr: ")
        return self.err.strip()


def report_of(output: Path) -> dict[str, Any]:
    """The report beside an output, which has to be JSON as everybody reads it: no NaN, nothing infinite."""
    text = output.with_suffix(".report.json").read_text()
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


_WITHOUT = """
import sys
for name in sys.argv.pop(1).split():
    sys.modules[name] = None  # importing it fails, as where it is not installed
from lfvideo_sr.cli import main
main()
"""


def run_without(modules: Iterable[str], *arguments: object) -> subprocess.CompletedProcess:
    """Run a command line where these modules are not installed, from where the installed package is found and not the
    tree."""
    command = [sys.executable, "-c", _WITHOUT, " ".join(modules), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tempfile.gettempdir())
