"""Trains stream_ref: matching and restoring together, from clips and rendered scenes. Read from top to bottom."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lfvideo_sr.methods.stream_ref import SCALE, StreamRef, StreamRefSize
from lfvideo_sr.nn.warp import sample
from lfvideo_sr.training.clips import Clip, load_clips
from lfvideo_sr.training.hybrid_validation import HybridClip, validate
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.losses import alignment_loss, decibel_loss, field_loss, relevance_loss
from lfvideo_sr.training.scenes import load_grids, load_scenes
from lfvideo_sr.training.stream_samples import ReferenceSamples, SampleSettings, Views
from lfvideo_sr.training.task import RunConfig, Step, Task, data_folder, rise_and_fall
from lfvideo_sr.weights import load_into, weights_path

LOSSES = ("loss", "picture", "alignment", "relevance", "field")


@dataclass(frozen=True)
class StreamRefConfig(RunConfig):
    """Paths of clips are relative to the folder in the environment variable LFVIDEO_DATA.

    scenes, grids, rendered: how many scenes, and views of how many light fields, are rendered; and the share of samples
        that are of either. start: weights to go on from, by name or file.
    """

    clips: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    scenes: int = 400
    grids: int = 0
    start: str = ""
    rendered: float = 0.3
    channels: int = 64
    blocks: int = 6
    matching: int = 48
    max_steps: int = 20000
    decay_steps: int = 12000
    warmup_steps: int = 500
    learning_rate: float = 4e-4
    alignment_weight: float = 20.0
    relevance_weight: float = 0.2
    field_weight: float = 0.1
    precision: str = "bf16-mixed"
    clip: float = 1.0
    validate_every: int = 2000
    output: str = "runs/stream_ref"


def train(config: StreamRefConfig) -> Path:
    """Run; returns the checkpoint's path."""
    torch.manual_seed(config.seed)
    size = StreamRefSize(config.channels, config.blocks, config.matching)
    network = StreamRef(size).to(memory_format=torch.channels_last)
    if config.start:
        load_into(network, weights_path(config.start))
    settings = SampleSettings()
    samples = ReferenceSamples(*_material(config, settings), settings, config.seed, config.rendered)
    clips = [HybridClip.load(data_folder() / name) for name in config.validation]
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate, betas=(0.9, 0.99))
    share = rise_and_fall(config.max_steps, config.warmup_steps, config.decay_steps)
    task = Task(
        network=network,
        about={"method": "stream_ref", "size": asdict(size)},
        steps={"restore": Step(StreamRefLosses(network, config, settings), optimizer, LOSSES, share)},
        sample=samples.__getitem__,
        validate=partial(_validated, clips) if clips else None,
        scores=("with_references", "without"),
    )
    return fit(task, config)


class StreamRefLosses(nn.Module):
    """Every loss of a batch by name; `loss` is their weighted sum."""

    def __init__(self, network: StreamRef, config: StreamRefConfig, settings: SampleSettings):
        super().__init__()
        self.network, self.config, self.settings = network, config, settings

    def forward(self, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return compute_losses(self.network, batch, self.config, self.settings)


def compute_losses(
    network: StreamRef, batch: Mapping[str, torch.Tensor], config: StreamRefConfig, settings: SampleSettings
) -> dict[str, torch.Tensor]:
    """One forward pass of both references and the picture; every loss by name, `loss` their weighted sum.

    The two references go through matching as one batch of twice the size: all first ones, then all second ones.
    """
    frame = batch["frame"].contiguous(memory_format=torch.channels_last)
    references, seed, present, flow, visible = (
        batch[name].transpose(0, 1).flatten(0, 1) for name in ("references", "seed", "present", "flow", "visible")
    )
    references = references.float() / 255
    target = batch["target"].float() / 255
    base = F.pixel_shuffle(network.restorer.enlarge(frame), SCALE)

    encoded = network.encoder(references)
    positions, trust = network.matcher(frame.repeat(2, 1, 1, 1), encoded, seed)
    found = network.restorer.fetch(frame.repeat(2, 1, 1, 1), encoded, positions, trust * present[:, None, None])
    restored = network.restorer.fused(frame, [found.half(0), found.half(1)]).float()

    target_twice, halves = target.repeat(2, 1, 1, 1), F.avg_pool2d(target, 2).repeat(2, 1, 1, 1)
    candidate = base.repeat(2, 1, 1, 1) + F.pixel_shuffle(found.detail, SCALE).detach().float()
    losses = {
        "picture": decibel_loss(restored, target),
        "alignment": alignment_loss(sample(references, positions), halves),
        "relevance": relevance_loss(trust, candidate, base.repeat(2, 1, 1, 1), target_twice),
        "field": field_loss(positions, flow, visible, origin=float(SCALE * settings.margin)),
    }
    weighted = (
        losses["picture"]
        + config.alignment_weight * losses["alignment"]
        + config.relevance_weight * losses["relevance"]
        + config.field_weight * losses["field"]
    )
    return {"loss": weighted, **losses}


def _validated(clips: list[HybridClip], network: StreamRef) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    return validate(network, clips), {}


def _material(config: StreamRefConfig, settings: SampleSettings) -> tuple[list[Clip], list[Views]]:
    cache = Path(config.cache)
    clips = load_clips(data_folder(), config.clips, cache, SCALE * settings.window) if config.clips else []
    grids = load_grids(config.grids, settings.window, cache) if config.grids else []
    return clips, load_scenes(config.scenes, settings.window, cache) + grids
