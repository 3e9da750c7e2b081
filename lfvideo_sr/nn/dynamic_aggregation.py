"""Dynamic aggregation: fetch reference features to where a match says, with learned offsets round each tap.

C2-Matching, section 3.3 (with a modulation mask); AMSA, section 3.2 (without). Offsets are learned from the frame's
features beside the reference's, the latter already fetched along the match: so references may have any size.

C2-Matching's published network was trained with something else in three places; `Reading` names them.
"""

from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

import torch
import torch.nn.functional as F
from torch import nn

from ..checks import check_choice
from .deform import DeformAggregation, tap_positions
from .fused import conv
from .kernels import by_triton
from .precision import at_least_float32
from .residual import conv3x3, conv_leaky, leaky, zeroed
from .warp import apart, grid_positions, grid_sample, unit_grid

TAPS = 9
GROUPS = 8  # of channels that share offsets; fewer in narrow networks


def positions_at(positions: torch.Tensor, stride: int, target_stride: int) -> torch.Tensor:
    """A field [B,h,w,2] in reference pixels, one every `stride` output pixels -> [B,h*r,w*r,2] in pixels of reference
    *features* at stride `target_stride`, one for each of the frame's features at that stride; r is the ratio of both.

    Every place takes the displacement of the match it belongs to: between two matches there is none.
    """
    ratio = stride // target_stride
    height, width = positions.shape[1:3]
    moved = positions - (grid_positions(height, width, positions.device) * stride + (stride - 1) / 2)
    moved = moved.repeat_interleave(ratio, 1).repeat_interleave(ratio, 2)
    return grid_positions(height * ratio, width * ratio, positions.device) + moved / target_stride


@dataclass(frozen=True)
class Reading:
    """How masked aggregation reads a reference: as in the paper by default; the other words are what C2-Matching's
    published network was trained with.

    tap_flows:    "shared": all taps of a place follow its own match, p0 of Eq. 9. "own": tap t follows the match of the
                  field's place p - t; the field's outermost places, and those beyond it, do not move.
    offsets_from: "fetched": learned offsets see the reference where the match says. "unmoved": they see it unmoved,
                  its top left on the frame's, cut or filled with zeros to the frame's size.
    activation:   after aggregating, "none" or "leaky" (a slope of 0.1).
    """

    tap_flows: Literal["shared", "own"] = "shared"
    offsets_from: Literal["fetched", "unmoved"] = "fetched"
    activation: Literal["none", "leaky"] = "none"

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            check_choice(name, getattr(self, name), get_args(kind))

    @property
    def depends_on_place(self) -> bool:
        """Whether it matters where in the frame the content is, so that a part of it cannot be aggregated alone."""
        return self.tap_flows == "own" or self.offsets_from == "unmoved"


class MaskedAggregation(nn.Module):
    """C2-Matching, Eq. 9: content [B,C,h,w], reference [B,R,H,W], positions [B,h,w,2] in its pixels -> [B,R,h,w].

    ratio: places of `content` along a side of one place of the field that positions come from.
    """

    def __init__(self, content: int, reference: int, reading: Reading = Reading(), ratio: int = 1):
        super().__init__()
        self.reading, self.ratio = reading, ratio
        self.groups = min(GROUPS, max(1, reference // 8))
        self.first = conv3x3(content + reference, reference)
        self.second = conv3x3(reference, reference)
        self.offsets = zeroed(conv3x3(reference, self.groups * TAPS * 3))
        self.aggregate = DeformAggregation(reference, reference)

    def forward(self, content: torch.Tensor, reference: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        unmoved = self.reading.offsets_from == "unmoved"
        beside = fitted(reference, *content.shape[2:]) if unmoved else fetch(reference, positions)
        read = conv(self.offsets, conv_leaky(self.second, conv_leaky(self.first, content, beside)))
        read = _readable(read).unflatten(1, (self.groups, TAPS, 3))
        offsets, mask = read[:, :, :, :2].permute(0, 1, 2, 4, 5, 3), read[:, :, :, 2].sigmoid()
        by_tap = self.reading.tap_flows == "own"
        taps = own_tap_positions(positions, self.ratio) if by_tap else tap_positions(positions)
        aggregated = self.aggregate(reference, taps, offsets, mask.to(reference.dtype))
        return leaky(aggregated) if self.reading.activation == "leaky" else aggregated


class PlainAggregation(nn.Module):
    """AMSA, Eq. 6 to 8: the same without a mask; offsets from the content beside what plain taps aggregate."""

    def __init__(self, content: int, reference: int):
        super().__init__()
        self.offsets = zeroed(conv3x3(content + reference, TAPS * 2))
        self.aggregate = DeformAggregation(reference, reference)

    def forward(self, content: torch.Tensor, reference: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        taps = tap_positions(positions)
        plain = self.aggregate(reference, taps)  # Eq. 6
        read = _readable(conv(self.offsets, torch.cat([content, plain], 1)))  # Eq. 7
        offsets = read.unflatten(1, (1, TAPS, 2)).permute(0, 1, 2, 4, 5, 3)
        return self.aggregate(reference, taps, offsets)  # Eq. 8


class FixedAggregation(nn.Module):
    """No learned offsets: a plain 3x3 patch round each match (the baseline of C2-Matching's Fig. 5)."""

    def __init__(self, content: int, reference: int):
        super().__init__()
        self.aggregate = DeformAggregation(reference, reference)

    def forward(self, content: torch.Tensor, reference: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        return self.aggregate(reference, tap_positions(positions))


def offset_predictors(network: nn.Module) -> list[list[nn.Conv2d]]:
    """Of each aggregation in a network that learns offsets, the convolutions that lead to them; the last gives them."""
    predictors = []
    for module in network.modules():
        if isinstance(module, MaskedAggregation):
            predictors.append([module.first, module.second, module.offsets])
        elif isinstance(module, PlainAggregation):
            predictors.append([module.offsets])
    return predictors


def _readable(read: torch.Tensor) -> torch.Tensor:
    """What a convolution predicts of positions, in float32 at least; a kernel takes any dtype."""
    return read if by_triton(read) else at_least_float32(read)


def own_tap_positions(positions: torch.Tensor, ratio: int) -> torch.Tensor:
    """Positions [B,h,w,2], `ratio` along a side alike -> those of all taps [B,9,h,w,2], row by row, each tap t moved as
    the place p - ratio * t is. Places outside, and the outermost `ratio`, where no whole patch was matched, move by 0.
    """
    height, width = positions.shape[1:3]
    grid = grid_positions(height, width, positions.device)
    x, y = grid.unbind(-1)
    whole = (x >= ratio) & (x < width - ratio) & (y >= ratio) & (y < height - ratio)
    moved = F.pad((positions - grid) * whole[..., None], (0, 0, ratio, ratio, ratio, ratio))
    starts = (2 * ratio, ratio, 0)  # in `moved`, for a tap's -1, 0 and 1
    flows = [moved[:, top : top + height, left : left + width] for top in starts for left in starts]
    return tap_positions(grid) + torch.stack(flows, 1)


def fitted(features: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Features [B,R,H,W] cut, or filled with zeros, at the right and at the bottom -> [B,R,height,width]."""
    cut = features[:, :, :height, :width]
    return F.pad(cut, (0, width - cut.shape[3], 0, height - cut.shape[2]))


def fetch(reference: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Bilinear samples of features [B,R,H,W] at [B,h,w,2], zero beyond the edge; positions carry no gradient."""
    if by_triton(reference):
        from . import deform_triton

        if deform_triton.fits(reference):
            return deform_triton.fetched(reference, positions)
    height, width = reference.shape[-2:]
    source = at_least_float32(reference)
    grid = unit_grid(positions.detach().to(source.dtype), height, width)
    sampled = grid_sample(source, apart(grid))
    return sampled.to(reference.dtype)
