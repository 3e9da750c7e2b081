"""The loop that trainers share: steps, exact resume, averaged weights, logs, validation, best and last checkpoints.

A trainer states what is trained and how a sample and a loss are made (a Task); the loop does the rest, alone or under
torchrun on several devices. Every sample is a pure function of its number, so a run resumed after a kill goes on
exactly: weights, averages, optimisers, random state and the next sample's number are all it needs.
"""

import itertools
import os
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import lightning as L
import torch

from ..errors import UsageError, first_line, shortened
from .batches import batches_of
from .checkpoint import Averaged, RunState
from .course import Course
from .run_folder import CHECKPOINT, RunFolder
from .task import Batch, Losses, Network, RunConfig, Step, Task


def fit(task: Task[Network], config: RunConfig) -> Path:
    """Run to `max_steps`, going on from the output folder's last.pt; returns its path. A run that is to start anew
    removes an earlier one once its first sample was made."""
    if task.validate is not None and config.validate_every % config.report_every:
        raise UsageError(
            f"'validate_every' is {config.validate_every}, and a validation is part of a report; give a multiple of "
            f"'report_every', {config.report_every}"
        )
    fabric = _fabric(config)
    with closing(RunFolder(Path(config.output))) as folder:
        return _run(task, config, fabric, folder)


def _run(task: Task[Network], config: RunConfig, fabric: L.Fabric, folder: RunFolder) -> Path:
    if fabric.is_global_zero:
        if not config.resume:
            task.sample(0)
        folder.claim(config.resume)
    fabric.barrier()
    averaged = Averaged(task.network, config.average)
    averaged.module.to(fabric.device)
    steps = [_Ready(fabric, step) for step in task.steps.values()]
    state = RunState(task, averaged, folder.path / CHECKPOINT)
    first = state.load()
    course = Course(task, averaged.module, config, folder, first) if fabric.is_global_zero else None
    batches = batches_of(task.sample, config, fabric, first)
    last = min(config.stop_after or config.max_steps, config.max_steps)
    with closing(batches), nullcontext() if course is None else closing(course):
        for step in range(first, last):
            held = list(itertools.islice(batches, config.accumulate))
            losses: Losses = {}
            for ready in steps:
                losses |= ready.take(held, step, config.clip) if step >= ready.first else {}
            averaged.update(task.network, step)
            if course is not None:
                state.sums = course.after(step + 1, losses, state)
                if course.due_to_save() or step + 1 == last:
                    state.save(step + 1)
    fabric.barrier()
    return state.path


def _fabric(config: RunConfig) -> L.Fabric:
    """On the processes that torchrun started, or alone."""
    torch.manual_seed(config.seed)
    world = int(os.environ.get("WORLD_SIZE", 1))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    strategy = "ddp" if world > 1 else "auto"
    precision: Any = config.precision
    try:
        fabric = L.Fabric(
            accelerator="auto", devices=local, num_nodes=world // local, strategy=strategy, precision=precision
        )
    except ValueError as error:  # it lists the words that it knows
        raise UsageError(f"'precision' is '{shortened(precision)}': {shortened(first_line(error), 300)}") from error
    fabric.launch()
    return fabric


class _Ready:
    """A Step on its device; takes it for some batches."""

    def __init__(self, fabric: L.Fabric, step: Step):
        self._fabric, self._share, self._names = fabric, step.share, step.names
        self.first, self._module = step.first, step.losses
        self._losses, self._optimizer = fabric.setup(step.losses, step.optimizer)
        self._rates = [group["lr"] for group in step.optimizer.param_groups]

    def take(self, batches: list[Batch], step: int, clip: float) -> Losses:
        """One step; returns its losses, which stay on the device: to read them is to wait for it."""
        self._module.step = step
        for group, rate in zip(self._optimizer.param_groups, self._rates):
            group["lr"] = rate * self._share(step)
        self._optimizer.zero_grad()
        sums: Losses = {}
        for number, batch in enumerate(batches):
            partial = number + 1 < len(batches)
            with self._fabric.no_backward_sync(self._losses, enabled=partial):
                losses: Losses = self._losses(batch)
                self._fabric.backward(losses["loss"] / len(batches))
            for name in filter(losses.__contains__, self._names):
                part = losses[name].detach().float() / len(batches)
                sums[name] = sums[name] + part if name in sums else part
        if clip:
            self._fabric.clip_gradients(self._losses, self._optimizer, max_norm=clip)
        self._optimizer.step()
        return {name: self._mean(value) for name, value in sums.items()}

    def _mean(self, value: torch.Tensor) -> torch.Tensor:
        """Over processes."""
        mean = self._fabric.all_reduce(value)
        assert isinstance(mean, torch.Tensor)
        return mean
