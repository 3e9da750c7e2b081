"""Trains SS-Net, the fusing half of RefSR-Net (section 5.2), behind a trained CC-Net and a trained single-image
network, both frozen. Read from top to bottom."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lfvideo_sr.checks import Count
from lfvideo_sr.errors import UsageError
from lfvideo_sr.method import Match
from lfvideo_sr.methods.refsr_net import RefSRNet, RefSRSize, match_of
from lfvideo_sr.nn.sliding import cells
from lfvideo_sr.training.beside import BesideSettings, Draw, always, drawn_sample, light_fields, moving
from lfvideo_sr.training.flow_views import LoadViews, rendered_views, sintel_views
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.losses import PICTURE_LOSSES, PictureLoss
from lfvideo_sr.training.passes import validate_pairs
from lfvideo_sr.training.sources import LoadPair, Pair, pairs_of
from lfvideo_sr.training.task import Batch, BatchLosses, Losses, RunConfig, Step, Task, data_folder, rise_and_fall
from lfvideo_sr.weights import load_into

HELD_OUT = 10_000  # number of the first rendered scene that validates
VALIDATED = 4


@dataclass(frozen=True)
class SSNetConfig(RunConfig):
    """size: of the network, as in RefSRSize; {} is the paper's widths at x4.

    correspondence: checkpoint of CC-Net. features: of the single-image network. Without them a part keeps random
        weights, which is of use in tests only.
    scenes, scene_side, motion, cache: rendered scenes, as for CC-Net. sintel: folder of MPI Sintel's training set.
    light_fields: folders of view_R_C.png, of which two views are drawn at a time; "rendered:N", of scene_side pixels.
    pairs: as for other trainers; both pictures of a pair have to show much the same at the same place.
    no_reference, exposure_change, wrong_reference: see BesideSettings.
    side: of the parts that are matched and restored. windows: so many of its patches are trained on, each with the
        reference patch its middle matches, as in the paper; 0: the whole part at once (the dense path).
    loss: "l1" or "mse"; the paper does not state it.
    """

    size: dict[str, Any] = field(default_factory=dict)
    correspondence: str = ""
    features: str = ""
    scenes: int = 0
    scene_side: Count = 384
    motion: float = 64.0
    sintel: str = ""
    light_fields: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    side: Count = 264
    windows: int = 8
    no_reference: float = 0.0
    exposure_change: float = 0.0
    wrong_reference: float = 0.0
    loss: PictureLoss = "l1"
    learning_rate: float = 1e-4
    decay: int = 0


def train(config: SSNetConfig) -> Path:
    """Run; returns the checkpoint's path."""
    torch.manual_seed(config.seed)  # first weights too
    network = _network(config)
    optimizer = torch.optim.Adam(network.restorer.fuse.parameters(), config.learning_rate)
    share = rise_and_fall(config.max_steps, decay=config.decay)
    task = Task(
        network=network,
        about={"method": "refsr_net", "size": config.size},
        steps={"restore": Step(SSNetLosses(network, config), optimizer, ("loss",), share)},
        sample=partial(sample, material(config), settings_of(config), config.seed),
        validate=partial(validate_pairs, held_out(config), scale=settings_of(config).scale),
        scores=("with_reference", "without"),
    )
    return fit(task, config)


def sample(draws: Sequence[Draw], settings: BesideSettings, seed: int, number: int) -> dict[str, np.ndarray]:
    """Sample `number` of a run."""
    return drawn_sample(draws, np.random.default_rng([seed, number]), settings)


def settings_of(config: SSNetConfig) -> BesideSettings:
    """How a run cuts its samples."""
    shares = config.no_reference, config.exposure_change, config.wrong_reference
    return BesideSettings(config.side, RefSRSize(**config.size).scale, *shares)


def material(config: SSNetConfig) -> list[Draw]:
    """What draws a pair from each scene, pair of frames or photos, and light field."""
    root = data_folder()
    loads = rendered_views(config.scenes, config.scene_side, config.motion, Path(config.cache))
    loads += sintel_views(root / config.sintel, "train") if config.sintel else []
    draws = [moving(load) for load in loads] + light_fields(root, config.light_fields, config.scene_side)
    pairs = pairs_of(root, config.pairs, Path(config.cache)) if config.pairs else []
    draws += [always(load) for load in pairs]
    if not draws:
        raise UsageError("nothing to train on; give `scenes`, `sintel`, `light_fields` or `pairs`")
    return draws


def held_out(config: SSNetConfig) -> list[LoadPair]:
    """Pairs never trained on: of MPI Sintel where it is trained on, else rendered."""
    if config.sintel:
        loads = sintel_views(data_folder() / config.sintel, "validation")[:VALIDATED]
    else:
        loads = rendered_views(VALIDATED, config.scene_side, config.motion, Path(config.cache), HELD_OUT)
    return [partial(_cropped, load, RefSRSize(**config.size).scale) for load in loads]


def _cropped(load: LoadViews, scale: int) -> Pair:
    target, reference = moving(load)(np.random.default_rng(0))
    height, width = (side // scale * scale for side in target.shape[1:])
    return target[:, :height, :width], reference[:, :height, :width]


class SSNetLosses(BatchLosses):
    """The loss of the picture restored at once, or of some patches of each sample, by the paper's windows."""

    def __init__(self, network: RefSRNet, config: SSNetConfig):
        super().__init__()
        self.network, self.config, self.apart = network, config, PICTURE_LOSSES[config.loss]

    def forward(self, batch: Batch) -> Losses:
        target, reference = batch["target"].float() / 255, batch["reference"].float() / 255
        network = self.network
        for part in (network.correspondence, network.restorer.low):
            part.eval()  # frozen: no new means of what they see
        positions, relevance = network.matcher(batch["frame"], network.encoder(reference))
        match = Match({"picture": reference}, positions, relevance * batch["present"][:, None, None])
        if not self.config.windows:
            made = network.restorer.finished(batch["frame"], network.restorer.at_once(batch["frame"], [match]))
            return {"loss": self.apart(made, target)}
        parts = [self._patches(number, batch["frame"], match, target) for number in range(len(target))]
        return {"loss": torch.stack(parts).mean()}

    def _patches(self, number: int, frame: torch.Tensor, match: Match, target: torch.Tensor) -> torch.Tensor:
        """Of some patches of one sample, drawn on the host, whose random state a run saves."""
        restorer, at = self.network.restorer, slice(number, number + 1)
        patch, scale = restorer.size.patch, restorer.size.scale
        draws = [torch.randint(0, side - patch + 1, (self.config.windows,)).tolist() for side in frame.shape[2:]]
        places = list(zip(*draws))
        features = restorer.low.features(frame[at])[0]
        made = restorer.windows(features, [match_of(match, number)], places).picture.float()
        missing = target[number] - restorer.finished(frame[at], torch.zeros_like(target[at]))[0]
        return self.apart(made, torch.stack([cells(missing, place, patch, scale) for place in places]))


def _network(config: SSNetConfig) -> RefSRNet:
    """With its frozen parts filled."""
    network = RefSRNet(RefSRSize(**config.size))
    if config.correspondence:
        load_into(network.correspondence, Path(config.correspondence))
    if config.features:
        load_into(network.restorer.low, Path(config.features))
    for part in (network.correspondence, network.restorer.low):
        part.requires_grad_(False)
    return network
