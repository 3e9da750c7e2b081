"""SRResNet (Ledig et al., CVPR 2017) with nearest-neighbour enlargement, as RefSR-Net uses it (section 4)."""

import torch
import torch.nn.functional as F
from torch import nn

from .residual import conv3x3

SCALE = 4  # it is trained for x4 whatever the scale of what is built on its features


class NormalisedBlock(nn.Module):
    """x + norm(conv(prelu(norm(conv(x))))). [B,C,h,w] -> [B,C,h,w]"""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(
            conv3x3(channels, channels),
            nn.BatchNorm2d(channels),
            nn.PReLU(),
            conv3x3(channels, channels),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


class SRResNet(nn.Module):
    """Frame [B,3,h,w] in [0,1] -> picture [B,3,4h,4w]; `features` are what it makes of a frame before enlarging."""

    def __init__(self, channels: int = 64, blocks: int = 16):
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(3, channels, 9, padding=4), nn.PReLU())
        self.body = nn.Sequential(*(NormalisedBlock(channels) for _ in range(blocks)))
        self.joined = nn.Sequential(conv3x3(channels, channels), nn.BatchNorm2d(channels))
        self.enlargers = nn.ModuleList(nn.Sequential(conv3x3(channels, channels), nn.PReLU()) for _ in range(2))
        self.tail = nn.Conv2d(channels, 3, 9, padding=4)

    def features(self, frame: torch.Tensor) -> torch.Tensor:
        """Frame [B,3,h,w] -> F_LR [B,C,h,w]."""
        shallow = self.head(frame)
        return shallow + self.joined(self.body(shallow))

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        x = self.features(frame)
        for layer in self.enlargers:
            x = layer(F.interpolate(x, scale_factor=2, mode="nearest"))
        return self.tail(x)
