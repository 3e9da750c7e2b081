"""RefSR-Net (Zheng et al., BMVC 2017): CC-Net finds a low-resolution frame's places in a reference beside it, SS-Net
fuses what is there.

*encode*: the reference and CC-Net's features of all its pixels.
*match*: the first output pixel of every low-resolution pixel, the one that CC-Net is trained on, is searched for within
100 pixels of its own place.
*restore*: SRResNet's features of the frame are fused with those of the reference where the match says (section 4).

Two ways to restore (`windows`): by overlapping patches of 8x8 low-resolution pixels, each with the reference patch that
its middle matches, averaged under smoothed masks, as in the paper; or at once, with the reference warped by the field.

Scale: the paper's patches are 8x8 -> 64x64, and so its masks have scales 1, 1/2, 1/4 and 1/8. At x4, this project's
scale, patches are 8x8 -> 32x32 and the coarsest scale is left out. The low-resolution features are those of a x4
network without its enlarging layers in both cases, as in the paper.

Departures, and why:
- The low-resolution features are computed once for the whole frame, where the paper slides SRResNet too.
- References of another size than the frame's: windows are centred at the place in proportion.
- Several references: each place takes the one whose match is most similar (cosine, also the relevance).
- Without a reference its features are zero; training shows as many such samples as a configuration states.
- `together` sums the scores of neighbouring places, moved alike, before the best is taken; 1, the paper's, by default.
- `onto_enlarged` adds the result to the bilinear enlargement, so that short trainings begin there; off by default.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ..checks import check_fields
from ..matching.patches import row_and_column
from ..matching.windowed import windowed_search
from ..method import Features, Match, Method, MethodInfo
from ..nn.ccnet import PHASE, CCNet, CCNetSize
from ..nn.dynamic_aggregation import positions_at
from ..nn.resize import enlarge_bilinear, full_precision
from ..nn.sliding import Corners, corners, slide
from ..nn.srresnet import SRResNet
from ..nn.ssnet import Equations, SSNet, Synthesised
from ..nn.warp import sample
from ..weights import load_into, read_about

UNLIKE = 0.8  # likeness that a reference needs, as measured on C2-Matching and AMSA (docs/results.md)
INFO = MethodInfo(
    "refsr_net", "cross-scale correspondence and patch synthesis (RefSR-Net)", references=5, unlike_below=UNLIKE
)
SCALES = {4: 2, 8: 3}  # and how many times SS-Net halves a reference


@dataclass(frozen=True)
class RefSRSize:
    """scale: 4, or 8 as in the paper. matching, siamese, unit: CC-Net's width in percent and options, see CCNetSize.
    features, blocks: SRResNet's. channels, equations: SS-Net's.

    reach: pixels of the search to each side. together: odd; places along a side whose scores are summed.
    windows: restore by sliding windows, else at once. patch, stride: of these windows, in low-resolution pixels; the
        paper does not state SS-Net's stride and slides its single-image network by 2.
    """

    scale: int = 4
    matching: int = 100
    siamese: bool = True
    unit: bool = False
    features: int = 64
    blocks: int = 16
    channels: int = 64
    equations: Equations = "meant"
    onto_enlarged: bool = False
    reach: int = 100
    together: int = 1
    windows: bool = False
    patch: int = 8
    stride: int = 2

    def __post_init__(self) -> None:
        check_fields(self)


class Encoder(nn.Module):
    """Reference [B,3,H,W] -> "picture" as given, and "matching" [B,C,H,W]."""

    def __init__(self, correspondence: CCNet):
        super().__init__()
        self.correspondence = correspondence

    def forward(self, reference: torch.Tensor) -> dict[str, torch.Tensor]:
        with full_precision(reference):
            return {"picture": reference, "matching": self.correspondence.reference.everywhere(reference.float())}


class Matcher(nn.Module):
    """Frame [B,3,h,w], an encoded reference -> positions [B,h,w,2], relevance [B,h,w]."""

    def __init__(self, correspondence: CCNet, reach: int, together: int = 1):
        super().__init__()
        self.correspondence, self.reach, self.together = correspondence, reach, together

    def forward(
        self, frame: torch.Tensor, reference: Features, seed: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        scale, other = self.correspondence.size.scale, reference["matching"]
        query = self.queries(frame)
        rows, columns = (
            torch.div(
                (torch.arange(side, device=frame.device) * scale + PHASE) * length, side * scale, rounding_mode="floor"
            )
            for side, length in zip(frame.shape[2:], other.shape[2:])
        )
        search = windowed_search(query, other, reach=self.reach, centres=(rows, columns), patch=self.together)
        index = search.index[:, 0]
        row, column = row_and_column(index, other.shape[3])
        positions = torch.stack([column, row], -1).float() + (scale - 1) / 2 - PHASE
        return positions, _cosine(query, other, index).clamp(0, 1)

    def queries(self, frame: torch.Tensor) -> torch.Tensor:
        """Frame [B,3,h,w] -> CC-Net's vector of the output pixel PHASE of each low-resolution pixel, [B,C,h,w]."""
        scale, (height, width) = self.correspondence.size.scale, frame.shape[2:]
        with full_precision(frame):
            features = self.correspondence.query.everywhere(self.correspondence.enlarge(frame.float()))
        return features.unflatten(3, (width, scale)).unflatten(2, (height, scale))[:, :, :, PHASE, :, PHASE]


def _cosine(query: torch.Tensor, reference: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Of features [B,C,h,w] and those of [B,C,H,W] at index [B,h,w] -> [B,h,w]."""
    at = index.flatten(1)[:, None].expand(-1, query.shape[1], -1)
    matched = reference.flatten(2).gather(2, at).float()
    return F.cosine_similarity(query.flatten(2).float(), matched, dim=1).unflatten(1, tuple(index.shape[1:]))


class Restorer(nn.Module):
    """Frame [B,3,h,w] and any number of matches -> picture [B,3,s*h,s*w]."""

    def __init__(self, low: SRResNet, size: RefSRSize):
        super().__init__()
        self.low, self.size = low, size
        self.fuse = SSNet(size.features, size.channels, SCALES[size.scale], size.equations)

    def forward(self, frame: torch.Tensor, matches: Sequence[Match] = ()) -> torch.Tensor:
        restore = self.by_windows if self.size.windows else self.at_once
        return self.finished(frame, restore(frame, matches))

    def at_once(self, frame: torch.Tensor, matches: Sequence[Match]) -> torch.Tensor:
        """The dense path: every pixel of the reference's copy moves with its low-resolution pixel's match."""
        height, width = (self.size.scale * side for side in frame.shape[2:])
        copy, trust = frame.new_zeros(len(frame), 3, height, width), frame.new_zeros(len(frame), 1, height, width)
        for match in matches:
            at = positions_at(match.positions, self.size.scale, 1)
            better = self._enlarged(match.relevance[:, None]) > trust
            copy = torch.where(better, sample(match.features["picture"], at, mode="nearest").to(copy), copy)
            trust = torch.where(better, self._enlarged(match.relevance[:, None]).to(trust), trust)
        return self.fuse(self.low.features(frame), copy, (trust > 0).to(copy)).picture

    def by_windows(self, frame: torch.Tensor, matches: Sequence[Match]) -> torch.Tensor:
        """The paper's sliding windows, some at a time."""
        height, width = frame.shape[2:]
        places = corners(height, width, min(self.size.patch, height, width), self.size.stride)
        pictures = []
        for number, features in enumerate(self.low.features(frame)):
            of_frame = [match_of(match, number) for match in matches]
            predict = partial(self.windows, features, of_frame)
            pictures.append(slide(predict, places, height, width, self.size.scale))
        return torch.stack(pictures)

    def windows(self, features: torch.Tensor, matches: Sequence[Match], places: Corners) -> Synthesised:
        """What SS-Net makes of windows with corners at `places`; features [C,h,w] and matches are one frame's."""
        side = min(self.size.patch, *features.shape[1:])
        low = torch.stack([features[:, top : top + side, left : left + side] for top, left in places])
        wide = side * self.size.scale
        copy, trust = low.new_zeros(len(places), 3, wide, wide), low.new_zeros(len(places), 1, 1, 1)
        middles = tuple(torch.tensor([place[axis] + side // 2 for place in places]) for axis in (0, 1))
        for match in matches:
            relevance = match.relevance[0][middles].view(-1, 1, 1, 1).to(trust)
            patches = self._patches(match, places, middles, wide).to(copy)
            copy, trust = torch.where(relevance > trust, patches, copy), torch.maximum(trust, relevance)
        return self.fuse(low, copy, (trust > 0).to(copy).expand(-1, 1, wide, wide))

    def _patches(self, match: Match, places: Corners, middles: tuple[torch.Tensor, ...], wide: int) -> torch.Tensor:
        """The reference's patch that moves as its window's middle does, [n,3,wide,wide]."""
        picture, scale = match.features["picture"][0], self.size.scale
        unmoved = torch.stack(middles[::-1], -1).to(match.positions) * scale + (scale - 1) / 2
        moved = (match.positions[0][middles] - unmoved).round().long()
        first = torch.tensor(places, device=moved.device) * scale + moved.flip(-1)  # top, left
        steps = torch.arange(wide, device=moved.device)
        rows, columns = ((first[:, axis, None] + steps).clamp(0, picture.shape[axis + 1] - 1) for axis in (0, 1))
        return picture[:, rows[:, :, None], columns[:, None, :]].transpose(0, 1)

    def finished(self, frame: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
        """The picture, added to the enlarged frame where the size has `onto_enlarged`."""
        if not self.size.onto_enlarged:
            return made.float()
        return enlarge_bilinear(frame, self.size.scale) + made

    def _enlarged(self, field: torch.Tensor) -> torch.Tensor:
        return field.repeat_interleave(self.size.scale, 2).repeat_interleave(self.size.scale, 3)


def match_of(match: Match, number: int) -> Match:
    """A batch's match -> that of one frame."""
    at = slice(number, number + 1)
    return Match({"picture": match.features["picture"][at]}, match.positions[at], match.relevance[at])


class RefSRNet(nn.Module):
    """All of it; `correspondence` and `restorer.low` come trained and frozen, `restorer.fuse` is trained last."""

    def __init__(self, size: RefSRSize = RefSRSize()):
        super().__init__()
        self.size = size
        self.correspondence = CCNet(CCNetSize(size.matching, size.siamese, size.scale, size.unit))
        self.encoder = Encoder(self.correspondence)
        self.matcher = Matcher(self.correspondence, size.reach, size.together)
        self.restorer = Restorer(SRResNet(size.features, size.blocks), size)


def build(network: RefSRNet) -> Method:
    """The method around a trained network."""
    return Method(
        info=replace(INFO, scale=network.size.scale),
        encoder=network.encoder,
        matcher=network.matcher,
        restorer=network.restorer,
        field_stride=network.size.scale,
    )


def network(size: Mapping[str, Any]) -> RefSRNet:
    """An untrained network of the size that a weights file states."""
    return RefSRNet(RefSRSize(**size))


def load_srresnet(path: Path) -> SRResNet:
    """A trained single-image network from a run's checkpoint, frozen."""
    network = SRResNet(**read_about(path)["size"])
    load_into(network, path)
    return network.eval().requires_grad_(False)
