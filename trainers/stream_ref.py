"""Trains stream_ref: matching and restoring together, from clips and rendered scenes. Read from top to bottom."""

import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import lightning as L
import torch
import torch.nn.functional as F
from torch.utils.data import default_collate

from lfvideo_sr.config import dump_config
from lfvideo_sr.errors import UsageError
from lfvideo_sr.methods.stream_ref import SCALE, StreamRef, StreamRefSize
from lfvideo_sr.nn.warp import sample
from lfvideo_sr.prefetch import prefetch
from lfvideo_sr.training.checkpoint import Averaged, CourseLog, save_state
from lfvideo_sr.training.clips import load_clips
from lfvideo_sr.training.losses import alignment_loss, decibel_loss, field_loss, relevance_loss
from lfvideo_sr.training.samples import ReferenceSamples, SampleSettings
from lfvideo_sr.training.scenes import load_scenes
from lfvideo_sr.training.validation import HybridClip, validate


@dataclass(frozen=True)
class StreamRefConfig:
    """A run of this trainer. Paths of clips are relative to the folder in the environment variable LFVIDEO_DATA.

    stop_after: leave off at this step, as if interrupted (0: run to `max_steps`).
    """

    trainer: str
    clips: tuple[str, ...]
    validation: tuple[str, ...] = ()
    scenes: int = 400
    rendered: float = 0.3
    channels: int = 64
    blocks: int = 6
    matching: int = 48
    batch: int = 8
    max_steps: int = 20000
    stop_after: int = 0
    decay_steps: int = 12000
    warmup_steps: int = 500
    learning_rate: float = 4e-4
    average: float = 0.999
    alignment_weight: float = 20.0
    relevance_weight: float = 0.2
    field_weight: float = 0.1
    seed: int = 1
    precision: str = "bf16-mixed"
    report_every: int = 100
    validate_every: int = 2000
    save_minutes: float = 3.0
    output: str = "runs/stream_ref"
    cache: str = "runs/cache"


LOSSES = ("loss", "picture", "alignment", "relevance", "field")
COLUMNS = ("step", *LOSSES, "rate", "seconds", "with_references", "without")


def train(config: StreamRefConfig) -> Path:
    """Run to `max_steps`, resuming from the output folder's checkpoint; returns the checkpoint's path."""
    torch.manual_seed(config.seed)
    fabric = L.Fabric(accelerator="auto", devices=1, precision=config.precision)
    settings = SampleSettings()
    output = Path(config.output)
    output.mkdir(parents=True, exist_ok=True)

    size = StreamRefSize(config.channels, config.blocks, config.matching)
    model = StreamRef(size).to(memory_format=torch.channels_last)
    averaged = Averaged(model, config.average)
    averaged.module.to(fabric.device)
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate, betas=(0.9, 0.99))
    model, optimizer = fabric.setup(model, optimizer)
    step, seconds, sums = _resume(output / "last.pt", model, averaged, optimizer)
    dump_config(config, output / "config.yaml")
    log = CourseLog(output / "log.csv", COLUMNS, step)

    samples = ReferenceSamples(
        *_material(config, settings), settings, config.seed, config.rendered, first=step * config.batch
    )
    clips = [HybridClip.load(_data_root() / name) for name in config.validation]
    started, saved = time.monotonic() - seconds, time.monotonic()
    last = min(config.stop_after or config.max_steps, config.max_steps)

    for batch in _batches(samples, config.batch, fabric.device):
        if step == last:
            break
        rate = config.learning_rate * schedule(step, config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        with fabric.autocast():  # the parts are called one by one, which Fabric's wrapper of forward() does not see
            losses = compute_losses(model.module, batch, config, settings)
        optimizer.zero_grad()
        fabric.backward(losses["loss"])
        fabric.clip_gradients(model, optimizer, max_norm=1.0)
        optimizer.step()
        averaged.update(model.module, step)
        step += 1

        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach()) / config.report_every
        if step % config.report_every == 0:
            scores = validate(averaged.module, clips) if step % config.validate_every == 0 and clips else {}
            log.add(step=step, rate=rate, seconds=round(time.monotonic() - started, 1), **sums, **scores)
            print(step, {name: round(value, 5) for name, value in (sums | scores).items()}, flush=True)
            sums = {}
        if time.monotonic() - saved > 60 * config.save_minutes or step == last:
            _save(output / "last.pt", model, averaged, optimizer, step, time.monotonic() - started, sums)
            saved = time.monotonic()
    return output / "last.pt"


def compute_losses(
    network: StreamRef, batch: dict[str, torch.Tensor], config: StreamRefConfig, settings: SampleSettings
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


def schedule(step: int, config: StreamRefConfig) -> float:
    """Share of the learning rate: a short warm-up, constant, then linear to zero over the last `decay_steps`."""
    warm = min(1.0, (step + 1) / config.warmup_steps)
    left = min(1.0, (config.max_steps - step) / config.decay_steps)
    return warm * left


def _batches(samples: ReferenceSamples, size: int, device: torch.device) -> Iterator[dict[str, torch.Tensor]]:
    """Consecutive samples in batches, made in a thread of their own."""

    def made() -> Iterator[dict[str, torch.Tensor]]:
        for start in itertools.count(0, size):
            yield default_collate([samples[start + place] for place in range(size)])

    for batch in prefetch(made(), ahead=3):
        yield {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


def _data_root() -> Path:
    root = os.environ.get("LFVIDEO_DATA")
    if not root:
        raise UsageError("LFVIDEO_DATA is not set; it names the folder that the configuration's clips lie in")
    return Path(root)


def _material(config: StreamRefConfig, settings: SampleSettings):
    cache = Path(config.cache)
    clips = load_clips(_data_root(), config.clips, cache, SCALE * settings.window) if config.clips else []
    return clips, load_scenes(config.scenes, settings.window, cache)


def _resume(path: Path, model, averaged: Averaged, optimizer) -> tuple[int, float, dict[str, float]]:
    """Step, seconds, and the losses summed since the last report, so that the log goes on exactly too."""
    if not path.is_file():
        return 0, 0.0, {}
    state = torch.load(path, weights_only=True)
    model.module.load_state_dict(state["model"])
    averaged.module.load_state_dict(state["averaged"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["rng"])
    return state["step"], state["seconds"], state.get("sums", {})


def _save(path: Path, model, averaged: Averaged, optimizer, step: int, seconds: float, sums) -> None:
    state = {
        "model": model.module.state_dict(),
        "averaged": averaged.module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "size": asdict(averaged.module.size),
        "step": step,
        "seconds": seconds,
        "sums": sums,
        "rng": torch.get_rng_state(),
    }
    save_state(path, state)
