"""Trains stream_ref: matching and restoring together, from clips and rendered scenes. Read from top to bottom."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.utils.data import ConcatDataset

from lfvideo_sr.checks import Count
from lfvideo_sr.method import Match
from lfvideo_sr.methods.stream_ref import GENERATION, SCALE, Fetched, StreamRef, StreamRefSize
from lfvideo_sr.nn.warp import sample
from lfvideo_sr.training.clips import load_clips
from lfvideo_sr.training.footage import Footage, record_all
from lfvideo_sr.training.hybrid_validation import SCORES, HybridClip, validate
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.losses import alignment_loss, decibel_loss, field_loss, relevance_loss
from lfvideo_sr.training.scenes import load_grids, load_scenes
from lfvideo_sr.training.stream_samples import ReferenceSamples, Samples, SampleSettings
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
from lfvideo_sr.weights import load_into, weights_path

LOSSES = ("loss", "picture", "alignment", "relevance", "field")


@dataclass(frozen=True)
class StreamRefConfig(RunConfig):
    """Paths of clips are relative to the folder in the environment variable LFVIDEO_DATA.

    recordings: how many ways each clip is recorded in beside clean bicubic. clean: share of the clips' samples that are
        clean bicubic. no_reference: share of samples without any reference.
    scenes, grids, rendered: how many scenes, and views of how many light fields, are rendered; and the share of samples
        that are of either. start: weights to go on from, by name or file.
    graded: the last so many frames of a sample are learned from; up to `frames - graded` before them are restored
        first, so that the network meets what it made itself.
    """

    clips: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    recordings: int = 5
    clean: float = 0.3
    no_reference: float = 0.2
    scenes: int = 400
    grids: int = 0
    start: str = ""
    rendered: float = 0.3
    frames: Count = 4
    graded: int = 2
    crop: Count = 40
    channels: Count = 64
    blocks: Count = 6
    matching: int = 48
    seed_level: int = 0
    stride: int = 2
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
    size = StreamRefSize(config.channels, config.blocks, config.matching, config.seed_level, config.stride)
    network = StreamRef(size).to(memory_format=torch.channels_last)
    if config.start:
        load_into(network, weights_path(config.start))
    settings = SampleSettings(
        frames=config.frames, crop=config.crop, no_reference=config.no_reference, seed_level=config.seed_level,
        stride=config.stride,
    )  # fmt: skip
    material = _material(config, settings)
    samples = ReferenceSamples(*material, settings, config.seed, config.rendered, config.clean)
    clips = [HybridClip.load(data_folder() / name) for name in config.validation]
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate, betas=(0.9, 0.99))
    share = rise_and_fall(config.max_steps, config.warmup_steps, config.decay_steps)
    task = Task(
        network=network,
        about={"method": "stream_ref", "generation": GENERATION, "size": asdict(size)},
        steps={"restore": Step(StreamRefLosses(network, config, settings), optimizer, LOSSES, share)},
        sample=samples.__getitem__,
        validate=partial(_validated, clips) if clips else None,
        scores=SCORES,
    )
    return fit(task, config)


class StreamRefLosses(BatchLosses):
    """Every loss of a batch by name; `loss` is their weighted sum."""

    def __init__(self, network: StreamRef, config: StreamRefConfig, settings: SampleSettings):
        super().__init__()
        self.network, self.config, self.settings = network, config, settings

    def forward(self, batch: Batch) -> Losses:
        return compute_losses(self.network, batch, self.config, self.settings)


def compute_losses(
    network: StreamRef, batch: Batch, config: StreamRefConfig, settings: SampleSettings
) -> dict[str, torch.Tensor]:
    """Consecutive frames restored one after the other, each from its references and what was restored before it. The
    last `graded` are learned from; which frame is the first, before which nothing was restored, is drawn."""
    references = _Pair.of(network, batch)
    graded = range(settings.frames - config.graded, settings.frames)
    first = int(torch.randint(graded.start + 1, ()))
    last: torch.Tensor | None = None
    sums: dict[str, torch.Tensor] = {}
    for number in range(first, settings.frames):
        with torch.set_grad_enabled(torch.is_grad_enabled() and number in graded):
            moment = _restored(network, batch, references, number, last)
        last = moment.picture.detach().clamp(0, 1)
        if number in graded:
            parts = _losses_of(moment, batch, references, number, settings)
            sums = {name: sums.get(name, 0) + part / config.graded for name, part in parts.items()}
    weighted = (
        sums["picture"]
        + config.alignment_weight * sums["alignment"]
        + config.relevance_weight * sums["relevance"]
        + config.field_weight * sums["field"]
    )
    return {"loss": weighted, **sums}


@dataclass(frozen=True, eq=False)
class _Pair:
    """Both references of every sample as one batch of twice the size: all first ones, then all second ones."""

    pictures: torch.Tensor
    encoded: dict[str, torch.Tensor]
    present: torch.Tensor

    @classmethod
    def of(cls, network: StreamRef, batch: Batch) -> "_Pair":
        pictures, sides, present = (
            batch[name].transpose(0, 1).flatten(0, 1) for name in ("references", "sides", "present")
        )
        pictures = pictures.float() / 255
        with torch.no_grad():  # an encoder has nothing to learn
            encoded = network.encoder(pictures, sides, batch["taps"].repeat(2, 1, 1))
        return cls(pictures, encoded, present)


@dataclass(frozen=True, eq=False)
class _Moment:
    """A frame as it was restored, and what of its references went into it; halves as in _Pair."""

    picture: torch.Tensor
    base: torch.Tensor
    positions: torch.Tensor
    trust: torch.Tensor
    fetched: Fetched


def _restored(network: StreamRef, batch: Batch, pair: _Pair, number: int, last: torch.Tensor | None) -> _Moment:
    """Frame `number` of every sample; last: the picture of the one before."""
    frame = batch["frames"][:, number].contiguous(memory_format=torch.channels_last)
    seed = batch["seeds"][:, number].transpose(0, 1).flatten(0, 1)
    restorer = network.restorer
    positions, trust = network.matcher(frame.repeat(2, 1, 1, 1), pair.encoded, seed)
    enlarged = restorer.enlarge(frame)
    fetched = restorer.fetch(enlarged.repeat(2, 1, 1, 1), pair.encoded, positions, trust * pair.present[:, None, None])
    before = None
    if last is not None:
        places = batch["follow"][:, number]
        made_of = {"picture": last, "frame": batch["frames"][:, number - 1]}
        before = restorer.fetch_last(enlarged, *Match(made_of, places, torch.ones_like(places[..., 0])))
    picture = restorer.fused(frame, [fetched.half(0), fetched.half(1)], before).float()
    base = F.pixel_shuffle(restorer.blend.enlarge(frame), SCALE)
    return _Moment(picture, base, positions, trust, fetched)


def _losses_of(
    moment: _Moment, batch: Batch, pair: _Pair, number: int, settings: SampleSettings
) -> dict[str, torch.Tensor]:
    target = batch["targets"][:, number].float() / 255
    stride = settings.stride
    target_twice, at_places = target.repeat(2, 1, 1, 1), F.avg_pool2d(target, stride).repeat(2, 1, 1, 1)
    flow, visible = (batch[name][:, number].transpose(0, 1).flatten(0, 1) for name in ("flow", "visible"))
    base = moment.base.repeat(2, 1, 1, 1)
    with torch.no_grad():
        detail, misfit, _ = moment.fetched.source
        in_detail = base + F.pixel_shuffle(detail, SCALE).float()
        lift = F.interpolate(F.pixel_shuffle(misfit, SCALE // stride), scale_factor=stride, mode="bicubic")
        candidates = (in_detail, in_detail + lift)
    return {
        "picture": decibel_loss(moment.picture, target),
        "alignment": alignment_loss(sample(pair.pictures, moment.positions), at_places),
        "relevance": relevance_loss(moment.trust, candidates, base, target_twice),
        "field": field_loss(moment.positions, flow, visible, origin=float(SCALE * settings.margin)),
    }


def _validated(clips: list[HybridClip], network: StreamRef) -> Validation:
    return validate(network, clips), {}


def _material(config: StreamRefConfig, settings: SampleSettings) -> tuple[list[list[Footage]], Samples]:
    cache = Path(config.cache)
    if config.clips:
        print(f"clips       {len(config.clips)} are decoded and recorded, unless {cache} has them", flush=True)
    clips = load_clips(data_folder(), config.clips, cache, SCALE * settings.window + 4) if config.clips else []
    footage = record_all(clips, config.recordings, cache)
    scenes = load_scenes(config.scenes, settings.window, settings.frames, cache)
    grids = [load_grids(config.grids, settings.window, settings.frames, cache)] if config.grids else []
    return footage, ConcatDataset([scenes, *grids])  # type: ignore[list-item]  # it needs lengths and numbers alone
