"""Trains the restoring part of C2-Matching, RRSR or AMSA on pairs of pictures, by reconstruction and, where asked, with
perceptual and adversarial losses. Read from top to bottom.

RRSR's reciprocal target-reference reconstruction (its section 3.1) is a weight here and so works for all of them.
"""

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from lfvideo_sr.checks import Count
from lfvideo_sr.methods.c2_matching import C2Matching
from lfvideo_sr.nn.dynamic_aggregation import offset_predictors
from lfvideo_sr.nn.vgg import VGG, load_vgg
from lfvideo_sr.training.adversarial import (
    PERCEPTUAL_LAYER,
    PERCEPTUAL_LOSSES,
    Critic,
    CriticKind,
    PerceptualLoss,
    critic_loss,
    generator_loss,
)
from lfvideo_sr.training.initialisation import Initialisation, initialise_as_published
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.pairs import PairSettings, pair_sample
from lfvideo_sr.training.passes import reciprocal_loss, restore, validate_pairs
from lfvideo_sr.training.sources import LoadPair, pairs_of, validation_pairs
from lfvideo_sr.training.task import (
    Batch,
    BatchLosses,
    Losses,
    RunConfig,
    Step,
    Task,
    data_folder,
    drops,
    rise_and_fall,
)
from lfvideo_sr.weights import load_into


@dataclass(frozen=True)
class RestorationConfig(RunConfig):
    """size: of the network, as in its method's size class; {} is the paper's.

    correspondence: checkpoint of the student, or of a teacher. features: VGG19 weights for textures, which also match
        where there is no `correspondence` (the ablation of C2's Fig. 5). Both are frozen; without either, a part keeps
        random weights, which is of use in tests only.
    drop_at: steps at which the learning rate falls to a tenth; decay: or linearly to zero over the last so many steps.
    offset_rates: of all layers that lead to learned offsets, at strides 4, 2 and 1, by the learning rate; C2's code
        takes (0.01, 0.1, 1), where the paper states nothing.
    initialisation: of what is trained: "torch", or "published", as C2's code (see training/initialisation.py).
    rtrr_weight: of Eq. 3 in RRSR; turned: False leaves out its perspective step (Eq. 2).
    start: weights to go on from, with their frozen parts.
    perceptual_weight, adversarial_weight: 1e-4 and 1e-6 in the papers' GAN variants. reconstruction_steps: so many
        steps by reconstruction alone come first. perceptual_features: VGG19 weights for relu5_1. perceptual: "printed",
        Eq. 11, or "published", as C2's code has it. critic: "plain", or "published", as in C2's code.
    """

    method: Literal["c2_matching", "rrsr", "amsa"] = "c2_matching"
    size: dict[str, Any] = field(default_factory=dict)
    correspondence: str = ""
    features: str = ""
    start: str = ""
    pairs: tuple[str, ...] = ()
    split: str = ""
    side: Count = 160
    reference_side: Count = 160
    no_reference: float = 0.0
    seen_from_elsewhere: float = 0.0
    exposure_change: float = 0.0
    wrong_reference: float = 0.0
    validation: str = ""
    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    drop_at: tuple[int, ...] = ()
    decay: int = 0
    offset_rates: tuple[float, float, float] = (1.0, 1.0, 1.0)
    initialisation: Initialisation = "torch"
    rtrr_weight: float = 0.0
    turned: bool = True
    perceptual_weight: float = 0.0
    perceptual_features: str = ""
    perceptual_width: Count = 64
    perceptual: PerceptualLoss = "printed"
    adversarial_weight: float = 0.0
    critic_width: Count = 32
    critic: CriticKind = "plain"
    reconstruction_steps: int = 0


def train(config: RestorationConfig) -> Path:
    """Run; returns the checkpoint's path."""
    root = data_folder()
    torch.manual_seed(config.seed)  # first weights too
    network = _network(config)
    critic = _critic(config) if config.adversarial_weight else None
    losses = RestorationLosses(network, config, critic)
    share = rise_and_fall(config.max_steps, decay=config.decay) if config.decay else drops(*config.drop_at)
    optimizer = torch.optim.Adam(_groups(network, config), config.learning_rate, betas=config.betas)
    steps = {"restore": Step(losses, optimizer, losses.names, share)}
    if critic is not None:
        judge = torch.optim.Adam(critic.parameters(), config.learning_rate, betas=config.betas)
        judging = CriticLosses(critic, losses)
        steps["judge"] = Step(judging, judge, ("loss_critic",), share, first=config.reconstruction_steps)
    settings = PairSettings(
        side=config.side,
        reference_side=config.reference_side,
        no_reference=config.no_reference,
        seen_from_elsewhere=config.seen_from_elsewhere,
        exposure_change=config.exposure_change,
        wrong_reference=config.wrong_reference,
        turned=bool(config.rtrr_weight),
        perspective=config.turned,
    )
    held_out = validation_pairs(root, config.validation) if config.validation else []
    task = Task(
        network=network,
        about={"method": config.method, "size": config.size},
        steps=steps,
        sample=partial(sample, pairs_of(root, config.pairs, Path(config.cache), config.split), settings, config.seed),
        validate=partial(validate_pairs, held_out) if held_out else None,
        scores=("with_reference", "without"),
        extra={} if critic is None else {"critic": critic},
    )
    return fit(task, config)


def sample(pairs: list[LoadPair], settings: PairSettings, seed: int, number: int) -> dict[str, np.ndarray]:
    """Sample `number` of a run, as `pair_sample` makes it of one of the pairs."""
    rng = np.random.default_rng([seed, number])
    return pair_sample(pairs, rng, settings)


class RestorationLosses(BatchLosses):
    """Every loss by name for a batch of pair samples; `loss` is RRSR's Eq. 6, their weighted sum."""

    def __init__(self, network: C2Matching, config: RestorationConfig, critic: Critic | None = None):
        super().__init__()
        self.network, self.config = network, config
        self._critic = [critic]  # in a list: it is not this module's to train
        self.perceptual = _perceptual(config) if config.perceptual_weight else None
        self.restored: deque[torch.Tensor] = deque()  # of the batches that the critic has not judged yet
        names = {"rtrr": config.rtrr_weight, "perceptual": config.perceptual_weight, "adversarial": critic is not None}
        self.names = ("loss", "reconstruction", *(name for name, there in names.items() if there))

    def forward(self, batch: Batch) -> Losses:
        config, target, reference = self.config, batch["target"].float() / 255, batch["reference"].float() / 255
        restored = self.restore(batch["frame"], reference, batch["present"])
        losses = {"reconstruction": (restored - target).abs().mean()}  # C2 Eq. 10, RRSR Eq. 1
        total = losses["reconstruction"]
        if config.rtrr_weight:
            losses["rtrr"] = self.reciprocal(batch, restored)
            total = total + config.rtrr_weight * losses["rtrr"]
        with_gan = self.step >= config.reconstruction_steps
        if self.perceptual is not None and with_gan:
            losses["perceptual"] = PERCEPTUAL_LOSSES[config.perceptual](self.perceptual, restored, target)
            total = total + config.perceptual_weight * losses["perceptual"]
        if self._critic[0] is not None and with_gan:
            self.restored.append(restored.detach())
            losses["adversarial"] = generator_loss(self._critic[0](restored))
            total = total + config.adversarial_weight * losses["adversarial"]
        return {"loss": total, **losses}

    def restore(self, frame: torch.Tensor, reference: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        return restore(self.network, frame, reference, present)

    def reciprocal(self, batch: Batch, restored: torch.Tensor) -> torch.Tensor:
        """RRSR's Eq. 3 for restored pictures [B,3,s,s]."""
        return reciprocal_loss(self.network, batch, restored)


class CriticLosses(BatchLosses):
    """Eq. 13 on the pictures that were restored in the same step; batches come in the order they were restored in."""

    def __init__(self, critic: Critic, restoring: RestorationLosses):
        super().__init__()
        self.critic = critic
        self._restoring = [restoring]  # in a list: it is not this module's to train

    def forward(self, batch: Batch) -> Losses:
        loss = critic_loss(self.critic, self._restoring[0].restored.popleft(), batch["target"].float() / 255)
        return {"loss": loss, "loss_critic": loss}


def _network(config: RestorationConfig) -> C2Matching:
    """The method's network with its frozen parts filled and the rest new, or as a run left it."""
    network: C2Matching = import_module(f"lfvideo_sr.methods.{config.method}").network(config.size)
    if config.initialisation == "published":
        initialise_as_published(network.restorer)
    if config.start:
        load_into(network, Path(config.start))
    else:
        if config.features:
            for extractor in (network.textures, network.correspondence.query, network.correspondence.reference):
                load_vgg(extractor, config.features)
        if config.correspondence:
            load_into(network.correspondence, Path(config.correspondence))
    for part in (network.correspondence, network.textures):
        part.requires_grad_(False)
    return network


def _groups(network: C2Matching, config: RestorationConfig) -> list[dict[str, Any]]:
    """The restorer's parameters; the layers that lead to offsets with rates of their own."""
    special: dict[int, float] = {}
    for fusion, rate in zip(network.restorer.fusions, config.offset_rates):
        layers = [layer for predictor in offset_predictors(fusion) for layer in predictor]
        special |= {id(parameter): rate for layer in layers for parameter in layer.parameters()}
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in network.restorer.parameters():
        groups.setdefault(special.get(id(parameter), 1.0), []).append(parameter)
    return [{"params": parameters, "lr": rate * config.learning_rate} for rate, parameters in groups.items()]


def _critic(config: RestorationConfig) -> Critic:
    published = config.critic == "published"
    critic = Critic(config.critic_width, published)
    if published:
        initialise_as_published(critic)
    return critic


def _perceptual(config: RestorationConfig) -> VGG:
    vgg = VGG("vgg19", (PERCEPTUAL_LAYER,), config.perceptual_width)
    if config.perceptual_features:
        load_vgg(vgg, config.perceptual_features)
    return vgg.eval().requires_grad_(False)
