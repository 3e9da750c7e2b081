"""What a run goes on from: averaged weights, and the exact state in one file."""

import copy
import math
import os
import time
from pathlib import Path
from textwrap import shorten
from typing import Any, Generic

import torch
from torch import nn

from ..errors import InputError
from .run_folder import BEST, unfinished
from .task import Losses, Network, Task

_ANEW = "start anew with --no-resume, or give another folder with -o"


class Averaged(Generic[Network]):
    """Exponential moving average of a module's parameters; `module` is the averaged copy, which is released."""

    def __init__(self, module: Network, decay: float):
        self.module: Network = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Follow `module`; early steps are followed faster, so that the start is forgotten."""
        decay = min(self.decay, (step + 1) / (step + 10))
        torch._foreach_lerp_(list(self.module.parameters()), list(module.parameters()), 1 - decay)
        for average, buffer in zip(self.module.buffers(), module.buffers()):
            average.copy_(buffer)  # running means are averages already


class RunState:
    """Everything a run needs to go on, in one file; and how long it has run."""

    def __init__(self, task: Task[Network], averaged: Averaged[Network], path: Path):
        self._about, self.path = task.about, path
        self._modules: dict[str, nn.Module] = {"network": task.network, **task.extra}
        self._optimizers = {name: step.optimizer for name, step in task.steps.items()}
        self._averaged: nn.Module = averaged.module
        self.sums: Losses = {}  # of losses since the last report, on the device
        self.best = -math.inf
        self._before = 0.0
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the run has taken, with what it took before it was resumed."""
        return self._before + time.monotonic() - self._started

    def load(self) -> int:
        """Restore from the file if it is there, or from best.pt beside it where it is damaged; returns the step to go
        on with. Raises InputError where neither can be read, or where they are of another network."""
        if not self.path.is_file():
            return 0
        for path in (self.path, self.path.with_name(BEST)):
            state = _read(path)
            if state is not None:
                step = self._restored(path, state)
                if path != self.path:
                    print(f"{self.path} is damaged; the run goes on from {path}, step {step}", flush=True)
                return step
        raise InputError(f"{self.path} cannot be read, and there is no {BEST} to go on from; {_ANEW}")

    def _restored(self, path: Path, state: dict[str, Any]) -> int:
        try:
            self._averaged.load_state_dict(state["averaged"])
            for name, module in self._modules.items():
                module.load_state_dict(state["modules"][name])
            for name, optimizer in self._optimizers.items():
                optimizer.load_state_dict(state["optimizers"][name])
        except (RuntimeError, KeyError, ValueError) as error:
            why = shorten(" ".join(str(error).splitlines()[1:] or [str(error)]), 120)
            raise InputError(
                f"{path} was saved by a run of another network or other losses ({why}); {_ANEW}"
            ) from error
        torch.set_rng_state(state["rng"])
        self.sums = {name: torch.tensor(value) for name, value in state["sums"].items()}
        self.best, self._before = float(state["best"]), float(state["seconds"])
        return int(state["step"])

    def save(self, step: int, path: Path | None = None) -> None:
        """Write it whole or not at all, to its own file or another."""
        state = {
            **self._about,
            "step": step,
            "seconds": self.seconds,
            "best": self.best,
            "sums": as_numbers(self.sums),
            "averaged": self._averaged.state_dict(),
            "modules": {name: module.state_dict() for name, module in self._modules.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self._optimizers.items()},
            "rng": torch.get_rng_state(),
        }
        target = path or self.path
        temporary = unfinished(target)
        temporary.unlink(missing_ok=True)  # of a run that was killed; where a link of that name leads is somebody's
        with temporary.open("xb") as file:
            torch.save(state, file)
        os.replace(temporary, target)


_PARTS: dict[str, Any] = {
    "step": int, "seconds": (int, float), "best": (int, float), "sums": dict, "averaged": dict, "modules": dict,
    "optimizers": dict, "rng": torch.Tensor,
}  # fmt: skip


def _read(path: Path) -> dict[str, Any] | None:
    """What `save` wrote; None where the file is not there or is damaged."""
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        whole = all(isinstance(state[name], kind) for name, kind in _PARTS.items())
    except (MemoryError, PermissionError):  # it may be whole, and a run that went on without it would replace it
        raise
    except Exception:  # whatever else the reader raises, the file is damaged
        return None
    return state if whole else None


def as_numbers(losses: Losses) -> dict[str, float]:
    """Losses as numbers; waits for the device."""
    return {name: float(value) for name, value in losses.items()}
