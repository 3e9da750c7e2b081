"""Convolution blocks shared by the methods."""

import torch
from torch import nn


def conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), without normalisation (as in EDSR). [B,C,h,w] -> [B,C,h,w]"""

    def __init__(self, channels: int):
        super().__init__()
        self.first = conv3x3(channels, channels)
        self.second = conv3x3(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x).relu_()).add_(x) if not torch.is_grad_enabled() else x + self.second(
            self.first(x).relu()
        )
