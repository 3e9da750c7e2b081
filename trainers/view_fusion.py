"""Trains view_fusion: what views take from each other in a light field without a sharp one. Read from top to bottom.

The single-image path comes first and is not trained: samples are made of its results, once (training/view_grids.py).
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from lfvideo_sr.checks import Count
from lfvideo_sr.methods.stream_ref import network as stream_ref
from lfvideo_sr.methods.view_fusion import SCALE, ViewFusion, ViewFusionSize
from lfvideo_sr.textures import random_texture
from lfvideo_sr.training.clips import load_clips
from lfvideo_sr.training.flow_views import photo_texture
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.sources import LoadPhoto, files_key
from lfvideo_sr.training.task import (
    Batch,
    BatchLosses,
    Losses,
    RunConfig,
    Sample,
    Step,
    Task,
    Validation,
    data_folder,
    rise_and_fall,
)
from lfvideo_sr.training.view_grids import FusionViews, kept, real_views, rendered_views
from lfvideo_sr.weights import fingerprint, load_into, network_of_size, read_about, weights_path

LOSSES = ("loss",)
SCORES = ("psnr_y", "gain")
FLOOR = 1e-5  # of a mean squared error, 50 dB
SMALLEST = 260  # pixels of the shorter side of a clip whose frames cover surfaces
BORDER = 4  # output pixels that scores leave out


@dataclass(frozen=True)
class ViewFusionConfig(RunConfig):
    """Paths are relative to the folder in the environment variable LFVIDEO_DATA.

    clips: what surfaces of rendered scenes are covered with, beside random textures.
    grids: real light fields to train on; validation: those to validate on, by two of their views.
    single: weights of stream_ref, whose single-image path comes before.
    scenes: how many are rendered. first_scenes: how many of them the first samples are of; a further one joins them
        every `samples_per_scene` samples, so that a run need not wait for all.
    real: share of samples of `grids`. crop: low-resolution pixels along a side. side: of a rendered view.
    """

    clips: tuple[str, ...] = ()
    grids: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    single: str = "stream_ref"
    scenes: int = 600
    first_scenes: int = 6
    samples_per_scene: int = 40
    real: float = 0.1
    crop: Count = 24
    side: Count = 48
    channels: Count = 48
    blocks: Count = 3
    batch: int = 4
    max_steps: int = 12000
    warmup_steps: int = 100
    decay_steps: int = 8000
    learning_rate: float = 6e-4
    clip: float = 1.0
    validate_every: int = 500
    output: str = "runs/view_fusion"


def train(config: ViewFusionConfig) -> Path:
    """Run; returns the checkpoint's path."""
    torch.manual_seed(config.seed)
    size = ViewFusionSize(config.channels, config.blocks)
    network = ViewFusion(size).to(memory_format=torch.channels_last)
    material = Material.of(config)
    validation = [material.real(name, some=True) for name in config.validation]
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate, betas=(0.9, 0.99))
    share = rise_and_fall(config.max_steps, config.warmup_steps, config.decay_steps)
    task = Task(
        network=network,
        about={"method": "view_fusion", "size": asdict(size)},
        steps={"fuse": Step(FusionLosses(network), optimizer, LOSSES, share)},
        sample=partial(sample, material, config),
        validate=partial(validated, validation) if validation else None,
        scores=SCORES,
    )
    return fit(task, config)


class FusionLosses(BatchLosses):
    """The decibels that the fused luma lacks."""

    def __init__(self, network: ViewFusion):
        super().__init__()
        self.network = network

    def forward(self, batch: Batch) -> Losses:
        fused = batch["planes"][:, 1:2] + self.network(batch["planes"], batch["spread"])
        error = ((fused - batch["truth"]) / 255).square().mean((1, 2, 3))
        return {"loss": (error + FLOOR).log().mean()}


@dataclass(frozen=True, eq=False)
class Material:
    """Where samples come from; each is made when it is first asked for, and kept in `cache`."""

    cache: Path
    restore: Callable[[np.ndarray], np.ndarray]
    texture: Callable
    side: int
    grids: tuple[FusionViews, ...] = ()

    @classmethod
    def of(cls, config: ViewFusionConfig) -> "Material":
        weights = weights_path(config.single)
        photos = _photos(config) if config.clips else []  # a clip that is missing is refused here
        root = data_folder()
        clips = files_key(root, [root / name for name in config.clips])
        cache = Path(config.cache) / f"view-grids-{config.side}-{clips}-{fingerprint(weights)}"
        texture = partial(photo_texture, photos) if photos else random_texture
        plain = cls(cache, _single_image_path(config.single), texture, config.side)
        return cls(cache, plain.restore, texture, config.side, tuple(plain.real(name) for name in config.grids))

    def scene(self, number: int) -> FusionViews:
        return kept(self.cache / f"{number:05d}", lambda: rendered_views(number, self.side, self.restore, self.texture))

    def real(self, name: str, some: bool = False) -> FusionViews:
        """A light field in the data folder: all its views, or some to validate on."""
        root = data_folder()
        path = root / name
        files = [file for file in (path, *path.rglob("*")) if file.is_file()]
        named = f"{name.replace('/', '-')}-{files_key(root, files)}{'-some' if some else ''}"
        return kept(self.cache / named, partial(real_views, path, self.restore, some=some))


def sample(material: Material, config: ViewFusionConfig, number: int) -> Sample:
    """A crop of a view, turned or mirrored; a pure function of its number."""
    rng = np.random.default_rng([config.seed, number])
    if material.grids and rng.random() < config.real:
        views = material.grids[int(rng.integers(len(material.grids)))]
    else:
        there = min(config.scenes, config.first_scenes + number // config.samples_per_scene)
        views = material.scene(int(rng.integers(there)))
    height, width = views.spread.shape[2:]
    view = int(rng.integers(len(views.spread)))
    top, left = (int(rng.integers(side - config.crop + 1)) for side in (height, width))
    low = np.s_[view, :, top : top + config.crop, left : left + config.crop]
    high = np.s_[view, :, SCALE * top : SCALE * (top + config.crop), SCALE * left : SCALE * (left + config.crop)]
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    parts = {"planes": views.planes[high], "spread": views.spread[low], "truth": views.truth[high]}
    return {name: _turned(np.asarray(part, np.float32), turns, mirrored) for name, part in parts.items()}


def _turned(part: np.ndarray, turns: int, mirrored: bool) -> np.ndarray:
    part = np.rot90(part, turns, (1, 2))
    return np.ascontiguousarray(part[..., ::-1] if mirrored else part)


def validated(views: list[FusionViews], network: ViewFusion) -> Validation:
    """Mean PSNR-Y over light fields, and what it gains over the single-image path; the first fused view."""
    scores: list[float] = []
    gains: list[float] = []
    pictures: dict[str, np.ndarray] = {}
    device = next(network.parameters()).device
    each_view = (view for field in views for view in zip(*field))
    for planes, spread, truth in ((np.asarray(part, np.float32) for part in view) for view in each_view):
        inputs = (torch.from_numpy(part)[None].to(device) for part in (planes, spread))
        fused = planes[1:2] + network(*inputs)[0].cpu().numpy()
        fused_score, single_score = (_psnr(picture, truth) for picture in (fused, planes[:1]))
        scores.append(fused_score)
        gains.append(fused_score - single_score)
        pictures.setdefault("fused", np.repeat((fused - 16) / 219, 3, 0).clip(0, 1))
    return {"psnr_y": float(np.mean(scores)), "gain": float(np.mean(gains))}, pictures


def _psnr(picture: np.ndarray, truth: np.ndarray) -> float:
    inner = np.s_[:, BORDER:-BORDER, BORDER:-BORDER]
    return float(10 * np.log10(255**2 / np.square(picture[inner] - truth[inner]).mean()))


def _photos(config: ViewFusionConfig) -> list[LoadPhoto]:
    """Some frames of each clip."""
    clips = load_clips(data_folder(), config.clips, Path(config.cache), SMALLEST)
    return [partial(_frame, clip.high, at) for clip in clips for at in range(0, len(clip.high), 12)]


def _frame(frames: np.ndarray, at: int) -> np.ndarray:
    return np.array(frames[at])


def _single_image_path(weights: str) -> Callable[[np.ndarray], np.ndarray]:
    """Low-resolution view f32 [3,h,w] in [0,1] -> restored [3,4h,4w]."""
    path = weights_path(weights)
    network = network_of_size(stream_ref, read_about(path), path)
    load_into(network, path)
    restorer = network.restorer.eval()  # type: ignore[union-attr]

    def restore(view: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            frame = torch.from_numpy(view)[None].contiguous(memory_format=torch.channels_last)
            return restorer(frame, []).float()[0].numpy()  # type: ignore[operator]

    return restore
