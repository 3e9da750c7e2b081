"""Hypotheses, what matches predict for each place of a frame, and the blocks that aggregate and fuse them.

Large pictures go in strips, each with all that it sees round it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from .kernels import by_triton
from .residual import ResidualBlock, conv3x3, conv_leaky
from .strips import in_strips

OFFSETS_REACH = 3  # places round each that decide its offsets: of three convolutions
_ALIGNED = 1 << 16  # places whose reference features are aggregated at a time
_FUSED = 1 << 20  # places that are fused at a time: all of a strip that is finished


class Hypothesis(NamedTuple):
    """One reference at one stride: features [B,R,H,W], where in them to look, [B,h,w,2], and how far to trust it,
    [B,1,h,w]."""

    features: torch.Tensor
    positions: torch.Tensor
    relevance: torch.Tensor


def rows_of(hypotheses: Sequence[Hypothesis], rows: slice) -> list[Hypothesis]:
    """The hypotheses for some rows of the frame."""
    return [
        Hypothesis(hypothesis.features, hypothesis.positions[:, rows], hypothesis.relevance[:, :, rows])
        for hypothesis in hypotheses
    ]


class Alignment(nn.Module):
    """Aggregates hypotheses for the content [B,C,h,w] -> [B,channels,h,w], a strip of a large picture at a time.

    reach: places of the content round each that an aggregation sees; None: all.
    """

    def __init__(self, aggregation: nn.Module, channels: int, reach: int | None = OFFSETS_REACH):
        super().__init__()
        self.aggregation, self.channels, self.reach = aggregation, channels, reach

    def forward(self, content: torch.Tensor, hypotheses: Sequence[Hypothesis]) -> torch.Tensor:
        def work(rows: slice) -> torch.Tensor:
            return self.aligned(content[:, :, rows], rows_of(hypotheses, rows))

        return in_strips(work, content, _ALIGNED, self.reach)

    def aligned(self, content: torch.Tensor, hypotheses: Sequence[Hypothesis]) -> torch.Tensor:
        """The same for what is small enough to be held."""
        raise NotImplementedError


class BestOf(Alignment):
    """Keeps, at each place, what the most relevant hypothesis gives; zero where none is relevant."""

    def aligned(self, content: torch.Tensor, hypotheses: Sequence[Hypothesis]) -> torch.Tensor:
        best = content.new_zeros(content.shape[0], self.channels, *content.shape[2:])
        if by_triton(content):
            best = best.contiguous(memory_format=torch.channels_last)  # as what is aggregated
        trust: torch.Tensor | float = 0.0
        for hypothesis in hypotheses:
            better = hypothesis.relevance > trust
            best = torch.where(better, self.aggregation(content, hypothesis.features, hypothesis.positions), best)
            trust = torch.where(better, hypothesis.relevance, trust)
        return best


class Fusion(nn.Module):
    """One stride of Table 3 in C2-Matching (2 to 5, 7 to 10, 12 to 15): content + blocks(conv[content, aggregated])."""

    def __init__(self, channels: int, blocks: int, aggregated: int, aggregation: Alignment | None):
        super().__init__()
        self.aggregation = aggregation
        self.head = conv3x3(channels + aggregated, channels)
        self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))

    def forward(self, content: torch.Tensor, hypotheses: Sequence[Hypothesis]) -> torch.Tensor:
        parts = [content] if self.aggregation is None else [content, self.aggregation(content, hypotheses)]

        def work(rows: slice) -> torch.Tensor:
            return self._fused(*(part[:, :, rows] for part in parts))

        return in_strips(work, content, _FUSED, 1 + 2 * len(self.body))

    def _fused(self, content: torch.Tensor, *aggregated: torch.Tensor) -> torch.Tensor:
        return content + self.body(conv_leaky(self.head, content, *aggregated))
