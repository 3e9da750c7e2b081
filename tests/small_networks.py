"""Makes the small networks of the papers' methods that many tests use, and pictures to show them."""

import math

import numpy as np
import torch
from torch import nn

from lfvideo_sr.media.resize import degrade
from lfvideo_sr.method import Match
from lfvideo_sr.methods.amsa import AMSA, AMSASize
from lfvideo_sr.methods.c2_matching import C2Matching, C2Size, enlarged
from lfvideo_sr.methods.e2ent2 import E2ENT2, E2ENT2Size
from lfvideo_sr.methods.refsr_net import RefSRNet, RefSRSize
from lfvideo_sr.methods.rrsr import RRSR, RRSRSize
from lfvideo_sr.nn.resize import BicubicEnlarge

SMALL = {"channels": 8, "blocks": (1, 1, 1, 1), "textures": 4, "descriptors": 4}
SMALL_E2ENT2 = {"channels": 8, "blocks": 1, "decoder": (1, 1)}
SMALL_REFSR = {"matching": 12, "features": 8, "blocks": 1, "channels": 8, "reach": 24}
NETWORKS = {
    "c2_matching": lambda: C2Matching(C2Size(**SMALL)),
    "rrsr": lambda: RRSR(RRSRSize(**SMALL, alignments=2, filters=3)),
    "amsa": lambda: AMSA(AMSASize(**SMALL, scales=3)),
    "e2ent2": lambda: E2ENT2(E2ENT2Size(**SMALL_E2ENT2)),
    "refsr_net": lambda: RefSRNet(RefSRSize(**SMALL_REFSR)),
}

FAMILY = ("c2_matching", "rrsr", "amsa")  # they have C2-Matching's parts


def filled(module: nn.Module) -> nn.Module:
    """The module with all its parameters set by arithmetic, so the same everywhere; none is zero."""
    for number, parameter in enumerate(module.parameters()):
        reach = (parameter[0].numel() or 1) ** -0.5 if parameter.ndim > 1 else 0.1
        waves = torch.arange(parameter.numel(), dtype=torch.float64).mul(1.7).add(number).cos() * 1.5 * reach
        parameter.data = waves.view(parameter.shape).float()
    return module.eval()


def small_network(method: str) -> nn.Module:
    """A narrow network of the method, filled; where it has two extractors they have the same weights, so that a picture
    is found in itself."""
    network = filled(NETWORKS[method]())
    if hasattr(network, "correspondence"):
        network.correspondence.reference.load_state_dict(network.correspondence.query.state_dict())
    return network


def picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    """Smooth noise that fills the range, float32 [1,3,h,w]."""
    noise = np.random.default_rng(seed).random((1, 3, math.ceil(height / 2) + 2, math.ceil(width / 2) + 2))
    fine = torch.nn.functional.interpolate(torch.from_numpy(noise), scale_factor=2, mode="bilinear")
    return fine[..., 2 : height + 2, 2 : width + 2].float()


def blurred(height: int, width: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A frame [1,3,h,w] and what its matcher sees of it, [1,3,4h,4w]: a reference with nothing that the frame lacks."""
    frame = picture(height, width, seed)
    return frame, enlarged(BicubicEnlarge(4), frame)


def low(sharp: torch.Tensor) -> torch.Tensor:
    """The frame that shows a picture [1,3,H,W]."""
    return torch.from_numpy(degrade(sharp[0].numpy()))[None]


def matched(network: nn.Module, frame: torch.Tensor, reference: torch.Tensor) -> Match:
    """A reference, encoded and found."""
    encoded = network.encoder(reference)
    return Match(encoded, *network.matcher(frame, encoded))


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
