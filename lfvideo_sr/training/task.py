"""What a trainer states about a run: its configuration, what is trained by which steps, and how fast they learn."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import nn

from ..checks import Count, check_fields
from ..errors import UsageError, shortened

Batch = dict[str, torch.Tensor]  # what samples hold, by name, with the batch before their axes
Losses = dict[str, torch.Tensor]  # scalars by name
Sample = Mapping[str, np.ndarray]  # arrays by name
Rate = Callable[[int], float]  # step -> a share of a learning rate
Validation = tuple[dict[str, float], dict[str, np.ndarray]]  # scores by name; pictures [3,H,W] in [0,1] by name
_MOST = 10**9

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class RunConfig:
    """What every run states. Paths of data are relative to the folder in the environment variable LFVIDEO_DATA.

    validate_every: steps; a multiple of report_every, since a validation is part of a report.
    stop_after:  leave off at this step, as if interrupted (0: run to `max_steps`).
    resume:      go on from the run in `output`; False removes that run first, and nothing else.
    accumulate:  batches whose gradients are summed for one step.
    average:     decay of the averaged weights, which are what is validated and exported.
    clip:        largest norm of a step's gradient (0: as it comes).
    workers:     processes that make samples beside this one (0: a thread of it does). The samples and their order are
                 the same; what is rendered in memory is rendered by each of them.
    cache:       folder where decoded clips and rendered scenes are kept.
    """

    trainer: str = ""
    max_steps: int = 1000
    stop_after: int = 0
    resume: bool = True
    batch: Count = 8
    accumulate: Count = 1
    seed: int = 1
    precision: str = "32-true"
    average: float = 0.999
    clip: float = 0.0
    workers: int = 0
    report_every: Count = 100
    validate_every: Count = 1000
    save_minutes: float = 3.0
    output: str = "runs/run"
    cache: str = "runs/cache"

    def __post_init__(self) -> None:
        """Raises UsageError for numbers and words that no run can have."""
        for name, value in vars(self).items():
            if type(value) in (int, float) and not -_MOST <= value <= _MOST:
                raise UsageError(f"'{name}' is {shortened(value)}; a number up to {_MOST:g} is wanted")
            if type(value) is int and value < 0:
                raise UsageError(f"'{name}' is {value}; 0 or more is wanted")
        check_fields(self)


def data_folder() -> Path:
    """What paths of data are relative to: the folder in LFVIDEO_DATA, else the working folder."""
    return Path(os.environ.get("LFVIDEO_DATA", "."))


class BatchLosses(nn.Module):
    """The losses of a batch by name, of which "loss" is minimised; with the modules that are trained as its parts.

    step: the number of the step that is being taken, from 0 on, which the loop sets. Losses that begin later are left
    out of what `forward` returns before.
    """

    step = 0

    def forward(self, batch: Batch) -> Losses:
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Step:
    """One optimiser's share of a step.

    share: of the optimiser's own learning rates at a step. names: of the losses, for the log. first: the number of the
    first step that it takes part in.
    """

    losses: BatchLosses
    optimizer: torch.optim.Optimizer
    names: tuple[str, ...]
    share: Rate = lambda step: 1.0
    first: int = 0


@dataclass(frozen=True, eq=False)
class Task(Generic[Network]):
    """What is trained.

    network:  whose averaged weights are the result; `about` states the method and the size.
    steps:    taken one after the other for every batch.
    sample:   number -> arrays by name, a pure function.
    validate: averaged network -> scores and pictures.
    scores:   names of what `validate` returns; the first of them decides which checkpoint is the best, and larger is
              better.
    extra:    further modules with parameters, as a discriminator, to be saved too.
    """

    network: Network
    about: Mapping[str, object]
    steps: Mapping[str, Step]
    sample: Callable[[int], Sample]
    validate: Callable[[Network], Validation] | None = None
    scores: tuple[str, ...] = ()
    extra: Mapping[str, nn.Module] = field(default_factory=dict)


def rise_and_fall(max_steps: int, warmup: int = 0, decay: int = 0) -> Rate:
    """A learning rate's share: linear warm-up, constant, linear to zero over the last `decay` steps."""

    def share(step: int) -> float:
        warm = min(1.0, (step + 1) / warmup) if warmup else 1.0
        return warm * (min(1.0, (max_steps - step) / decay) if decay else 1.0)

    return share


def drops(*steps: int, factor: float = 0.1) -> Rate:
    """A learning rate's share that is multiplied by `factor` at each of `steps`."""
    return lambda step: factor ** sum(step >= drop for drop in steps)
