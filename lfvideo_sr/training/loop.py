"""The loop that trainers share: steps, exact resume, averaged weights, logs, validation, best and last checkpoints.

A trainer says what is trained and how a sample and a loss are made (a Task); the loop does the rest, alone or under
torchrun on several devices. Every sample is a pure function of its number, so a run resumed after a kill goes on
exactly: weights, averages, optimisers, random state and the next sample's number are all it needs.
"""

import itertools
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import lightning as L
import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn
from torch import nn
from torch.utils.data import DataLoader, Dataset, default_collate

from ..config import dump_config
from ..errors import UsageError
from ..media.images import write_png
from ..prefetch import prefetch
from .checkpoint import Averaged, CourseLog, save_state

Batch = dict[str, torch.Tensor]
Sample = Callable[[int], Mapping[str, np.ndarray]]
Rate = Callable[[int], float]


@dataclass(frozen=True)
class RunConfig:
    """What every run states. Paths of data are relative to the folder in the environment variable LFVIDEO_DATA.

    validate_every: steps; a multiple of report_every, since a validation is part of a report.
    stop_after:  leave off at this step, as if interrupted (0: run to `max_steps`).
    accumulate:  batches whose gradients are summed for one step.
    average:     decay of the averaged weights, which are what is validated and exported.
    clip:        largest norm of a step's gradient (0: as it comes).
    workers:     processes that make samples beside this one (0: a thread of it does). The samples and their order are
                 the same; what is rendered in memory is rendered by each of them.
    cache:       folder where decoded clips are kept.
    """

    trainer: str = ""
    max_steps: int = 1000
    stop_after: int = 0
    batch: int = 8
    accumulate: int = 1
    seed: int = 1
    precision: str = "32-true"
    average: float = 0.999
    clip: float = 0.0
    workers: int = 0
    report_every: int = 100
    validate_every: int = 1000
    save_minutes: float = 3.0
    output: str = "runs/run"
    cache: str = "runs/cache"


def data_folder() -> Path:
    """What paths of data are relative to: the folder in LFVIDEO_DATA, else the working folder."""
    return Path(os.environ.get("LFVIDEO_DATA", "."))


@dataclass(frozen=True, eq=False)
class Step:
    """One optimiser's share of a step: losses(batch) -> losses by name, of which "loss" is minimised.

    share: of the optimiser's own learning rates at a step. names: of the losses, for the log.
    """

    losses: nn.Module
    optimizer: torch.optim.Optimizer
    names: tuple[str, ...]
    share: Rate = lambda step: 1.0


@dataclass(frozen=True, eq=False)
class Task:
    """What is trained.

    network:  whose averaged weights are the result; `about` says of what method and size.
    steps:    taken one after the other for every batch.
    sample:   number -> arrays by name, a pure function.
    validate: averaged network -> scores by name and pictures [3,H,W] in [0,1] by name; the first score names the best
              checkpoint, larger is better.
    extra:    further modules with parameters, as a discriminator, to be saved too.
    """

    network: nn.Module
    about: Mapping[str, Any]
    steps: Mapping[str, Step]
    sample: Sample
    validate: Callable[[nn.Module], tuple[dict[str, float], dict[str, np.ndarray]]] | None = None
    scores: tuple[str, ...] = ()
    extra: Mapping[str, nn.Module] = field(default_factory=dict)


def fit(task: Task, config: RunConfig) -> Path:
    """Run to `max_steps`, going on from the output folder's last.pt; returns its path."""
    fabric = _fabric(config)
    output = Path(config.output)
    output.mkdir(parents=True, exist_ok=True)
    averaged = Averaged(task.network, config.average)
    averaged.module.to(fabric.device)
    steps = {name: _Ready(fabric, one) for name, one in task.steps.items()}
    state = _State(task, averaged, output / "last.pt")
    first = state.load()
    log = _Log(task, config, first) if fabric.is_global_zero else None
    batches = _batches(task.sample, config, fabric, first)
    last = min(config.stop_after or config.max_steps, config.max_steps)
    with closing(batches), nullcontext() if log is None else closing(log):
        for step in range(first, last):
            held = list(itertools.islice(batches, config.accumulate))
            losses: Batch = {}
            for ready in steps.values():
                losses |= ready.take(held, step, config.clip)
            averaged.update(task.network, step)
            if log is not None:
                state.sums = log.after(step + 1, losses, averaged.module, state)
                if log.due_to_save() or step + 1 == last:
                    state.save(step + 1)
    fabric.barrier()
    return state.path


def rise_and_fall(max_steps: int, warmup: int = 0, decay: int = 0) -> Rate:
    """A learning rate's share: linear warm-up, constant, linear to zero over the last `decay` steps."""

    def share(step: int) -> float:
        warm = min(1.0, (step + 1) / warmup) if warmup else 1.0
        return warm * (min(1.0, (max_steps - step) / decay) if decay else 1.0)

    return share


def drops(*steps: int, factor: float = 0.1) -> Rate:
    """A learning rate's share that is multiplied by `factor` at each of `steps`."""
    return lambda step: factor ** sum(step >= one for one in steps)


def _fabric(config: RunConfig) -> L.Fabric:
    """On the processes that torchrun started, or alone."""
    torch.manual_seed(config.seed)
    world = int(os.environ.get("WORLD_SIZE", 1))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    strategy = "ddp" if world > 1 else "auto"
    precision: Any = config.precision  # Fabric lists the words it knows, and says so where it knows one not
    fabric = L.Fabric(
        accelerator="auto", devices=local, num_nodes=world // local, strategy=strategy, precision=precision
    )
    fabric.launch()
    return fabric


class _Ready:
    """A Step on its device; takes it for some batches."""

    def __init__(self, fabric: L.Fabric, step: Step):
        self._fabric, self._share, self._names = fabric, step.share, step.names
        self._losses, self._optimizer = fabric.setup(step.losses, step.optimizer)
        self._rates = [group["lr"] for group in step.optimizer.param_groups]

    def take(self, batches: list[Batch], step: int, clip: float) -> Batch:
        """One step; returns its losses, which stay on the device: to read them is to wait for it."""
        for group, rate in zip(self._optimizer.param_groups, self._rates):
            group["lr"] = rate * self._share(step)
        self._optimizer.zero_grad()
        sums: Batch = {}
        for number, batch in enumerate(batches):
            partial = number + 1 < len(batches)
            with self._fabric.no_backward_sync(self._losses, enabled=partial):
                losses = self._losses(batch)
                self._fabric.backward(losses["loss"] / len(batches))
            for name in self._names:
                part = losses[name].detach().float() / len(batches)
                sums[name] = sums[name] + part if name in sums else part
        if clip:
            self._fabric.clip_gradients(self._losses, self._optimizer, max_norm=clip)
        self._optimizer.step()
        return {name: self._mean(one) for name, one in sums.items()}

    def _mean(self, value: torch.Tensor) -> torch.Tensor:
        """Over processes."""
        mean = self._fabric.all_reduce(value)
        assert isinstance(mean, torch.Tensor)
        return mean


class _State:
    """Everything a run needs to go on, in one file; and how long it has run."""

    def __init__(self, task: Task, averaged: Averaged, path: Path):
        self._task, self._averaged, self.path = task, averaged, path
        self.sums: Batch = {}  # of losses since the last report, on the device
        self.best = -math.inf
        self._before = 0.0
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
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
        modules = {"network": self._task.network, **self._task.extra}
        save_state(
            path or self.path,
            {
                **self._task.about,
                "step": step,
                "seconds": self.seconds,
                "best": self.best,
                "sums": _read(self.sums),
                "averaged": self._averaged.module.state_dict(),
                "modules": {name: module.state_dict() for name, module in modules.items()},
                "optimizers": {name: one.optimizer.state_dict() for name, one in self._task.steps.items()},
                "rng": torch.get_rng_state(),
            },
        )


class _Log:
    """The course of a run: CSV, TensorBoard where it is installed, printed lines, a bar, pictures, the best state."""

    def __init__(self, task: Task, config: RunConfig, step: int):
        self._task, self._config = task, config
        self._output = Path(config.output)
        dump_config(config, self._output / "config.yaml")
        names = [name for one in task.steps.values() for name in one.names]
        self._csv = CourseLog(self._output / "log.csv", ("step", *names, "seconds", *task.scores), step)
        self._board = _board(self._output, step)
        self._saved = time.monotonic()
        self._first, self._began = step, time.monotonic()
        self._bar = _bar(config.max_steps, step)

    def close(self) -> None:
        self._bar.stop()

    def after(self, step: int, losses: Batch, averaged: nn.Module, state: _State) -> Batch:
        """Take note of a step; returns the means of the losses since the last report, so far."""
        self._bar.update(self._bar.task_ids[0], completed=step)
        every = self._config.report_every
        parts = {name: value / every for name, value in losses.items()}
        before = {name: value.to(losses[name]) for name, value in state.sums.items()}  # a resumed run's lie on the host
        summed = {name: before[name] + part if name in before else part for name, part in parts.items()}
        if step % every:
            return summed
        sums = _read(summed)
        scores = self._validated(step, averaged, state) if step % self._config.validate_every == 0 else {}
        self._csv.add(step=step, seconds=round(state.seconds, 1), **sums, **scores)
        for name, value in {**sums, **scores}.items():
            if self._board is not None:
                self._board.add_scalar(name, value, step)
        said = "  ".join(f"{name} {value:.5g}" for name, value in {**sums, **scores}.items())
        print(f"{step}/{self._config.max_steps}  {said}  left {self._left(step)}", flush=True)
        return {}

    def due_to_save(self) -> bool:
        if time.monotonic() - self._saved < 60 * self._config.save_minutes:
            return False
        self._saved = time.monotonic()
        return True

    def _validated(self, step: int, averaged: nn.Module, state: _State) -> dict[str, float]:
        if self._task.validate is None:
            return {}
        random = torch.get_rng_state()  # validating must not change the course
        with torch.no_grad():
            scores, pictures = self._task.validate(averaged)
        torch.set_rng_state(random)
        for name, pixels in pictures.items():
            (self._output / "pictures").mkdir(exist_ok=True)
            write_png(self._output / "pictures" / f"{name}_{step:07}.png", pixels)
        first = next(iter(scores.values()))
        if first > state.best:
            state.best, state.sums = first, {}  # this report is made
            state.save(step, self._output / "best.pt")
        return scores

    def _left(self, step: int) -> str:
        seconds = (time.monotonic() - self._began) / (step - self._first) * (self._config.max_steps - step)
        return f"{seconds / 60:.0f} min"


def _bar(total: int, done: int) -> Progress:
    """A bar with the time left, at a terminal; a log file has the lines alone."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    bar = Progress(*columns, disable=not sys.stdout.isatty())
    bar.add_task("steps", total=total, completed=done)
    bar.start()
    return bar


def _board(output: Path, step: int):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(output / "tensorboard"), purge_step=step)


def _read(losses: Batch) -> dict[str, float]:
    return {name: float(value) for name, value in losses.items()}


class _Numbered(Dataset):
    """Samples by their numbers."""

    def __init__(self, sample: Sample):
        self._sample = sample

    def __getitem__(self, number: int) -> Mapping[str, np.ndarray]:
        return self._sample(number)


def _batches(sample: Sample, config: RunConfig, fabric: L.Fabric, step: int) -> Generator[Batch, None, None]:
    """The samples of this process, in the order of their numbers, made beside it."""
    every = config.batch * fabric.world_size
    first = step * config.accumulate * every + fabric.global_rank * config.batch
    numbers = (list(range(start, start + config.batch)) for start in itertools.count(first, every))
    make = _by_workers if config.workers else _by_a_thread
    for batch in make(_Numbered(sample), numbers, config.workers, fabric.device.type == "cuda"):
        yield {name: tensor.to(fabric.device, non_blocking=True) for name, tensor in batch.items()}


def _by_a_thread(samples: _Numbered, numbers: Iterable[list[int]], workers: int, pinned: bool) -> Iterator[Batch]:
    def made() -> Iterator[Batch]:
        for group in numbers:
            batch = default_collate([samples[number] for number in group])
            yield {name: tensor.pin_memory() for name, tensor in batch.items()} if pinned else batch

    return prefetch(made(), ahead=2)


def _by_workers(samples: _Numbered, numbers: Iterable[list[int]], workers: int, pinned: bool) -> Iterator[Batch]:
    if "fork" not in multiprocessing.get_all_start_methods():  # what makes a sample is full of closures
        raise UsageError(f"`workers` is {workers}, and this system cannot fork processes; leave it at 0")
    return iter(
        DataLoader(
            samples,
            batch_sampler=numbers,  # type: ignore[arg-type]  # any iterable of lists will do
            num_workers=workers,
            multiprocessing_context="fork",
            worker_init_fn=_one_thread,
            pin_memory=pinned,
            prefetch_factor=4,
            generator=torch.Generator(),  # one of its own: torch's state is part of a run's course
        )
    )


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(0)
