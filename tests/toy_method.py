"""The smallest learned method, as CONTRIBUTING.md describes a new one: it would be lfvideo_sr/methods/toy.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from lfvideo_sr.method import Features, Match, Method, MethodInfo
from lfvideo_sr.nn.warp import grid_positions, sample

INFO = MethodInfo("toy", "adds a learned share of what the reference shows at the same place", references=1)
SCALE = 4


@dataclass(frozen=True)
class ToySize:
    """share: of the reference's difference from the enlarged frame before any training, in each colour."""

    share: float = 0.0


class Encoder(nn.Module):
    """Reference [B,3,H,W] -> itself."""

    def forward(self, reference: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"picture": reference}


class Matcher(nn.Module):
    """Frame [B,3,h,w] -> each output pixel at its own place, positions [B,4h,4w,2], and relevance 1 [B,4h,4w]."""

    def forward(
        self, frame: torch.Tensor, reference: Features, seed: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        height, width = (SCALE * side for side in frame.shape[2:])
        positions = grid_positions(height, width, frame.device).expand(len(frame), -1, -1, -1)
        return positions, torch.ones_like(positions[..., 0])


class Restorer(nn.Module):
    """Frame [B,3,h,w] and at most one match -> picture [B,3,4h,4w]."""

    def __init__(self, size: ToySize):
        super().__init__()
        self.share = nn.Parameter(torch.full((3, 1, 1), size.share))

    def forward(self, frame: torch.Tensor, matches: Sequence[Match] = ()) -> torch.Tensor:
        picture = F.interpolate(frame.float(), scale_factor=SCALE, mode="bicubic", align_corners=False)
        for features, positions, relevance in matches:
            difference = sample(features["picture"], positions) - picture
            picture = picture + self.share * relevance[:, None] * difference
        return picture


class Toy(nn.Module):
    """The three parts in one module, for training and for weights."""

    def __init__(self, size: ToySize = ToySize()):
        super().__init__()
        self.encoder, self.matcher, self.restorer = Encoder(), Matcher(), Restorer(size)


def build(network: Toy) -> Method:
    return Method(info=INFO, encoder=network.encoder, matcher=network.matcher, restorer=network.restorer)


def network(size: Mapping[str, float]) -> Toy:
    return Toy(ToySize(**size))
