"""The smallest trainer, as CONTRIBUTING.md describes a new one: it would be trainers/toy.py."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from toy_method import Toy, ToySize

from lfvideo_sr.media.resize import degrade
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.passes import restore
from lfvideo_sr.training.task import RunConfig, Step, Task


@dataclass(frozen=True)
class ToyConfig(RunConfig):
    """side: of the target, in pixels, a multiple of 4. share: see ToySize."""

    side: int = 32
    share: float = 0.0
    learning_rate: float = 0.1


def train(config: ToyConfig) -> Path:
    """Run; returns the checkpoint's path."""
    size = ToySize(config.share)
    network = Toy(size)
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate)
    task = Task(
        network=network,
        about={"method": "toy", "size": asdict(size)},
        steps={"restore": Step(ToyLosses(network), optimizer, ("loss",))},
        sample=partial(sample, config),
    )
    return fit(task, config)


def sample(config: ToyConfig, number: int) -> dict[str, np.ndarray]:
    """target f32 [3,s,s], which is its own reference, and its low-resolution frame f32 [3,s/4,s/4]."""
    target = np.random.default_rng([config.seed, number]).random((3, config.side, config.side), np.float32)
    return {"target": target, "frame": degrade(target).astype(np.float32)}


class ToyLosses(nn.Module):
    """The mean absolute error of what is restored."""

    def __init__(self, network: Toy):
        super().__init__()
        self.network = network

    def forward(self, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        target = batch["target"]
        restored = restore(self.network, batch["frame"], target, torch.ones(len(target), device=target.device))
        return {"loss": (restored - target).abs().mean()}
