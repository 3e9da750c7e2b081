"""stream_ref: our own method, made for streams.

Everything heavy runs on the low-resolution (LR) grid. A reference is split once into its low version and its detail
(what bicubic enlargement of the low version misses). Per frame: a classical or warm-started seed field is refined by
a small siamese network (match), the detail is warped to output-pixel accuracy, and a residual trunk decides per pixel
how much of it to take and what to add (restore). Without references the trunk is a single-image network.

Coordinates: positions are (x, y) in pixels of the reference picture; LR pixel i covers output pixels 4i .. 4i+3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ..media.seed import FlowSeeder
from ..method import Match, Method, MethodInfo
from ..nn.fused import conv_relu
from ..nn.residual import ResidualBlock, conv3x3, conv_beside, convolution_dtype
from ..nn.resize import BicubicEnlarge, BicubicReduce
from ..nn.warp import inside, sample, upsampled_positions, warp_upsampled

INFO = MethodInfo(
    "stream_ref",
    "learned matching and fusion made for streams; a single-image network where no reference helps",
    size_multiple=2,
    worthless_below=0.3,
)
SCALE = 4
DETAIL_GAIN = 4  # detail is small; this brings it to the size of the other inputs
FIELD_STRIDE = 2  # output pixels between two places of the refined field


@dataclass(frozen=True)
class StreamRefSize:
    """Widths of the network: channels everywhere, residual blocks in the restoring trunk."""

    channels: int = 64
    blocks: int = 5


class MatchFeatures(nn.Module):
    """LR picture [B,3,h,w] -> features [B,C,h/2,w/2]; the same for frame and reference (siamese)."""

    def __init__(self, channels: int):
        super().__init__()
        self.head = conv3x3(12, channels)
        self.body = ResidualBlock(channels)

    def forward(self, low: torch.Tensor) -> torch.Tensor:
        return self.body(conv_relu(self.head, F.pixel_unshuffle(low - 0.5, 2)))


class Encoder(nn.Module):
    """Reference [B,3,H,W] -> what is kept of it: low [B,3,H/4,W/4], detail [B,3,H,W], features [B,C,H/8,W/8]."""

    def __init__(self, features: MatchFeatures):
        super().__init__()
        self.features = features
        self.reduce = BicubicReduce(SCALE)
        self.enlarge = BicubicEnlarge(SCALE)

    def forward(self, reference: torch.Tensor) -> dict[str, torch.Tensor]:
        low = self.reduce(reference)
        detail = reference - F.pixel_shuffle(self.enlarge(low), SCALE)
        detail = detail.contiguous(memory_format=torch.channels_last)  # as the host's warp reads it, once per frame
        return {"low": low, "detail": detail, "features": self.features(low)}


class Refinement(nn.Module):
    """One look at frame and reference features side by side, the latter fetched from where the field points."""

    def __init__(self, channels: int, outputs: int):
        super().__init__()
        self.head = conv3x3(2 * channels + 1, channels)
        self.body = ResidualBlock(channels)
        self.tail = conv3x3(channels, outputs)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)

    def forward(self, frame: torch.Tensor, reference: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """positions [B,h/2,w/2,2] in reference pixels -> [B,outputs,h/2,w/2]"""
        cell = 2 * SCALE
        at = (positions - (cell - 1) / 2) / cell
        found = sample(reference, at)
        known = inside(at, *reference.shape[-2:]).to(found.dtype)
        joined = conv_beside(self.head, frame, found, known)
        return self.tail(self.body(joined.relu()))


class Matcher(nn.Module):
    """Refines a seed field, coarse to fine: first at 8 output pixels, then to a field every 2 output pixels."""

    def __init__(self, features: MatchFeatures, channels: int):
        super().__init__()
        self.features = features
        self.coarse = Refinement(channels, 2)
        self.fine = Refinement(channels, 3 * (2 * SCALE // FIELD_STRIDE) ** 2)

    def forward(
        self, frame: torch.Tensor, reference: Mapping[str, torch.Tensor], seed: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """frame [B,3,h,w], an encoded reference of any size, seed [B,h,w,2] positions at stride 4
        -> positions [B,2h,2w,2] at stride 2, relevance [B,2h,2w] in (0,1)."""
        frame, there = self.features(frame), reference["features"]
        field = F.avg_pool2d(seed.permute(0, 3, 1, 2), 2)  # reference pixels at stride 8
        field = field + SCALE * self.coarse(frame, there, field.permute(0, 2, 3, 1)).float()
        fine = self.fine(frame, there, field.permute(0, 2, 3, 1)).float()
        fine = F.pixel_shuffle(fine, 2 * SCALE // FIELD_STRIDE)
        return refine_field(field, fine[:, :2]), torch.sigmoid(fine[:, 2])


def refine_field(field: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
    """field [B,2,h/2,w/2] at stride 8 + SCALE * change [B,2,2h,2w] -> positions [B,2h,2w,2] at stride 2."""
    finer = upsampled_positions(field.permute(0, 2, 3, 1), 2 * SCALE, FIELD_STRIDE)
    return finer + SCALE * change.permute(0, 2, 3, 1)


@dataclass(frozen=True, eq=False)
class Found:
    """What a match fetched from one reference, on the LR grid.

    detail:    [B,48,h,w] warped detail, pixel-unshuffled.
    low:       [B,3,h,w] the warped low version: it equals the frame where the match is right.
    relevance: [B,4,h,w] of the four places of the field in each LR pixel.
    """

    detail: torch.Tensor
    low: torch.Tensor
    relevance: torch.Tensor

    def half(self, which: int) -> "Found":
        """The first (0) or second (1) half of the batch."""
        return Found(*(part.chunk(2)[which] for part in (self.detail, self.low, self.relevance)))


def fetch(reference: Mapping[str, torch.Tensor], positions: torch.Tensor, relevance: torch.Tensor) -> Found:
    """Warp a reference's low version and detail to where positions [B,2h,2w,2] at stride 2 say."""
    warped = warp_upsampled(reference["detail"], positions, FIELD_STRIDE)
    cell = F.avg_pool2d(positions.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
    at = (cell - (SCALE - 1) / 2) / SCALE
    places = F.pixel_unshuffle(relevance[:, None], 2).contiguous(memory_format=torch.channels_last)
    detail = F.pixel_unshuffle(warped, SCALE).to(convolution_dtype(warped))
    return Found(detail, sample(reference["low"], at), places)


class Restorer(nn.Module):
    """Frame [B,3,h,w] and up to two matches -> picture [B,3,4h,4w]."""

    def __init__(self, size: StreamRefSize):
        super().__init__()
        channels = size.channels
        self.enlarge = BicubicEnlarge(SCALE)
        self.frame_head = conv3x3(3, channels)
        self.found_head = conv3x3(48 + 3 + 4, channels)
        self.fuse = nn.Conv2d(3 * channels, channels, 1)
        self.trunk = nn.Sequential(*(ResidualBlock(channels) for _ in range(size.blocks)))
        self.tail = conv3x3(channels, 48 + 2 * 16)
        self.mean = FixedMix(torch.full((channels, 4), 0.25))
        self.spread = FixedMix(_places_to_pixels())
        self.colours = FixedMix(torch.eye(16).repeat(3, 1))
        nn.init.normal_(self.tail.weight, std=1e-3)
        nn.init.zeros_(self.tail.bias)

    def forward(self, frame: torch.Tensor, matches: Sequence[Match] = ()) -> torch.Tensor:
        return self.fused(frame, [fetch(*match) for match in matches])

    def fused(self, frame: torch.Tensor, found: Sequence[Found]) -> torch.Tensor:
        """The frame and what was fetched from at most two references -> picture [B,3,4h,4w]."""
        own = conv_relu(self.frame_head, frame - 0.5)
        fused = conv_beside(self.fuse, own, *(self._side(frame, one) for one in found))
        tail = self.tail(self.trunk(fused) + fused)
        added = tail[:, :48]
        for slot, one in enumerate(found):
            gate = torch.sigmoid(tail[:, 48 + 16 * slot : 64 + 16 * slot]) * self.spread(one.relevance)
            added = torch.addcmul(added, one.detail, self.colours(gate))
        base = self.enlarge(frame).contiguous(memory_format=torch.channels_last)
        return F.pixel_shuffle(base + added, SCALE)

    def _side(self, frame: torch.Tensor, found: Found) -> torch.Tensor:
        """Features of one reference, faded by its relevance: a worthless reference is as good as none."""
        around = torch.cat([found.low - frame, found.relevance], 1)
        features = conv_beside(self.found_head, found.detail * DETAIL_GAIN, around)
        return features.relu() * self.mean(found.relevance)


class FixedMix(nn.Module):
    """Each output channel a fixed mix of the input channels; as a 1x1 convolution it keeps the memory layout."""

    weight: torch.Tensor

    def __init__(self, weight: torch.Tensor):
        super().__init__()
        self.register_buffer("weight", weight[:, :, None, None], persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.weight)


def _places_to_pixels() -> torch.Tensor:
    """[16,4]: each of the 2x2 places of the field in an LR pixel repeated over its 2x2 output pixels."""
    rows, columns = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
    return F.one_hot((rows // 2 * 2 + columns // 2).flatten(), 4).float()


class StreamRef(nn.Module):
    """The three parts in one module, for training and for weights: `encoder`, `matcher`, `restorer`."""

    def __init__(self, size: StreamRefSize = StreamRefSize()):
        super().__init__()
        self.size = size
        features = MatchFeatures(size.channels)
        self.encoder = Encoder(features)
        self.matcher = Matcher(features, size.channels)
        self.restorer = Restorer(size)


def build(network: StreamRef) -> Method:
    """The method around a trained network."""
    return Method(
        info=INFO,
        encoder=network.encoder,
        matcher=network.matcher,
        restorer=network.restorer,
        field_stride=FIELD_STRIDE,
        seeder=FlowSeeder(SCALE),
    )


def network(size: Mapping[str, int]) -> StreamRef:
    """An untrained network of the size that a weights file states."""
    return StreamRef(StreamRefSize(**size))
