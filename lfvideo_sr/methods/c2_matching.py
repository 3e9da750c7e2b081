"""C2-Matching (Jiang et al., CVPR 2021): learned correspondences, dynamic aggregation, restoration.

*encode*: the reference's descriptors for matching, and its texture features of VGG19 at three strides.
*match*: descriptors of the frame, enlarged, are searched for in the reference's (sections 3.1 and 3.3, Eq. 8).
*restore*: at each of three strides texture features are aggregated where the match says (Eq. 9) and fused (Table 3).

Departures from the paper, and why:
- A field covers the whole frame: patches at the edge are filled with zeros, where the paper's code leaves out a border
  and shifts the rest. References may have any size.
- Beyond a number of pairs of places (matching/policy.py) the search is coherent PatchMatch, warm-started from the frame
  before in a stream: exact search takes the fourth power of the side (`benchmarks/matching.py`).
- Several references act as the paper's stitched canvas does: each place takes the one it matches best.
- Without a reference the aggregated features are zero; training shows as many such samples as a configuration
  states (`no_reference`).

The authors' published network departs from the paper too. What it does differently is named in C2Size (tap_flows,
offsets_from, activation); `lfvideo-sr weights convert` sets it, so that their weights run as they were trained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

from ..checks import check_fields
from ..matching.exact import exact_search_to_the_edge
from ..matching.patches import row_and_column
from ..matching.patchmatch import PatchMatchPlan
from ..matching.policy import by_patchmatch, is_exact
from ..matching.subplace import between_places
from ..method import Features, Match, Method, MethodInfo
from ..nn.dynamic_aggregation import FixedAggregation, MaskedAggregation, Reading, positions_at
from ..nn.fused import conv
from ..nn.hypotheses import OFFSETS_REACH, BestOf, Fusion, Hypothesis, rows_of
from ..nn.residual import ResidualBlock, conv3x3, conv_leaky, pixel_shuffle
from ..nn.resize import BicubicEnlarge, enlarge_bilinear, full_precision
from ..nn.strips import in_strips
from ..nn.vgg import VGG, channels_of

UNLIKE = 0.8  # likeness that a reference needs; measured, docs/results.md
INFO = MethodInfo(
    "c2_matching", "learned correspondences and dynamic aggregation (C2-Matching)", references=5, unlike_below=UNLIKE
)
SCALE = 4
FIELD_STRIDE = 4
DESCRIPTOR = "conv3_1"  # before its ReLU; Table 2
TEXTURES = ("relu3_1", "relu2_1", "relu1_1")
STRIDES = {"relu3_1": 4, "relu2_1": 2, "relu1_1": 1}
_FINISHED = 1 << 17  # pixels at stride 2 that are finished at a time


@dataclass(frozen=True)
class C2Size:
    """The paper's widths by default; the light variant is blocks (16, 16, 8, 4) and first_aggregation False.

    blocks:   residual blocks of Table 3's layers 1, 4, 9 and 14.
    textures, descriptors: VGG widths (64: the real network).
    dynamic:  learned offsets (Eq. 9); False aggregates a fixed patch, the ablation's baseline.
    subplace: matches may be between places, by their scores, instead of whole places apart: not in the paper, which
              leaves up to two pixels to the learned offsets; a short training cannot learn those.
    tap_flows, offsets_from, activation: see Reading; the published network has "own", "unmoved" and "leaky".
    """

    channels: int = 64
    blocks: Sequence[int] = (16, 16, 16, 16)
    textures: int = 64
    descriptors: int = 64
    first_aggregation: bool = True
    dynamic: bool = True
    subplace: bool = False
    tap_flows: Literal["shared", "own"] = "shared"
    offsets_from: Literal["fetched", "unmoved"] = "fetched"
    activation: Literal["none", "leaky"] = "none"

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def reading(self) -> Reading:
        return Reading(self.tap_flows, self.offsets_from, self.activation)


class CorrespondenceNetwork(nn.Module):
    """The contrastive correspondence network: two extractors of one structure with weights of their own (Table 2)."""

    def __init__(self, width: int = 64):
        super().__init__()
        self.query = VGG("vgg16", (DESCRIPTOR,), width)
        self.reference = VGG("vgg16", (DESCRIPTOR,), width)

    def forward(self, frame: torch.Tensor, reference: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures [B,3,H,W] in [0,1], the frame enlarged -> unit descriptors [B,C,H/4,W/4] of both."""
        return describe(self.query, frame), describe(self.reference, reference)


def describe(extractor: VGG, picture: torch.Tensor) -> torch.Tensor:
    """Unit descriptors, in float32 whatever autocast says: in half precision neighbours are alike."""
    with full_precision(picture):
        return F.normalize(extractor(picture.float())[DESCRIPTOR], dim=1)


class Encoder(nn.Module):
    """Reference [B,3,H,W] -> "matching" [B,C,H/4,W/4] and texture features by layer. Shares the extractor given."""

    def __init__(self, extractor: VGG, textures: VGG):
        super().__init__()
        self.extractor, self.textures = extractor, textures

    def forward(self, reference: torch.Tensor) -> dict[str, torch.Tensor]:
        with torch.no_grad():  # a search gives no gradient, so what it needs of a restored reference is not kept
            matching = describe(self.extractor, reference)
        return {"matching": matching, **self.textures(reference)}


class Matcher(nn.Module):
    """Frame [B,3,h,w], an encoded reference of any size -> positions [B,h,w,2], relevance [B,h,w].

    Relevance is the cosine of the matched patches of descriptors, at least zero. exact_until: see `search`.
    """

    def __init__(self, extractor: VGG, subplace: bool = False, exact_until: int | None = None):
        super().__init__()
        self.extractor, self.subplace, self.exact_until = extractor, subplace, exact_until
        self.enlarge = BicubicEnlarge(SCALE)

    def forward(
        self, frame: torch.Tensor, reference: Features, seed: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return search(self.describe(frame), reference["matching"], seed, self.subplace, self.exact_until)

    @torch.no_grad()
    def describe(self, frame: torch.Tensor) -> torch.Tensor:
        """Descriptors of the frame enlarged by bicubic interpolation to 8 bits, as training shows them."""
        return describe(self.extractor, enlarged(self.enlarge, frame))


def enlarged(enlarge: BicubicEnlarge, frame: torch.Tensor) -> torch.Tensor:
    """Frame [B,3,h,w] -> [B,3,4h,4w] in [0,1], in 256 levels."""
    return F.pixel_shuffle(enlarge(frame), SCALE).float().clamp(0, 1).mul(255).round().div(255)


def search(
    query: torch.Tensor,
    reference: torch.Tensor,
    seed: torch.Tensor | None = None,
    subplace: bool = False,
    exact_until: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Best places of descriptors [B,C,h,w] among [B,C,H,W] -> positions in reference pixels [B,h,w,2], relevance.

    Exact, or by PatchMatch from seed positions [B,h,w,2] if given; see matching/policy.py, also for `exact_until`.
    """
    if not is_exact(query, reference, exact_until):
        return search_from(query, reference, None, seed, subplace)
    index, score = (part[:, 0] for part in exact_search_to_the_edge(query, reference))
    return _positions(query, reference, index, subplace), score.clamp(0, 1).float()


def search_from(
    query: torch.Tensor,
    reference: torch.Tensor,
    plan: PatchMatchPlan | None,
    seed: torch.Tensor | None = None,
    subplace: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same by PatchMatch, from seed positions or from anywhere."""
    field = by_patchmatch(query, reference, FIELD_STRIDE, seed, plan)
    return _positions(query, reference, field.index, subplace), field.score.clamp(0, 1).float()


def _positions(query: torch.Tensor, reference: torch.Tensor, index: torch.Tensor, subplace: bool) -> torch.Tensor:
    """Places of a reference's descriptors, row * W + column, [B,h,w] -> positions in its pixels [B,h,w,2]."""
    row, column = row_and_column(index, reference.shape[3])
    places = torch.stack([column, row], -1).float()
    if subplace:
        places = places + between_places(query, reference, index).float()
    return places * FIELD_STRIDE + (FIELD_STRIDE - 1) / 2


def hypothesis(match: Match, layer: str) -> Hypothesis:
    """A match at the stride of a layer."""
    stride = STRIDES[layer]
    ratio = FIELD_STRIDE // stride
    relevance = match.relevance[:, None].repeat_interleave(ratio, 2).repeat_interleave(ratio, 3)
    return Hypothesis(match.features[layer], positions_at(match.positions, FIELD_STRIDE, stride), relevance)


class Restorer(nn.Module):
    """Frame [B,3,h,w] and any number of matches -> picture [B,3,4h,4w]; the restoration module of Table 3.

    fusions: for the strides 4, 2 and 1, each (content, hypotheses) -> content. In inference the last stride of a large
    picture goes in strips, with all that a strip sees round it; without a `reach` (in output pixels) it does not.
    """

    def __init__(self, channels: int, blocks: int, fusions: Sequence[nn.Module], reach: int | None):
        super().__init__()
        self.head = conv3x3(3, channels)  # layer 0
        self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))  # layer 1
        self.fusions = nn.ModuleList(fusions)
        self.enlargers = nn.ModuleList(conv3x3(channels, 4 * channels) for _ in TEXTURES[1:])  # layers 6 and 11
        self.narrow = conv3x3(channels, channels // 2)  # layer 16
        self.tail = conv3x3(channels // 2, 3)  # layer 17
        self.reach = reach

    def forward(self, frame: torch.Tensor, matches: Sequence[Match] = ()) -> torch.Tensor:
        coarse, middle, fine = (self.hypotheses(matches, layer) for layer in TEXTURES)
        content = self.body(conv_leaky(self.head, frame))
        content = self.fusions[0](content, coarse)
        content = self.fusions[1](self._enlarged(content, 0), middle)
        base = enlarge_bilinear(frame, SCALE)

        def finished(rows: slice) -> torch.Tensor:
            return self._finished(content[:, :, rows], rows_of(fine, _twice(rows)))

        around = None if self.reach is None else -(-self.reach // 2) + 1
        return base + in_strips(finished, content, _FINISHED, around, scale=2)

    def _finished(self, content: torch.Tensor, hypotheses: Sequence[Hypothesis]) -> torch.Tensor:
        """Content at stride 2 -> what is added to the enlarged frame."""
        content = self.fusions[2](self._enlarged(content, 1), hypotheses)
        return conv(self.tail, conv_leaky(self.narrow, content))

    def _enlarged(self, content: torch.Tensor, number: int) -> torch.Tensor:
        layer = self.enlargers[number]
        assert isinstance(layer, nn.Conv2d)
        return pixel_shuffle(conv_leaky(layer, content), 2)

    def hypotheses(self, matches: Sequence[Match], layer: str) -> list[Hypothesis]:
        """All matches at the stride of a layer; AMSA has several scales of each."""
        return [hypothesis(match, layer) for match in matches]


def _twice(rows: slice) -> slice:
    """The same rows of a picture twice as high."""
    return rows if rows.start is None else slice(2 * rows.start, 2 * rows.stop)


class C2Matching(nn.Module):
    """All of it: `correspondence` and `textures` come trained and frozen; `restorer` is what the last stages train.

    encoder, matcher, restorer: the method's verbs; they share the extractors.
    """

    def __init__(self, size: C2Size = C2Size()):
        super().__init__()
        self.size = size
        self.correspondence = CorrespondenceNetwork(size.descriptors)
        self.textures = VGG("vgg19", TEXTURES, size.textures)
        self.restorer = self.make_restorer()
        self.encoder: nn.Module = Encoder(self.correspondence.reference, self.textures)
        self.matcher: nn.Module = Matcher(self.correspondence.query, size.subplace)

    def make_restorer(self) -> Restorer:
        return self.restorer_of(Restorer)

    def restorer_of(self, kind: type[Restorer]) -> Restorer:
        """A restorer with this method's fusions."""
        first, *others = self.size.blocks
        fusions = [self.fusion(*stage) for stage in zip(TEXTURES, others)]
        return kind(self.size.channels, first, fusions, self.reach)

    @property
    def reach(self) -> int | None:
        """Output pixels round a place that the fusion at stride 1 and the layers after it see; None: all of them."""
        if self.size.reading.depends_on_place:
            return None
        others = OFFSETS_REACH + 3  # layers 13, 16 and 17 of Table 3
        return 2 * self.size.blocks[-1] + others

    @property
    def alignment_reach(self) -> int | None:
        """Places round each that an alignment sees of the content; None: all of them."""
        return None if self.size.reading.depends_on_place else OFFSETS_REACH

    def fusion(self, layer: str, blocks: int) -> nn.Module:
        """What happens at the stride of a texture layer."""
        size, texture = self.size, channels_of(layer, self.size.textures)
        if layer == TEXTURES[0] and not size.first_aggregation:
            return Fusion(size.channels, blocks, 0, None)
        return Fusion(size.channels, blocks, texture, BestOf(self.aggregation(layer), texture, self.alignment_reach))

    def aggregation(self, layer: str) -> nn.Module:
        """What reads one reference at the stride of a texture layer."""
        size, texture = self.size, channels_of(layer, self.size.textures)
        if not size.dynamic:
            return FixedAggregation(size.channels, texture)
        return MaskedAggregation(size.channels, texture, size.reading, FIELD_STRIDE // STRIDES[layer])


def build(network: C2Matching) -> Method:
    """The method around a trained network."""
    return build_as(INFO, network)


def build_as(info: MethodInfo, network: C2Matching) -> Method:
    """The same under another name, for the methods that build on this one."""
    return Method(
        info=info,
        encoder=network.encoder,
        matcher=network.matcher,
        restorer=network.restorer,
        field_stride=FIELD_STRIDE,
        warm=True,
    )


def network(size: Mapping[str, Any]) -> C2Matching:
    """An untrained network of the size that a weights file states."""
    return C2Matching(C2Size(**size))
