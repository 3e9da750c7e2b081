"""What a run leaves on disk: exact state to resume from, averaged weights, and a CSV of its course."""

import copy
import csv
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn


class Averaged:
    """Exponential moving average of a module's parameters; `module` is the averaged copy, which is released."""

    def __init__(self, module: nn.Module, decay: float):
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Follow `module`; early steps are followed faster, so that the start is forgotten."""
        decay = min(self.decay, (step + 1) / (step + 10))
        torch._foreach_lerp_(list(self.module.parameters()), list(module.parameters()), 1 - decay)
        for own, other in zip(self.module.buffers(), module.buffers()):
            own.copy_(other)  # running means are averages already


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write the state whole or not at all."""
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


class CourseLog:
    """A CSV with one row per report. On resume, rows beyond the resumed step are dropped: the file tells one course."""

    def __init__(self, path: Path, columns: tuple[str, ...], resume_step: int):
        self.path, self.columns = path, columns
        kept = []
        if path.is_file():
            with path.open(newline="") as file:
                kept = [row for row in csv.DictReader(file) if int(row["step"]) <= resume_step]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(kept)

    def add(self, **values: Any) -> None:
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(
                {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in values.items()}
            )
