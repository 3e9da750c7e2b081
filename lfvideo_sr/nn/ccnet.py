"""CC-Net (RefSR-Net, section 3): finds the pixels of an enlarged low-resolution frame in a sharp reference."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .dilated import DilatedFeatures
from .resize import enlarge_bilinear

PHASE = 0  # along both axes: of the s*s output pixels of a low-resolution pixel, the one that is searched for


@dataclass(frozen=True)
class CCNetSize:
    """width: percent of the paper's channels. siamese: one network for both pictures (the paper's choice), else two of
    one structure. scale: of the frame.

    unit: compare by cosine, a departure: with the paper's plain inner products a reference's places of high contrast
    win over the right ones of low contrast, in a network that has not seen 800,000 samples (docs/results_flow.md).
    """

    width: int = 100
    siamese: bool = True
    scale: int = 8
    unit: bool = False


class Bilinear(nn.Module):
    """Frame [B,3,h,w] -> [B,3,s*h,s*w]."""

    def __init__(self, scale: int):
        super().__init__()
        self.scale = scale

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        return enlarge_bilinear(frame, self.scale)


class CCNet(nn.Module):
    """Two extractors. `enlarge` makes the frame as large as the reference; it is the caller's to train."""

    def __init__(self, size: CCNetSize = CCNetSize(), enlarge: nn.Module | None = None):
        super().__init__()
        self.size = size
        self.query = DilatedFeatures(size.width, size.unit)
        self.reference = self.query if size.siamese else DilatedFeatures(size.width, size.unit)
        self._enlarge = [enlarge or Bilinear(size.scale)]  # in a list: no part of this network's weights

    def enlarge(self, frame: torch.Tensor) -> torch.Tensor:
        """Frame [B,3,h,w] in [0,1] -> as large as a reference, [B,3,s*h,s*w]; bilinearly as far as what enlarges does
        not reach, as a x4 network at scale 8."""
        made = self._enlarge[0].to(frame.device)(frame).float().clamp(0, 1)
        target = [self.size.scale * side for side in frame.shape[2:]]
        if list(made.shape[2:]) == target:
            return made
        return F.interpolate(made, target, mode="bilinear", align_corners=False)
