"""What a run goes on from: averaged weights, and the exact state in one file."""

import copy
import math
import os
import time
from pathlib import Path

import torch
from torch import nn

from .task import Batch, Task


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


class RunState:
    """Everything a run needs to go on, in one file; and how long it has run."""

    def __init__(self, task: Task, averaged: Averaged, path: Path):
        self._task, self._averaged, self.path = task, averaged, path
        self.sums: Batch = {}  # of losses since the last report, on the device
        self.best = -math.inf
        self._before = 0.0
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the run has taken, with what it took before it was resumed."""
        return self._before + time.monotonic() - self._started

    def load(self) -> int:
        """Restore from the file if it is there; returns the step to go on with."""
        if not self.path.is_file():
            return 0
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        self._averaged.module.load_state_dict(state["averaged"])
        for name, module in {"network": self._task.network, **self._task.extra}.items():
            module.load_state_dict(state["modules"][name])
        for name, step in self._task.steps.items():
            step.optimizer.load_state_dict(state["optimizers"][name])
        torch.set_rng_state(state["rng"])
        self.sums = {name: torch.tensor(value) for name, value in state["sums"].items()}
        self.best, self._before = state["best"], state["seconds"]
        return state["step"]

    def save(self, step: int, path: Path | None = None) -> None:
        """Write it whole or not at all, to its own file or another."""
        modules = {"network": self._task.network, **self._task.extra}
        state = {
            **self._task.about,
            "step": step,
            "seconds": self.seconds,
            "best": self.best,
            "sums": as_numbers(self.sums),
            "averaged": self._averaged.module.state_dict(),
            "modules": {name: module.state_dict() for name, module in modules.items()},
            "optimizers": {name: one.optimizer.state_dict() for name, one in self._task.steps.items()},
            "rng": torch.get_rng_state(),
        }
        target = path or self.path
        temporary = target.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, target)


def as_numbers(losses: Batch) -> dict[str, float]:
    """Losses as they are told; waits for the device."""
    return {name: float(value) for name, value in losses.items()}
