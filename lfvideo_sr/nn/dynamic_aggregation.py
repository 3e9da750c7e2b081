"""Dynamic aggregation: fetch reference features to where a match says, with learned offsets round each tap.

C2-Matching, section 3.3 (with a modulation mask); AMSA, section 3.2 (without). Offsets are learned from the frame's
features beside the reference's, the latter already fetched along the match: so references may have any size.
"""

import torch
import torch.nn.functional as F
from torch import nn

from .deform import DeformAggregation, tap_positions
from .matching import exact
from .residual import conv3x3, zeroed
from .warp import grid_positions

TAPS = 9
GROUPS = 8  # of channels that share offsets; fewer in narrow networks


def positions_at(positions: torch.Tensor, stride: int, wanted: int) -> torch.Tensor:
    """A field [B,h,w,2] in reference pixels, one every `stride` output pixels -> [B,h*r,w*r,2] in pixels of reference
    *features* at stride `wanted`, one for each of the frame's features at that stride; r = stride / wanted.

    Every place takes the displacement of the match it belongs to: between two matches there is none.
    """
    ratio = stride // wanted
    height, width = positions.shape[1:3]
    moved = positions - (grid_positions(height, width, positions.device) * stride + (stride - 1) / 2)
    moved = moved.repeat_interleave(ratio, 1).repeat_interleave(ratio, 2)
    return grid_positions(height * ratio, width * ratio, positions.device) + moved / wanted


class MaskedAggregation(nn.Module):
    """C2-Matching, Eq. 9: content [B,C,h,w], reference [B,R,H,W], positions [B,h,w,2] in its pixels -> [B,R,h,w]."""

    def __init__(self, content: int, reference: int):
        super().__init__()
        self.groups = min(GROUPS, max(1, reference // 8))
        self.first = conv3x3(content + reference, reference)
        self.second = conv3x3(reference, reference)
        self.offsets = zeroed(conv3x3(reference, self.groups * TAPS * 3))
        self.aggregate = DeformAggregation(reference, reference)

    def forward(self, content: torch.Tensor, reference: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        seen = torch.cat([content, fetch(reference, positions)], 1)
        said = exact(self.offsets(_leaky(self.second(_leaky(self.first(seen))))))
        said = said.unflatten(1, (self.groups, TAPS, 3))
        offsets, mask = said[:, :, :, :2].permute(0, 1, 2, 4, 5, 3), said[:, :, :, 2].sigmoid()
        return self.aggregate(reference, tap_positions(positions), offsets, mask.to(reference.dtype))


class PlainAggregation(nn.Module):
    """AMSA, Eq. 6 to 8: the same without a mask; offsets from the content beside what plain taps aggregate."""

    def __init__(self, content: int, reference: int):
        super().__init__()
        self.offsets = zeroed(conv3x3(content + reference, TAPS * 2))
        self.aggregate = DeformAggregation(reference, reference)

    def forward(self, content: torch.Tensor, reference: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        taps = tap_positions(positions)
        plain = self.aggregate(reference, taps)  # Eq. 6
        said = exact(self.offsets(torch.cat([content, plain], 1)))  # Eq. 7
        offsets = said.unflatten(1, (1, TAPS, 2)).permute(0, 1, 2, 4, 5, 3)
        return self.aggregate(reference, taps, offsets)  # Eq. 8


class FixedAggregation(nn.Module):
    """No learned offsets: a plain 3x3 patch round each match (the baseline of C2-Matching's Fig. 5)."""

    def __init__(self, content: int, reference: int):
        super().__init__()
        self.aggregate = DeformAggregation(reference, reference)

    def forward(self, content: torch.Tensor, reference: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        return self.aggregate(reference, tap_positions(positions))


def fetch(reference: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Bilinear samples of features [B,R,H,W] at [B,h,w,2], zero beyond the edge; positions carry no gradient."""
    height, width = reference.shape[-2:]
    source = exact(reference)
    scale = torch.tensor([2 / width, 2 / height], device=positions.device, dtype=source.dtype)
    grid = (positions.detach().to(source.dtype) + 0.5) * scale - 1
    sampled = F.grid_sample(source, grid, padding_mode="zeros", align_corners=False)
    return sampled.to(reference.dtype)


def _leaky(x: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(x, 0.1)
