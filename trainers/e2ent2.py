"""Trains E2ENT2: the single-image branch alone on photos first, then both branches together, by reconstruction and a
relativistic average GAN (section 3.5). Read from top to bottom."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from lfvideo_sr.checks import Count
from lfvideo_sr.errors import UsageError
from lfvideo_sr.methods.e2ent2 import E2ENT2, E2ENT2Size, VGGFeatures
from lfvideo_sr.nn.vgg import load_vgg
from lfvideo_sr.training.adversarial import Critic, relativistic_critic_loss, relativistic_generator_loss
from lfvideo_sr.training.crops import CropSettings, PhotoTooSmall, two_crops
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.pairs import PairSettings, pair_sample
from lfvideo_sr.training.passes import reciprocal_loss, restore, validate_alone, validate_pairs
from lfvideo_sr.training.sources import pairs_of, photos_of, validation_pairs
from lfvideo_sr.training.task import (
    Batch,
    BatchLosses,
    Losses,
    RunConfig,
    Step,
    Task,
    data_folder,
    rise_and_fall,
)
from lfvideo_sr.weights import load_into

DRAWS = 50  # of a photo for one sample
DrawSample = Callable[[np.random.Generator], dict[str, np.ndarray]]


@dataclass(frozen=True)
class E2ENT2Config(RunConfig):
    """stage: "single" (the single-image branch alone) or "joint"; a joint run begins with the weights of `start`.

    size: of the network, as in E2ENT2Size; {} is the paper's.
    photos: folders whose pictures are cropped twice for a pair; apart: see CropSettings. pairs, split: as for other
        trainers, beside or instead of photos. reference_side: of the pairs' references, and of photos' beside them;
        alone, photos have references of `side`.
    no_reference: share of samples without. seen_from_elsewhere, exposure_change, wrong_reference: of pairs, see
        PairSettings.
    reconstruction: "l1", or "mse" (E2ENT2-MSE in Table 1).
    reconstruction_weight, adversarial_weight: of Eq. 8 and Eq. 10; 1e-2 and 1e-5 in the paper. 0: no GAN.
    rtrr_weight, turned: RRSR's reciprocal reconstruction, see restoration.
    frozen_features: phi stays as `start` has it (Feature-preSISR in Table 3), or as `vgg_features` has it where the
        size says "vgg" (Feature-VGG), which stays frozen always.
    decay: steps at the end over which the learning rate falls to zero; the paper's is constant.
    """

    stage: Literal["single", "joint"] = "joint"
    size: dict[str, Any] = field(default_factory=dict)
    start: str = ""
    vgg_features: str = ""
    frozen_features: bool = False
    photos: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    split: str = ""
    side: Count = 160
    reference_side: Count = 160
    apart: int = 80
    no_reference: float = 0.0
    seen_from_elsewhere: float = 0.0
    exposure_change: float = 0.0
    wrong_reference: float = 0.0
    validation: str = ""
    learning_rate: float = 1e-4
    decay: int = 0
    reconstruction: Literal["l1", "mse"] = "l1"
    reconstruction_weight: float = 1e-2
    adversarial_weight: float = 0.0
    critic_width: Count = 32
    rtrr_weight: float = 0.0
    turned: bool = True


def train(config: E2ENT2Config) -> Path:
    """Run one stage; returns the checkpoint's path."""
    root = data_folder()
    torch.manual_seed(config.seed)  # first weights too
    network = _network(config)
    single = config.stage == "single"
    branches = 1 if single else 2
    critics = nn.ModuleList(Critic(config.critic_width) for _ in range(branches if config.adversarial_weight else 0))
    losses = E2ENT2Losses(network, config, critics)
    share = rise_and_fall(config.max_steps, decay=config.decay)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    steps = {"restore": Step(losses, torch.optim.Adam(trained, config.learning_rate), losses.names, share)}
    if critics:
        judge = torch.optim.Adam(critics.parameters(), config.learning_rate)
        steps["judge"] = Step(CriticsLosses(critics, losses), judge, ("loss_critic",), share)
    held_out = validation_pairs(root, config.validation) if config.validation else []
    task = Task(
        network=network,
        about={"method": "e2ent2", "size": config.size},
        steps=steps,
        sample=partial(sample, material(config, root), config.seed),
        validate=partial(validate_alone if single else validate_pairs, held_out) if held_out else None,
        scores=("without",) if single else ("with_reference", "without"),
        extra={"critics": critics} if critics else {},
    )
    return fit(task, config)


def sample(made: Sequence[DrawSample], seed: int, number: int) -> dict[str, np.ndarray]:
    """Sample `number` of a run, by one of `material`; photos that are too small are passed over. Raises PhotoTooSmall
    where many in a row are."""
    rng = np.random.default_rng([seed, number])
    for _ in range(DRAWS - 1):
        with suppress(PhotoTooSmall):
            return made[int(rng.integers(len(made)))](rng)
    return made[int(rng.integers(len(made)))](rng)


def material(config: E2ENT2Config, root: Path) -> list[DrawSample]:
    """What makes a sample of each photo and of each pair."""
    if not config.photos and not config.pairs:
        raise UsageError("nothing to train on; name folders as `photos` or `pairs`, or [rendered:100]")
    shares: dict[str, Any] = {"no_reference": config.no_reference, "perspective": config.turned}
    shares["turned"] = bool(config.rtrr_weight)
    as_pairs = config.reference_side if config.pairs else None
    crops = CropSettings(config.side, config.apart, **shares, reference_side=as_pairs)
    beside = PairSettings(
        config.side,
        config.reference_side,
        seen_from_elsewhere=config.seen_from_elsewhere,
        exposure_change=config.exposure_change,
        wrong_reference=config.wrong_reference,
        **shares,
    )
    cached = Path(config.cache)
    photos = photos_of(root, config.photos, cached) if config.photos else []
    pairs = pairs_of(root, config.pairs, cached, config.split) if config.pairs else []
    made: list[DrawSample] = [partial(two_crops, load, settings=crops) for load in photos]
    return made + len(pairs) * [partial(pair_sample, pairs, settings=beside)]


class E2ENT2Losses(BatchLosses):
    """Every loss by name, each the sum over the branches in training; `loss` is their weighted sum."""

    def __init__(self, network: E2ENT2, config: E2ENT2Config, critics: nn.ModuleList):
        super().__init__()
        self.network, self.config = network, config
        self._critics = [critics]  # in a list: not this module's to train
        self.restored: deque[list[torch.Tensor]] = deque()  # of the batches that the critics have not judged yet
        names = {"adversarial": len(critics) > 0, "rtrr": config.stage == "joint" and config.rtrr_weight}
        self.names = ("loss", "reconstruction", *(name for name, there in names.items() if there))

    def forward(self, batch: Batch) -> Losses:
        config, target, reference = self.config, batch["target"].float() / 255, batch["reference"].float() / 255
        pictures = [self.network.restorer.alone(batch["frame"]).float()]
        if config.stage == "joint":
            pictures.append(restore(self.network, batch["frame"], reference, batch["present"]))
        losses = {"reconstruction": sum_of(self.apart(picture, target) for picture in pictures)}
        total = config.reconstruction_weight * losses["reconstruction"]
        if self._critics[0]:
            losses["adversarial"] = sum_of(map(partial(_judged, target), self._critics[0], pictures))
            total = total + config.adversarial_weight * losses["adversarial"]
            self.restored.append([picture.detach() for picture in pictures])
        if "rtrr" in self.names:
            losses["rtrr"] = reciprocal_loss(self.network, batch, pictures[-1])
            total = total + config.reconstruction_weight * config.rtrr_weight * losses["rtrr"]
        return {"loss": total, **losses}

    def apart(self, picture: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Eq. 8, or its square."""
        difference = picture - target
        return difference.abs().mean() if self.config.reconstruction == "l1" else difference.square().mean()


def sum_of(parts: Iterable[torch.Tensor]) -> torch.Tensor:
    """The sum of scalars, as a scalar."""
    return torch.stack(list(parts)).sum()


def _judged(target: torch.Tensor, critic: Critic, picture: torch.Tensor) -> torch.Tensor:
    return relativistic_generator_loss(critic(target), critic(picture))


class CriticsLosses(BatchLosses):
    """Eq. 9 of each branch, on the pictures restored in the same step; batches come in the order they were restored."""

    def __init__(self, critics: nn.ModuleList, restoring: E2ENT2Losses):
        super().__init__()
        self.critics = critics
        self._restoring = [restoring]  # in a list: it is not this module's to train

    def forward(self, batch: Batch) -> Losses:
        target = batch["target"].float() / 255
        pairs = zip(self.critics, self._restoring[0].restored.popleft())
        loss = sum_of(relativistic_critic_loss(critic(target), critic(picture)) for critic, picture in pairs)
        return {"loss": loss, "loss_critic": loss}


def _network(config: E2ENT2Config) -> E2ENT2:
    network = E2ENT2(E2ENT2Size(**config.size))
    if config.start:
        load_into(network, Path(config.start))
    if isinstance(network.phi, VGGFeatures):
        if config.vgg_features:
            load_vgg(network.phi.vgg, config.vgg_features)
        network.phi.requires_grad_(False)
    if config.frozen_features:
        network.phi.requires_grad_(False)
    if config.stage == "single":  # several processes wait for the gradient of each parameter that has one
        for part in (network.restorer.res1, network.restorer.res2):
            part.requires_grad_(False)
    return network
