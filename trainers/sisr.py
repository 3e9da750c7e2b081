"""Trains the single-image network whose features RefSR-Net fuses: SRResNet with nearest-neighbour enlargement, x4, on
photos (RefSR-Net, section 4; ImageNet in the paper). Read from top to bottom."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from lfvideo_sr.checks import Count
from lfvideo_sr.media.resize import crop_to_multiple, degrade
from lfvideo_sr.metrics import eight_bit, psnr_y
from lfvideo_sr.nn.srresnet import SCALE, SRResNet
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.losses import PICTURE_LOSSES, PictureLoss
from lfvideo_sr.training.pairs import cut, reduced
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

LONGEST = 320  # pixels of a validation picture's sides that are looked at


@dataclass(frozen=True)
class SISRConfig(RunConfig):
    """channels, blocks: of SRResNet. side: of the target, a multiple of 4. validation_samples: so many of the
    validation photos score a run.

    loss: "mse", as SRResNet's, or "l1". drop_at: steps at which the learning rate falls to a tenth; decay: or linearly
    to zero over the last so many steps.
    """

    photos: tuple[str, ...] = ()
    validation_photos: tuple[str, ...] = ()
    validation_samples: int = 16
    channels: Count = 64
    blocks: Count = 16
    side: Count = 96
    learning_rate: float = 1e-4
    loss: PictureLoss = "mse"
    drop_at: tuple[int, ...] = ()
    decay: int = 0


def train(config: SISRConfig) -> Path:
    """Run; returns the checkpoint's path."""
    root = data_folder()
    torch.manual_seed(config.seed)  # first weights too
    network = SRResNet(config.channels, config.blocks)
    held_out = held_out_photos(root, config.validation_photos, Path(config.cache))
    share = rise_and_fall(config.max_steps, decay=config.decay) if config.decay else drops(*config.drop_at)
    optimizer = torch.optim.Adam(network.parameters(), config.learning_rate)
    task = Task(
        network=network,
        about={"method": "srresnet", "size": {"channels": config.channels, "blocks": config.blocks}},
        steps={"enlarge": Step(SISRLosses(network, config.loss), optimizer, ("loss",), share)},
        sample=partial(sample, photos_of(root, config.photos, Path(config.cache)), config),
        validate=partial(validate, held_out[: config.validation_samples]) if held_out else None,
        scores=("psnr_y",),
    )
    return fit(task, config)


def sample(photos: list[LoadPhoto], config: SISRConfig, number: int) -> dict[str, np.ndarray]:
    """target u8 [3,s,s] and its low-resolution frame f32 [3,s/4,s/4]."""
    rng = np.random.default_rng([config.seed, number])
    target = cut(rng, photos[rng.integers(len(photos))](), config.side)
    return {"target": target, "frame": reduced(target, SCALE)}


class SISRLosses(BatchLosses):
    """The loss of enlarged pictures in [0,1]; see the configuration's `loss`."""

    def __init__(self, network: SRResNet, loss: PictureLoss):
        super().__init__()
        self.network, self.apart = network, PICTURE_LOSSES[loss]

    def forward(self, batch: Batch) -> Losses:
        return {"loss": self.apart(self.network(batch["frame"]).float(), batch["target"].float() / 255)}


def validate(photos: list[LoadPhoto], network: SRResNet) -> Validation:
    """PSNR-Y over the corners of photos never trained on."""
    device = next(network.parameters()).device
    scores = []
    for load in photos:
        target = crop_to_multiple(load()[:, :LONGEST, :LONGEST], SCALE).astype(np.float32) / 255
        frame = torch.from_numpy(np.ascontiguousarray(degrade(target, SCALE), np.float32))[None].to(device)
        restored = network(frame)[0].float().clamp(0, 1).cpu().numpy()
        scores.append(psnr_y(eight_bit(restored), target))
    return {"psnr_y": float(np.mean(scores))}, {}
