"""RRSR (Zhang et al., ECCV 2022): C2-Matching with progressive feature alignment and selection (section 3.2).

Its other half, reciprocal target-reference reconstruction, is a way of training that suits any method: see
trainers/restoration.py. The paper does not state the filters' size; 3x3 is taken here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ..method import Method, MethodInfo
from ..nn.hypotheses import Alignment, BestOf, Hypothesis
from ..nn.residual import ResidualBlock, leaky
from ..nn.strips import in_strips
from ..nn.vgg import channels_of
from .c2_matching import TEXTURES, UNLIKE, C2Matching, C2Size, build_as

INFO = MethodInfo(
    "rrsr", "progressive alignment and selection of reference features (RRSR)", references=5, unlike_below=UNLIKE
)
_FUSED = 1 << 18  # places that are fused at a time


@dataclass(frozen=True)
class RRSRSize(C2Size):
    """As C2Size; blocks are those of Table 3's layers 1 and 4 there, and of each alignment at strides 2 and 1.

    alignments: times that features are aligned and selected at strides 2 and 1 (the paper's 3; 1 is its ablation).
    filters:    K reference-aware filters (16); 0: a plain convolution.
    """

    blocks: Sequence[int] = (16, 16, 5, 5)
    alignments: int = 3
    filters: int = 16


class ReferenceAwareFilters(nn.Module):
    """Eq. 4 and 5: K template filters mixed as what was merged asks. [B,I,h,w] -> [B,O,h,w]."""

    def __init__(self, inputs: int, outputs: int, count: int):
        super().__init__()
        self.count = count
        self.templates = nn.Parameter(torch.empty(count * outputs, inputs, 3, 3))  # four axes: memory formats need them
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.route = nn.Linear(inputs, count)
        # so that half of each of them together are as large as one convolution's weight
        reach = (inputs * 9 * count / 4) ** -0.5
        nn.init.uniform_(self.templates, -reach, reach)

    def forward(self, merged: torch.Tensor) -> torch.Tensor:
        return self.filtered(merged, self.filters(merged.mean((2, 3))))

    def filters(self, means: torch.Tensor) -> torch.Tensor:
        """Means over what was merged [B,I] -> a filter for each sample [B,O,I,3,3] (Eq. 4)."""
        shares = self.route(means).sigmoid()
        templates = self.templates.unflatten(0, (self.count, -1)).to(shares.dtype)
        return torch.einsum("bk,koirc->boirc", shares, templates)

    def filtered(self, merged: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
        """Eq. 5."""
        batch, _, height, width = merged.shape
        side_by_side = merged.reshape(1, -1, height, width)  # each sample meets its own filter
        filtered = F.conv2d(side_by_side, filters.flatten(0, 1), padding=1, groups=batch)
        return filtered.view(batch, -1, height, width) + self.bias[:, None, None]


class AlignmentSelection(nn.Module):
    """One FAS: align reference features, merge, select, and fuse with residual blocks. (content, given) -> content."""

    def __init__(self, align: Alignment, channels: int, blocks: int, filters: int):
        super().__init__()
        self.align = align
        merged = channels + align.channels
        plain = nn.Conv2d(merged, channels, 3, padding=1)
        self.select = ReferenceAwareFilters(merged, channels, filters) if filters else plain
        self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))

    def forward(self, content: torch.Tensor, hypotheses: Sequence[Hypothesis]) -> torch.Tensor:
        aligned = self.align(content, hypotheses)
        select: Callable[[torch.Tensor], torch.Tensor] = self.select
        if isinstance(self.select, ReferenceAwareFilters):  # the mean of the whole decides them, not a strip's
            means = torch.cat([content.mean((2, 3)), aligned.mean((2, 3))], 1)
            select = partial(self.select.filtered, filters=self.select.filters(means))

        def work(rows: slice) -> torch.Tensor:
            merged = torch.cat([content[:, :, rows], aligned[:, :, rows]], 1)
            return content[:, :, rows] + self.body(leaky(select(merged)))

        return in_strips(work, content, _FUSED, 1 + 2 * len(self.body))


class Progressive(nn.Module):
    """Several alignments one after the other, each seeing the content that the one before made."""

    def __init__(self, stages: Sequence[AlignmentSelection]):
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def forward(self, content: torch.Tensor, hypotheses: Sequence[Hypothesis]) -> torch.Tensor:
        for stage in self.stages:
            content = stage(content, hypotheses)
        return content


class RRSR(C2Matching):
    """C2-Matching whose fusions at strides 2 and 1 are progressive."""

    size: RRSRSize

    def __init__(self, size: RRSRSize = RRSRSize()):
        super().__init__(size)

    @property
    def reach(self) -> None:
        """Filters depend on the mean over all of the content."""
        return None

    def fusion(self, layer: str, blocks: int) -> nn.Module:
        if layer == TEXTURES[0]:
            return super().fusion(layer, blocks)
        size, texture = self.size, channels_of(layer, self.size.textures)

        def stage() -> AlignmentSelection:
            align = BestOf(self.aggregation(layer), texture, self.alignment_reach)
            return AlignmentSelection(align, size.channels, blocks, size.filters)

        return Progressive([stage() for _ in range(size.alignments)])


def build(network: RRSR) -> Method:
    """The method around a trained network."""
    return build_as(INFO, network)


def network(size: Mapping[str, Any]) -> RRSR:
    """An untrained network of the size that a weights file states."""
    return RRSR(RRSRSize(**size))
