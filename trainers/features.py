"""Trains a narrow stand-in for VGG19, for users who do not have the real weights; all methods share it.

Objective: each tapped layer alone must let one convolution rebuild the picture (L1). So the layers keep detail, at
strides 1, 2 and 4 (and 16, for the perceptual loss); they know no classes of things, as the real ones do.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lfvideo_sr.checks import Count
from lfvideo_sr.nn.residual import conv3x3
from lfvideo_sr.nn.vgg import VGG, channels_of
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.pairs import cut
from lfvideo_sr.training.sources import LoadPhoto, held_out_photos, photos_of
from lfvideo_sr.training.task import (
    Batch,
    BatchLosses,
    Losses,
    RunConfig,
    Step,
    Task,
    Validation,
    data_folder,
    rise_and_fall,
)

STRIDES = {"relu1_1": 1, "relu2_1": 2, "relu3_1": 4, "relu5_1": 16}


@dataclass(frozen=True)
class FeaturesConfig(RunConfig):
    """width: a quarter of VGG's by default. side: of the pictures' parts that are shown."""

    photos: tuple[str, ...] = ()
    validation_photos: tuple[str, ...] = ()
    validation_samples: int = 16
    width: Count = 16
    side: Count = 96
    learning_rate: float = 1e-3


def train(config: FeaturesConfig) -> Path:
    """Run; returns the checkpoint's path."""
    root = data_folder()
    torch.manual_seed(config.seed)  # first weights too
    network = VGG("vgg19", tuple(STRIDES), config.width)
    losses = Rebuilding(network, config.width)
    held_out = held_out_photos(root, config.validation_photos, Path(config.cache))
    optimizer = torch.optim.Adam(losses.parameters(), config.learning_rate)
    share = rise_and_fall(config.max_steps, warmup=100, decay=config.max_steps // 2)
    task = Task(
        network=network,
        about={"method": "features", "size": {"width": config.width}},
        steps={"rebuild": Step(losses, optimizer, ("loss", *STRIDES), share)},
        sample=partial(sample, photos_of(root, config.photos, Path(config.cache)), config),
        validate=partial(validate, held_out, config, losses) if held_out else None,
        scores=("negative_loss", *(f"{layer}_held_out" for layer in STRIDES)),
        extra={"decoders": losses.decoders},
    )
    return fit(task, config)


def sample(photos: list[LoadPhoto], config: FeaturesConfig, number: int) -> dict[str, np.ndarray]:
    """Sample `number` of a run: picture u8 [3,s,s], cut from one of the photos."""
    rng = np.random.default_rng([config.seed, number])
    return {"picture": cut(rng, photos[rng.integers(len(photos))](), config.side)}


class Rebuilding(BatchLosses):
    """Mean absolute error of the picture that each layer's own decoder makes, and their sum."""

    def __init__(self, network: VGG, width: int):
        super().__init__()
        self.network = network
        self.decoders = nn.ModuleDict(
            {layer: conv3x3(channels_of(layer, width), 3 * stride**2) for layer, stride in STRIDES.items()}
        )

    def forward(self, batch: Batch) -> Losses:
        return self.measured(self.network, batch["picture"].float() / 255)

    def measured(self, network: nn.Module, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """For pictures [B,3,H,W] in [0,1] and a network that gives features by layer."""
        losses = {}
        for layer, features in network(pictures).items():
            rebuilt = F.pixel_shuffle(self.decoders[layer](features), STRIDES[layer])
            losses[layer] = (rebuilt - pictures).abs().mean()
        return {"loss": torch.stack(list(losses.values())).sum(), **losses}


def validate(photos: list[LoadPhoto], config: FeaturesConfig, losses: Rebuilding, network: nn.Module) -> Validation:
    """The same losses on pictures never trained on."""
    device = next(network.parameters()).device
    totals: dict[str, float] = {}
    for number in range(config.validation_samples):
        rng = np.random.default_rng([config.seed, 0, number])
        picture = cut(rng, photos[number % len(photos)](), config.side)
        values = losses.measured(network, torch.from_numpy(picture)[None].to(device).float() / 255)
        for name, value in values.items():
            totals[name] = totals.get(name, 0.0) + float(value) / config.validation_samples
    return {"negative_loss": -totals.pop("loss"), **{f"{name}_held_out": total for name, total in totals.items()}}, {}
