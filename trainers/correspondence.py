"""Trains correspondences (C2-Matching, sections 3.1 and 3.2): first a teacher that matches sharp pictures, then the
student that matches low-resolution frames, with what the teacher knows. Read from top to bottom.

RRSR and AMSA match with the same network.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from lfvideo_sr.checks import Count
from lfvideo_sr.errors import UsageError
from lfvideo_sr.methods.c2_matching import FIELD_STRIDE, CorrespondenceNetwork, describe, search
from lfvideo_sr.nn.resize import full_precision
from lfvideo_sr.nn.vgg import load_vgg
from lfvideo_sr.training.correspondence_losses import distillation_loss, margin_loss
from lfvideo_sr.training.homographies import Homographies, correspondence_sample
from lfvideo_sr.training.loop import fit
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
    drops,
    rise_and_fall,
)
from lfvideo_sr.training.whitening import whiten
from lfvideo_sr.weights import load_into

FEWEST = 128  # true matches that a sample must have to count


@dataclass(frozen=True)
class CorrespondenceConfig(RunConfig):
    """stage: "teacher" or "student"; a student needs the checkpoint of its `teacher`.

    start: VGG16 weights to start from, as the paper does: torchvision's .pth or this project's .safetensors. Without, a
        student starts from its teacher.
    whiten: so many photos, after `start`, by which descriptors are spread; for features that are not ImageNet's.
    warmup, decay: steps of the learning rate's linear rise and fall; the paper's is constant.
    distillation_weight: alpha of Eq. 7; 0 trains a student without a teacher's help.
    drop_at: steps at which the learning rate falls to a tenth.
    homographies: of the training's views, "published" or "near", see correspondence_sample.
    validation_photos: pictures that are never trained on; so many samples of them score a run.
    """

    stage: Literal["teacher", "student"] = "teacher"
    photos: tuple[str, ...] = ()
    validation_photos: tuple[str, ...] = ()
    validation_samples: int = 16
    width: Count = 64
    start: str = ""
    whiten: int = 0
    teacher: str = ""
    learning_rate: float = 1e-3
    warmup: int = 0
    decay: int = 0
    drop_at: tuple[int, ...] = ()
    homographies: Homographies = "published"
    distillation_weight: float = 15.0


def train(config: CorrespondenceConfig) -> Path:
    """Run one stage; returns the checkpoint's path."""
    root = data_folder()
    torch.manual_seed(config.seed)  # first weights too
    photos = photos_of(root, config.photos, Path(config.cache))
    network = _network(config)
    if config.whiten:
        _whiten(network, photos, config)
    teacher = _teacher(config) if config.stage == "student" and config.distillation_weight else None
    losses = CorrespondenceLosses(network, config, teacher)
    held_out = held_out_photos(root, config.validation_photos, Path(config.cache))
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate)
    rise = rise_and_fall(config.max_steps, config.warmup, config.decay)
    fall = drops(*config.drop_at)
    task = Task(
        network=network,
        about={"method": "correspondence", "size": {"width": config.width}},
        steps={"match": Step(losses, optimizer, losses.names, lambda step: rise(step) * fall(step))},
        sample=partial(sample, photos, config.seed, homographies=config.homographies),
        validate=partial(validate, held_out, config) if held_out else None,
        scores=("near", "error"),
    )
    return fit(task, config)


def sample(
    photos: list[LoadPhoto], seed: int, number: int, homographies: Homographies = "published"
) -> dict[str, np.ndarray]:
    """Sample `number` of a run, as `correspondence_sample` makes it of one of the photos."""
    rng = np.random.default_rng([seed, number])
    return correspondence_sample(photos[rng.integers(len(photos))], rng, homographies)


class CorrespondenceLosses(BatchLosses):
    """Eq. 7 for a batch: the margin loss of every sample with matches enough, and the teacher's divergence."""

    def __init__(
        self, network: CorrespondenceNetwork, config: CorrespondenceConfig, teacher: CorrespondenceNetwork | None
    ):
        super().__init__()
        self.network, self.weight = network, config.distillation_weight
        self.view = "sharp" if config.stage == "teacher" else "frame"
        self.teacher = None if teacher is None else teacher.eval().requires_grad_(False)
        self.names = ("loss", "margin") if teacher is None else ("loss", "margin", "distillation")

    def forward(self, batch: Batch) -> Losses:
        query, reference = self.network(batch[self.view], batch["reference"])
        taught = None
        if self.teacher is not None:
            with torch.no_grad():
                taught = self.teacher(batch["sharp"], batch["reference"])
        with full_precision(query):  # bfloat16 cannot tell the distances of neighbours apart
            return self._compared(query, reference, taught, batch["truth"])

    def _compared(
        self,
        query: torch.Tensor,
        reference: torch.Tensor,
        taught: tuple[torch.Tensor, torch.Tensor] | None,
        truth: torch.Tensor,
    ) -> Losses:
        """For descriptors [B,C,h,w] of frame and reference, the teacher's of both, and true positions [B,h,w,2]."""
        margins = [margin for margin in map(_margin, query, reference, truth) if margin is not None]
        losses = {"margin": torch.stack(margins).mean() if margins else (query.sum() + reference.sum()) * 0}
        total = losses["margin"]
        if taught is not None:
            pairs = zip(*(features.flatten(2) for features in (query, reference, *taught)))
            losses["distillation"] = torch.stack([distillation_loss(*pair) for pair in pairs]).mean()
            total = total + self.weight * losses["distillation"]
        return {"loss": total, **losses}


def _margin(query: torch.Tensor, reference: torch.Tensor, truth: torch.Tensor) -> torch.Tensor | None:
    """Eq. 1 for descriptors [C,h,w] and true positions [h,w,2]; the match is the nearest place of the reference."""
    height, width = query.shape[1:]
    points = truth.isfinite().all(-1).flatten().nonzero()[:, 0]
    if len(points) < FEWEST:
        return None
    places = ((truth.flatten(0, 1)[points] - (FIELD_STRIDE - 1) / 2) / FIELD_STRIDE).round().long()
    matches = places[:, 1].clamp(0, height - 1) * width + places[:, 0].clamp(0, width - 1)
    rows, columns = torch.meshgrid(
        *(torch.arange(side, device=query.device) for side in (height, width)), indexing="ij"
    )
    grid = torch.stack([columns.flatten(), rows.flatten()], -1).float()
    return margin_loss(query.flatten(1), reference.flatten(1), points, matches, grid, grid)


def validate(photos: list[LoadPhoto], config: CorrespondenceConfig, network: CorrespondenceNetwork) -> Validation:
    """Of exact search by patches, on photos never trained on: share of true matches missed by less than a place
    ("near"), and the mean end-point error in pixels."""
    view = "sharp" if config.stage == "teacher" else "frame"
    device = next(network.parameters()).device
    errors = []
    for number in range(config.validation_samples):
        rng = np.random.default_rng([config.seed, 0, number])
        made = correspondence_sample(photos[number % len(photos)], rng, config.homographies)
        frame, reference = (torch.from_numpy(made[name])[None].to(device) for name in (view, "reference"))
        positions = search(describe(network.query, frame), describe(network.reference, reference))[0][0].cpu().numpy()
        errors.append(np.linalg.norm(positions - made["truth"], axis=-1))
    error = np.concatenate([distances[np.isfinite(distances)] for distances in errors])
    return {"near": float((error < FIELD_STRIDE).mean()), "error": float(error.mean())}, {}


def _network(config: CorrespondenceConfig) -> CorrespondenceNetwork:
    network = CorrespondenceNetwork(config.width)
    if config.start:
        load_vgg(network.query, config.start)
        load_vgg(network.reference, config.start)
    elif config.teacher:
        load_into(network, Path(config.teacher))
    return network


def _whiten(network: CorrespondenceNetwork, photos: list[LoadPhoto], config: CorrespondenceConfig) -> None:
    """Each extractor on what it will see."""
    view = "sharp" if config.stage == "teacher" else "frame"
    made = [sample(photos, config.seed + 1, number, config.homographies) for number in range(config.whiten)]
    for extractor, name in ((network.query, view), (network.reference, "reference")):
        whiten(extractor, torch.stack([torch.from_numpy(arrays[name]) for arrays in made]))


def _teacher(config: CorrespondenceConfig) -> CorrespondenceNetwork:
    if not config.teacher:
        raise UsageError("a student has no teacher; give the last.pt of one as `teacher`, or distillation_weight: 0")
    teacher = CorrespondenceNetwork(config.width)
    load_into(teacher, Path(config.teacher))
    return teacher
