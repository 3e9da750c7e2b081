"""What a command line gave back, which the fixture `run` makes, and the report that it left."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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
