"""Bicubic x4 in torch, as convolutions: it exports, it runs on any device, it differentiates.

Same kernel as media/resize.py (Keys, a = -0.5, antialiased); borders repeat the edge pixel instead of
renormalising the kernel, so only the outermost two low-resolution pixels differ from Pillow's.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..media.resize import cubic_kernel


class BicubicEnlarge(nn.Module):
    """[B,C,h,w] -> [B,C*s*s,h,w]: the enlarged picture, pixel-unshuffled, so that it stays on the LR grid.

    `F.pixel_shuffle(enlarge(x), s)` is the picture [B,C,h*s,w*s].
    """

    kernel: torch.Tensor

    def __init__(self, scale: int = 4):
        super().__init__()
        self.scale = scale
        self.register_buffer("kernel", torch.from_numpy(_enlarging_taps(scale)), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        padded = F.pad(x.float().contiguous(), (2, 2, 2, 2), mode="replicate")
        flat = padded.reshape(batch * channels, 1, height + 4, width + 4)
        with full_precision(x):
            return F.conv2d(flat, self.kernel).reshape(batch, channels * self.scale**2, height, width)


class BicubicReduce(nn.Module):
    """[B,C,h*s,w*s] -> [B,C,h,w], antialiased; unrounded."""

    kernel: torch.Tensor

    def __init__(self, scale: int = 4):
        super().__init__()
        self.scale = scale
        self.register_buffer("kernel", torch.from_numpy(_reducing_taps(scale)), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        edge = (self.kernel.numel() - self.scale) // 2
        padded = F.pad(x.float().contiguous(), (edge, edge, edge, edge), mode="replicate")
        flat = padded.reshape(batch * channels, 1, height + 2 * edge, width + 2 * edge)
        with full_precision(x):
            rows = F.conv2d(flat, self.kernel.reshape(1, 1, -1, 1), stride=(self.scale, 1))
            both = F.conv2d(rows, self.kernel.reshape(1, 1, 1, -1), stride=(1, self.scale))
        return both.reshape(batch, channels, height // self.scale, width // self.scale)


def full_precision(x: torch.Tensor) -> torch.autocast:
    """Autocast off: what carries the picture itself stays float32; bf16 would round it to 8 bits and less."""
    return torch.autocast(x.device.type, enabled=False)


def _enlarging_taps(scale: int) -> np.ndarray:
    """[s*s,1,5,5]: one 5x5 kernel for each of the s*s output pixels inside an input pixel."""
    phase = (np.arange(scale) + 0.5) / scale - 0.5
    taps = cubic_kernel(np.arange(-2, 3)[None] - phase[:, None])  # [s,5]
    return np.einsum("ai,bj->abij", taps, taps).reshape(scale * scale, 1, 5, 5).astype(np.float32)


def _reducing_taps(scale: int) -> np.ndarray:
    """[4s]: the antialiased kernel over the 4s pixels round a low-resolution pixel."""
    taps = cubic_kernel((np.arange(4 * scale) - 2 * scale + 0.5) / scale)
    return (taps / taps.sum()).astype(np.float32)
