"""AMSA (Xia et al., AAAI 2022): matching by coarse-to-fine PatchMatch in a reference at several scales, and their
aggregation by relevance.

A field holds one match per scale of the reference, [S*B,h,w,2], scale by scale, all in pixels of the reference itself.
The rest is C2-Matching's.

This follows the paper. The authors' published network is another one, which this cannot hold: it restores once per
scale and mixes the five results before the last two convolutions; its aggregation has masks and 8 groups of offsets,
learned by three convolutions beside a second, masked aggregation with a weight of its own. `lfvideo-sr weights convert`
names the tensors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..frames import Size
from ..matching.patchmatch import PatchMatchPlan
from ..method import Features, Match, Method, MethodInfo
from ..nn.dynamic_aggregation import PlainAggregation
from ..nn.hypotheses import Alignment, Fusion, Hypothesis
from ..nn.resize import bicubic
from ..nn.vgg import channels_of
from .c2_matching import (
    FIELD_STRIDE,
    UNLIKE,
    C2Matching,
    C2Size,
    Encoder,
    Matcher,
    Restorer,
    build_as,
    hypothesis,
    search,
    search_from,
)  # fmt: skip

INFO = MethodInfo(
    "amsa",
    "PatchMatch in a reference at several scales, aggregated by relevance (AMSA)",
    references=5,
    unlike_below=UNLIKE,
)
FACTOR = 0.8  # k, between two scales
PAPERS = PatchMatchPlan()
WARM = PatchMatchPlan(levels=(1,), rounds=(2,))


@dataclass(frozen=True)
class AMSASize(C2Size):
    """As C2Size; its ways to read a reference are not for AMSA, whose aggregation is another.

    scales:    n of Eq. 9, the reference reduced by 0.8^i (1: no multi-scale aggregation).
    exact:     search all of every scale instead of PatchMatch (Table 2's second line), as far as C2-Matching does.
    sharpness: of the softmax in Eq. 9, by which relevance is multiplied. Relevance is a cosine here, as in the paper,
               whose sharpness is 1. The released code has 10 on a relevance of three times the cosine, which is 30.
    """

    scales: int = 5
    exact: bool = False
    sharpness: float = 1.0


class MultiScaleEncoder(nn.Module):
    """Reference [B,3,H,W], in whole strides of the field -> at each scale i what C2-Matching keeps, as "matching@i",
    "relu3_1@i", ..."""

    def __init__(self, encoder: Encoder, scales: int):
        super().__init__()
        self.one, self.scales = encoder, scales

    def forward(self, reference: torch.Tensor) -> dict[str, torch.Tensor]:
        kept: dict[str, torch.Tensor] = {}
        for scale in range(self.scales):
            size = scaled(reference.shape, scale)
            picture = bicubic(reference, size, shrinks=FACTOR**-scale).clamp(0, 1) if scale else reference
            kept |= {f"{name}@{scale}": features for name, features in self.one(picture).items()}
        return kept


def scaled(shape: Sequence[int], scale: int) -> Size:
    """Size of a reference of shape [...,H,W] reduced by FACTOR ** scale, in whole strides of the field."""
    over, under = 2 * 4**scale, FIELD_STRIDE * 5**scale  # FACTOR = 4 / 5; sizes stay whole numbers in a graph too
    height, width = ((over * side + under) // (2 * under) for side in shape[-2:])
    if not torch.compiler.is_exporting():
        height, width = max(1, height), max(1, width)
    return Size(width * FIELD_STRIDE, height * FIELD_STRIDE)


class MultiScaleMatcher(nn.Module):
    """Frame [B,3,h,w], an encoded reference -> positions [S*B,h,w,2], relevance [S*B,h,w]."""

    def __init__(self, matcher: Matcher, scales: int, exact: bool):
        super().__init__()
        self.one, self.scales, self.exact = matcher, scales, exact

    def forward(
        self, frame: torch.Tensor, reference: Features, seed: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        query = self.one.describe(frame)
        seeds = [None] * self.scales if seed is None else seed.chunk(self.scales)
        fields = []
        for scale, before in enumerate(seeds):
            ratio = _ratio(reference, scale)
            before = None if before is None else (before + 0.5) * ratio - 0.5
            positions, relevance = self._search(query, reference[f"matching@{scale}"], before)
            fields.append(((positions + 0.5) / ratio - 0.5, relevance))
        positions, relevance = (torch.cat(part) for part in zip(*fields))
        return positions, relevance

    def _search(
        self, query: torch.Tensor, descriptors: torch.Tensor, before: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.exact:
            return search(query, descriptors, before, self.one.subplace)
        return search_from(query, descriptors, PAPERS if before is None else WARM, before, self.one.subplace)


def _ratio(reference: Features, scale: int) -> torch.Tensor:
    """How wide and how high a scale is beside the first, (x, y)."""
    whole, part = (reference[f"matching@{number}"] for number in (0, scale))
    sides = [part.shape[3] / whole.shape[3], part.shape[2] / whole.shape[2]]
    return torch.tensor(sides, device=whole.device)


class ByRelevance(Alignment):
    """Eq. 9 and the sum in Eq. 10: aggregates every hypothesis, weighted by softmax of relevance; zero where nothing
    is relevant."""

    def __init__(self, aggregation: nn.Module, channels: int, sharpness: float):
        super().__init__(aggregation, channels)
        self.sharpness = sharpness

    def aligned(self, content: torch.Tensor, hypotheses: Sequence[Hypothesis]) -> torch.Tensor:
        total = content.new_zeros(content.shape[0], self.channels, *content.shape[2:])
        weights = torch.zeros_like(total[:, :1], dtype=torch.float32)
        for candidate in hypotheses:
            weight = (self.sharpness * (candidate.relevance - 1)).exp() * (candidate.relevance > 0)
            total = total + weight.to(total.dtype) * self.aggregation(content, candidate.features, candidate.positions)
            weights = weights + weight
        return total / torch.where(weights > 0, weights, 1.0)


class MultiScaleRestorer(Restorer):
    """C2-Matching's, with the hypotheses of all scales."""

    def hypotheses(self, matches: Sequence[Match], layer: str) -> list[Hypothesis]:
        return [hypothesis(scale_match, layer) for match in matches for scale_match in by_scale(match, layer)]


def by_scale(match: Match, layer: str) -> list[Match]:
    """A match in the reference at all scales -> one in each scale's own picture, with that layer alone."""
    scales = sum(name.startswith(f"{layer}@") for name in match.features)
    fields = zip(match.positions.chunk(scales), match.relevance.chunk(scales))
    matches = []
    for scale, (positions, relevance) in enumerate(fields):
        scaled_positions = (positions + 0.5) * _ratio(match.features, scale) - 0.5
        matches.append(Match({layer: match.features[f"{layer}@{scale}"]}, scaled_positions, relevance))
    return matches


class AMSA(C2Matching):
    """C2-Matching with multi-scale encoder, matcher and aggregation."""

    size: AMSASize

    def __init__(self, size: AMSASize = AMSASize()):
        super().__init__(size)
        assert isinstance(self.encoder, Encoder) and isinstance(self.matcher, Matcher)
        self.encoder = MultiScaleEncoder(self.encoder, size.scales)
        self.matcher = MultiScaleMatcher(self.matcher, size.scales, size.exact)

    def make_restorer(self) -> Restorer:
        return self.restorer_of(MultiScaleRestorer)

    def fusion(self, layer: str, blocks: int) -> nn.Module:
        size, texture = self.size, channels_of(layer, self.size.textures)
        aggregation = ByRelevance(PlainAggregation(size.channels, texture), texture, size.sharpness)
        return Fusion(size.channels, blocks, texture, aggregation)


def build(network: AMSA) -> Method:
    """The method around a trained network."""
    return build_as(INFO, network)


def network(size: Mapping[str, Any]) -> AMSA:
    """An untrained network of the size that a weights file states."""
    return AMSA(AMSASize(**size))
