"""SS-Net's fusion (RefSR-Net, section 4): features of a low-resolution patch and of a reference patch, from the
coarsest scale to the finest, under learned masks.

The equations as printed have sigmoid(relu(.)) for a mask, which never falls below a half, while by the text masks
near zero mark occlusions; and they name the sigmoid for fused features. `equations="printed"` computes them so;
"meant", the default, leaves out the masks' ReLU and has ReLU for fused features.
"""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from .residual import conv3x3

Equations = Literal["meant", "printed"]


class Synthesised(NamedTuple):
    """picture [B,3,H,W] and M(0) [B,1,H,W] in [0,1]: how far the reference was believed."""

    picture: torch.Tensor
    mask: torch.Tensor


class SSNet(nn.Module):
    """F_LR [B,F,h,w] and a reference patch [B,3,s*h,s*w] -> Synthesised; s = 2 ** levels (the paper's levels are 3)."""

    def __init__(self, features: int = 64, channels: int = 64, levels: int = 3, equations: Equations = "meant"):
        super().__init__()
        self.levels, self.equations = levels, equations
        self.head = conv3x3(3, channels)  # of the HR feature module
        self.blocks = nn.ModuleList(conv3x3(channels, channels) for _ in range(levels))
        self.enlargers = nn.ModuleList(conv3x3(features, 4 * features) for _ in range(levels))  # SP
        masks = [features + channels + (level < levels) for level in range(levels + 1)]
        self.masks = nn.ModuleList(conv3x3(inputs, 1) for inputs in masks)
        fused = [channels + (channels if level < levels else features) for level in range(levels + 1)]
        self.fusions = nn.ModuleList(conv3x3(inputs, channels) for inputs in fused)
        self.tail = nn.Sequential(conv3x3(channels, channels), nn.ReLU(), conv3x3(channels, 3))  # sees 5x5 of F_fuse(0)

    def forward(self, low: torch.Tensor, patch: torch.Tensor, trust: torch.Tensor | None = None) -> Synthesised:
        """trust [B,1,s*h,s*w]: 0 where there is no reference, else 1; the paper always has one."""
        high = self.high_features(patch)
        confidence, content = None, low
        for level in range(self.levels, -1, -1):
            if level < self.levels:
                low = F.pixel_shuffle(self.enlargers[level](low), 2)
                content = F.interpolate(content, scale_factor=2, mode="nearest")
            confidence = self._confidence(level, low, high[level], confidence)
            mask = confidence.sigmoid()
            if trust is not None:
                mask = mask * F.avg_pool2d(trust, 2**level)
            content = self._fused(self.fusions[level](torch.cat([content, high[level] * mask], 1)))
        return Synthesised(self.tail(content), mask)

    def high_features(self, patch: torch.Tensor) -> list[torch.Tensor]:
        """F_HR at 1, 1/2, 1/4 ..."""
        scales = [self.head(patch).relu()]
        for layer in self.blocks:
            scales.append(F.max_pool2d(layer(scales[-1]).relu(), 2))
        return scales

    def _confidence(self, level: int, low: torch.Tensor, high: torch.Tensor, coarser: torch.Tensor | None):
        """M_L of a level."""
        parts = [low, high]
        if coarser is not None:
            parts.append(F.interpolate(coarser, scale_factor=2, mode="nearest"))
        mask = self.masks[level](torch.cat(parts, 1))
        return mask.relu() if self.equations == "printed" else mask

    def _fused(self, x: torch.Tensor) -> torch.Tensor:
        return x.sigmoid() if self.equations == "printed" else x.relu()
