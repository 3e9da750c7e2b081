"""E2ENT2 (Xie et al., ECCV 2020): features learned for super-resolution itself, matched and swapped end to end.

*encode*: phi of the reference and of the reference reduced by 4 (section 3.2).
*match*: 3x3 patches of phi of the frame among those of the reduced reference's, at low resolution (Eq. 3).
*restore*: the sharp features of the matched patches take the place of the frame's (Eq. 4) and are fused into what
bilinear enlargement lacks (Eq. 7). Gradients go through the swap by the paper's own rule (Eq. 5, matching/swap.py).

What the paper leaves open, and how it is read here: the decoder's 16 blocks are 8 at low resolution (Res1) and 8 at
full resolution (Res2); the single-image branch adds to the bilinear enlargement, as the other does.

Departures, and why:
- Without a reference the picture is the single-image branch's, which is trained beside the other anyway.
- Several references: each place takes the one whose patch is most similar (cosine, also the relevance).
- Beyond a number of pairs of places (matching/policy.py) the search is coherent PatchMatch by cosine instead of Eq. 3's
  score, warm-started from the frame before in a stream; so it is in an exported graph, whatever the size.
- Eq. 3 compares whole patches; places at the frame's edge go where their inner neighbours do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

from ..checks import check_fields
from ..frames import Size
from ..matching.exact import exact_search
from ..matching.patches import row_and_column
from ..matching.patchmatch import relevance
from ..matching.policy import by_patchmatch, clamped_index, is_exact, nearest_index
from ..matching.swap import ALPHAS, PATCH, swap
from ..method import Features, Match, Method, MethodInfo
from ..nn.residual import ResidualBlock, conv3x3, leaky
from ..nn.resize import bicubic, enlarge_bilinear, full_precision
from ..nn.vgg import VGG, channels_of
from ..nn.warp import grid_positions

UNLIKE = 0.8  # likeness that a reference needs, as measured on C2-Matching and AMSA (docs/results.md)
INFO = MethodInfo(
    "e2ent2", "features learned for it, matched and swapped end to end (E2ENT2)", references=5, unlike_below=UNLIKE
)
SCALE = 4
FIELD_STRIDE = 4
VGG_LAYER = "relu1_2"  # the deepest at full resolution, where the paper's features are


@dataclass(frozen=True)
class E2ENT2Size:
    """The paper's widths by default.

    blocks:   residual blocks of the encoder; decoder: of Res1 and Res2.
    features: "own", or "vgg": VGG19's in their place (Table 3), `vgg_width` wide.
    alphas:   shares of Eq. 5 (Table 4); they matter to training alone.
    """

    channels: int = 64
    blocks: int = 16
    decoder: Sequence[int] = (8, 8)
    features: Literal["own", "vgg"] = "own"
    vgg_width: int = 64
    alphas: Sequence[float] = ALPHAS

    def __post_init__(self) -> None:
        check_fields(self)


class OwnFeatures(nn.Module):
    """phi: picture [B,3,H,W] -> [B,C,H,W]; residual blocks without normalisation under one long skip (Fig. 3)."""

    def __init__(self, channels: int, blocks: int):
        super().__init__()
        self.head = conv3x3(3, channels)
        self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)), conv3x3(channels, channels))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        shallow = self.head(picture)
        return shallow + self.body(shallow)


class VGGFeatures(nn.Module):
    """The ablation's: features of a network trained to classify."""

    def __init__(self, width: int):
        super().__init__()
        self.vgg = VGG("vgg19", (VGG_LAYER,), width)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.vgg(picture)[VGG_LAYER]


class Encoder(nn.Module):
    """Reference [B,3,H,W], sides in multiples of 4 -> "high" [B,C,H,W], "low" [B,C,H/4,W/4]."""

    def __init__(self, phi: nn.Module):
        super().__init__()
        self.phi = phi

    def forward(self, reference: torch.Tensor) -> dict[str, torch.Tensor]:
        height, width = (side // SCALE for side in reference.shape[2:])
        reduced = bicubic(reference, Size(width, height), shrinks=SCALE).clamp(0, 1)
        return {"high": self.phi(reference), "low": searched_by(self.phi, reduced)}


class Matcher(nn.Module):
    """Frame [B,3,h,w], an encoded reference -> positions [B,h,w,2], relevance [B,h,w]; no gradient passes.

    exact_until: see `search`.
    """

    def __init__(self, phi: nn.Module, exact_until: int | None = None):
        super().__init__()
        self.phi, self.exact_until = phi, exact_until

    @torch.no_grad()
    def forward(
        self, frame: torch.Tensor, reference: Features, seed: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        query, low = searched_by(self.phi, frame), reference["low"].float()
        index = search(query, low, seed, self.exact_until)
        around = F.pad(index, (1, 1, 1, 1))  # with any place: only whole patches are compared
        cosine = relevance(query, low, around)[:, 1:-1, 1:-1]
        return positions_of(index, low.shape[3]), to_the_edge(cosine[..., None])[..., 0].clamp(0, 1)


def searched_by(phi: nn.Module, picture: torch.Tensor) -> torch.Tensor:
    """Features [B,C,H,W] in float32 whatever autocast says: in half precision neighbours are alike."""
    with full_precision(picture):
        return phi(picture.float())


def search(
    query: torch.Tensor, low: torch.Tensor, seed: torch.Tensor | None = None, exact_until: int | None = None
) -> torch.Tensor:
    """For each whole patch of `query` [B,C,h,w] the centre of the best in `low` [B,C,H,W] (Eq. 3), int64 [B,h-2,w-2].

    Eq. 3 scales only the reference's patches (by the sum of magnitudes); scaling the frame's as well changes no choice.
    A departure: a small number is added to those lengths, so that an empty patch has a score; it changes choices only
    where features are tiny.
    Exact, or by PatchMatch from seed positions [B,h,w,2] if given; see matching/policy.py, also for `exact_until`.
    """
    if is_exact(query, low, exact_until):
        return exact_search(query, low, patch=PATCH, order=1).index[:, 0]
    index = by_patchmatch(query, low, SCALE, seed).index[:, 1:-1, 1:-1]
    row, column = row_and_column(index, low.shape[3])
    return clamped_index(column, row, low, edge=1)


def positions_of(index: torch.Tensor, columns: int) -> torch.Tensor:
    """Centres of matches [B,h-2,w-2] on the reduced reference's grid -> positions in the reference, for all places,
    [B,h,w,2]."""
    row, column = row_and_column(index, columns)
    inner = torch.stack([column, row], -1).float()
    height, width = (side + 2 for side in index.shape[1:])
    moved = inner - grid_positions(height, width, index.device)[:, 1:-1, 1:-1]
    places = grid_positions(height, width, index.device) + to_the_edge(moved)
    return places * SCALE + (SCALE - 1) / 2


def index_of(positions: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
    """The way back: centres of the patches nearest to positions [B,h,w,2], int64 [B,h-2,w-2]."""
    return nearest_index(positions[:, 1:-1, 1:-1], low, SCALE, edge=1)


def to_the_edge(inner: torch.Tensor) -> torch.Tensor:
    """[B,h-2,w-2,N] -> [B,h,w,N], each place at the edge as its inner neighbour."""
    return F.pad(inner.permute(0, 3, 1, 2), (1, 1, 1, 1), mode="replicate").permute(0, 2, 3, 1)


class Enlarger(nn.Module):
    """[B,C,h,w] -> [B,C,4h,4w] by two pixel shuffles."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.ModuleList(conv3x3(channels, 4 * channels) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = leaky(F.pixel_shuffle(layer(x), 2))
        return x


class Restorer(nn.Module):
    """Frame [B,3,h,w] and any number of matches -> picture [B,3,4h,4w] (Eq. 7); without any, the single-image
    branch's."""

    def __init__(self, phi: nn.Module, inputs: int, size: E2ENT2Size):
        super().__init__()
        self.phi, self.inputs, self.alphas = phi, inputs, tuple(size.alphas)
        channels = size.channels
        first, second = ([ResidualBlock(channels) for _ in range(count)] for count in size.decoder)
        self.single = nn.Sequential(conv3x3(inputs, channels), Enlarger(channels), conv3x3(channels, 3))
        self.res1 = nn.Sequential(conv3x3(inputs, channels), *first, Enlarger(channels))
        self.res2 = nn.Sequential(conv3x3(inputs + channels, channels), *second, conv3x3(channels, 3))

    def forward(self, frame: torch.Tensor, matches: Sequence[Match] = ()) -> torch.Tensor:
        if not matches:
            return self.alone(frame)
        features = self.phi(frame)
        swapped = self.swapped(features, matches)
        made = self.res2(torch.cat([swapped, self.res1(features)], 1))
        if torch.compiler.is_exporting():  # where no slot of a graph is filled, as without a reference
            used = (torch.stack([match.relevance.amax((0, 1, 2)) for match in matches]).amax(0) > 0).to(made.dtype)
            made = made * used + self.single(features) * (1 - used)
        return enlarge_bilinear(frame, SCALE) + made

    def alone(self, frame: torch.Tensor) -> torch.Tensor:
        """The single-image branch (Fig. 3)."""
        return enlarge_bilinear(frame, SCALE) + self.single(self.phi(frame))

    def swapped(self, features: torch.Tensor, matches: Sequence[Match]) -> torch.Tensor:
        """F of Eq. 4, each place from its most relevant match; zero where none is relevant."""
        best: torch.Tensor | float = 0.0
        trust: torch.Tensor | float = 0.0
        for match in matches:
            low, high = (match.features[name].to(features.dtype) for name in ("low", "high"))
            swapped = swap(features, low, high, index_of(match.positions, low), self.alphas)
            cells = match.relevance[:, None].repeat_interleave(SCALE, 2).repeat_interleave(SCALE, 3)
            best = torch.where(cells > trust, swapped, best)
            trust = torch.where(cells > trust, cells, trust)
        assert isinstance(best, torch.Tensor)
        return best


class E2ENT2(nn.Module):
    """All of it; `phi` is shared by the method's verbs."""

    def __init__(self, size: E2ENT2Size = E2ENT2Size()):
        super().__init__()
        self.size = size
        learned = size.features == "own"
        self.phi = OwnFeatures(size.channels, size.blocks) if learned else VGGFeatures(size.vgg_width)
        inputs = size.channels if learned else channels_of(VGG_LAYER, size.vgg_width)
        self.encoder = Encoder(self.phi)
        self.matcher = Matcher(self.phi)
        self.restorer = Restorer(self.phi, inputs, size)


def build(network: E2ENT2) -> Method:
    """The method around a trained network."""
    return Method(
        info=INFO,
        encoder=network.encoder,
        matcher=network.matcher,
        restorer=network.restorer,
        field_stride=FIELD_STRIDE,
        warm=True,
    )


def network(size: Mapping[str, Any]) -> E2ENT2:
    """An untrained network of the size that a weights file states."""
    return E2ENT2(E2ENT2Size(**size))
