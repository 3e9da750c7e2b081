"""view_fusion: each view of a light field from all of its neighbours, where no view is sharp.

The neighbours show the scene from a fraction of a pixel aside, so that their pixels fill the places between a view's
own. Where each of them was measured is known from the view's disparity (matching/plane_sweep.py), and how much each
differs from what the view's picture predicts there (matching/view_samples.py), where that picture is the result of the
single-image path. This network sees both, and predicts what has to be added to the picture's luma. Every view of a
light field shows a place in its own noise, so what their mean says is also less noisy than the view.

It adds nothing where it is untrained: training starts from the single-image path.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ..nn.fused import conv, conv_relu
from ..nn.residual import ResidualBlock, conv3x3, zeroed

SCALE = 4
CELLS = SCALE**2
LEVELS = 16.0  # levels of luma that differences and changes are measured in


@dataclass(frozen=True)
class ViewFusionSize:
    """Channels and residual blocks of the trunk."""

    channels: int = 48
    blocks: int = 3


class ViewFusion(nn.Module):
    """planes [B,4,4h,4w] and spread [B,1,h,w], see matching.view_samples.FusionInput -> what to add to the second of
    these planes, [B,1,4h,4w], in levels of 255."""

    def __init__(self, size: ViewFusionSize = ViewFusionSize()):
        super().__init__()
        self.size = size
        self.head = conv3x3(4 * CELLS + 1, size.channels)
        self.trunk = nn.Sequential(*(ResidualBlock(size.channels) for _ in range(size.blocks)))
        self.tail = zeroed(conv3x3(size.channels, CELLS))

    @property
    def halo(self) -> int:
        """Low-resolution pixels to every side that a change depends on."""
        return 2 * self.size.blocks + 2  # two convolutions a block, head and tail

    def forward(self, planes: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
        restored, nearer, difference, weight = planes.split(1, 1)
        seen, changed = weight / (1 + weight), (nearer - restored) / LEVELS
        cells = torch.cat([restored / 255 - 0.5, changed, difference * seen / LEVELS, seen], 1)
        together = torch.cat([F.pixel_unshuffle(cells, SCALE), spread / LEVELS], 1)
        features = conv_relu(self.head, together.contiguous(memory_format=torch.channels_last))
        return F.pixel_shuffle(LEVELS * conv(self.tail, self.trunk(features) + features).float(), SCALE)


def network(size: Mapping[str, int]) -> ViewFusion:
    """An untrained network of the size that a weights file states."""
    return ViewFusion(ViewFusionSize(**size))
