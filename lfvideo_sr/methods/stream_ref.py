"""stream_ref: our own method, made for streams.

Everything heavy runs on the low-resolution (LR) grid. A reference is split once into its detail (what bicubic
enlargement of its low version misses) and its blur (what the low version would show wherever its pixels lay). Per
frame: a classical field, warm-started from the frame before, is refined by a small network that sees how the
reference's blur differs from the frame where the field points (match); the detail is warped to output-pixel accuracy,
and a residual trunk decides per pixel how much of each reference's detail to take and what to add (restore). Without
references the trunk is a single-image network.

Coordinates: positions are (x, y) in pixels of the reference picture, one every 2 output pixels; LR pixel i covers
output pixels 4i .. 4i+3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ..media.seed import FlowSeeder
from ..method import Features, Match, Method, MethodInfo
from ..nn.blend import Blend
from ..nn.device_seed import DeviceSeeder
from ..nn.fused import conv, conv_relu, convolution_dtype
from ..nn.residual import ResidualBlock, conv3x3, conv_beside, zeroed
from ..nn.resize import BicubicEnlarge, BicubicReduce
from ..nn.warp import inside, warp_unshuffled

INFO = MethodInfo(
    "stream_ref",
    "learned matching and fusion made for streams; a single-image network where no reference helps",
    worthless_below=0.3,
    guided=True,
)
SCALE = 4
FIELD_STRIDE = 2  # output pixels between two places of the field
PLACES = (SCALE // FIELD_STRIDE) ** 2  # of the field in an LR pixel
GAIN = 4  # detail and misfit are small; this brings them to the size of the other inputs


@dataclass(frozen=True)
class StreamRefSize:
    """Widths of the network: channels and residual blocks of the restoring trunk, channels of the matcher."""

    channels: int = 64
    blocks: int = 6
    matching: int = 48


class Encoder(nn.Module):
    """Reference [B,3,H,W] -> what is kept of it: detail [B,3,H,W], blur [B,3,H/2,W/2]."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce = BicubicReduce(SCALE)
        self.blur = BicubicReduce(SCALE, FIELD_STRIDE)
        self.enlarge = BicubicEnlarge(SCALE)

    def forward(self, reference: torch.Tensor) -> dict[str, torch.Tensor]:
        detail = reference - F.pixel_shuffle(self.enlarge(self.reduce(reference)), SCALE)
        kept = {"detail": detail, "blur": self.blur(reference)}
        return {name: one.contiguous(memory_format=torch.channels_last) for name, one in kept.items()}


def misfit_of(enlarged: torch.Tensor, reference: Features, positions: torch.Tensor) -> torch.Tensor:
    """How a reference's blur differs from the frame where a field points: zero where the match is right.

    enlarged: the frame x2, unshuffled, [B,12,h,w]; positions [B,2h,2w,2] -> [B,12,h,w], unshuffled as well.
    """
    block, dtype = SCALE // FIELD_STRIDE, enlarged.dtype
    return warp_unshuffled(reference["blur"], positions, 1, block, dtype, shrunk=FIELD_STRIDE) - enlarged


class Matcher(nn.Module):
    """Corrects a seed field by what the misfit says, and judges how far the reference's detail is to be trusted."""

    def __init__(self, channels: int):
        super().__init__()
        self.enlarge = BicubicEnlarge(SCALE // FIELD_STRIDE)
        self.head = conv3x3(2 * 3 * PLACES + PLACES, channels)
        self.body = ResidualBlock(channels)
        self.tail = zeroed(conv3x3(channels, 3 * PLACES))

    def forward(
        self, frame: torch.Tensor, reference: Features, seed: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """frame [B,3,h,w], an encoded reference of any size, seed [B,2h,2w,2] positions at stride 2
        -> positions [B,2h,2w,2], relevance [B,2h,2w] in (0,1)."""
        enlarged = self.enlarge(frame)
        misfit = misfit_of(enlarged, reference, seed)
        known = F.pixel_unshuffle(inside(seed, *reference["detail"].shape[-2:]), SCALE // FIELD_STRIDE)
        seen = conv_beside(self.head, enlarged - 0.5, misfit * GAIN, known, relu=True)
        said = F.pixel_shuffle(conv(self.tail, self.body(seen)).float(), SCALE // FIELD_STRIDE)
        return seed + said[:, :2].permute(0, 2, 3, 1), torch.sigmoid(said[:, 2])


@dataclass(frozen=True, eq=False)
class Found:
    """What a match fetched from one reference, on the LR grid.

    detail:    [B,48,h,w] warped detail, pixel-unshuffled.
    misfit:    [B,12,h,w] see misfit_of.
    relevance: [B,4,h,w] of the four places of the field in each LR pixel.
    """

    detail: torch.Tensor
    misfit: torch.Tensor
    relevance: torch.Tensor

    def half(self, which: int) -> "Found":
        """The first (0) or second (1) half of the batch."""
        return Found(*(part.chunk(2)[which] for part in (self.detail, self.misfit, self.relevance)))


class Restorer(nn.Module):
    """Frame [B,3,h,w] and up to two matches -> picture [B,3,4h,4w]."""

    def __init__(self, size: StreamRefSize):
        super().__init__()
        channels = size.channels
        self.enlarge = BicubicEnlarge(SCALE // FIELD_STRIDE)
        self.frame_head = conv3x3(3, channels)
        self.found_head = conv3x3(48 + 3 * PLACES + PLACES, channels)
        self.fuse = nn.Conv2d(3 * channels, channels, 1)
        self.trunk = nn.Sequential(*(ResidualBlock(channels) for _ in range(size.blocks)))
        self.tail = zeroed(conv3x3(channels, 48 + 2 * 16))
        nn.init.normal_(self.tail.weight, std=1e-3)
        self.blend = Blend(SCALE, FIELD_STRIDE)

    def forward(self, frame: torch.Tensor, matches: Sequence[Match] = ()) -> torch.Tensor:
        if not matches:
            return self.fused(frame, [])
        enlarged = self.enlarge(frame)
        return self.fused(frame, [self.fetch(enlarged, *match) for match in matches])

    def fetch(
        self, enlarged: torch.Tensor, reference: Features, positions: torch.Tensor, relevance: torch.Tensor
    ) -> Found:
        """Warp a reference's detail to where positions [B,2h,2w,2] at stride 2 say, and look how well it fits the
        frame, given enlarged x2, [B,12,h,w]."""
        sharp = reference["detail"]
        detail = warp_unshuffled(sharp, positions, FIELD_STRIDE, SCALE, convolution_dtype(sharp))
        misfit = misfit_of(enlarged, reference, positions)
        places = F.pixel_unshuffle(relevance[:, None], SCALE // FIELD_STRIDE)
        return Found(detail, misfit, places.contiguous(memory_format=torch.channels_last))

    def fused(self, frame: torch.Tensor, found: Sequence[Found]) -> torch.Tensor:
        """The frame and what was fetched from at most two references -> picture [B,3,4h,4w]."""
        own = conv_relu(self.frame_head, frame - 0.5)
        fused = conv_beside(self.fuse, own, *(self._side(one) for one in found))
        tail = conv(self.tail, self.trunk(fused) + fused)
        return self.blend(frame, tail, [(one.detail, one.relevance) for one in found])

    def _side(self, found: Found) -> torch.Tensor:
        """Features of one reference, faded by its relevance: a worthless reference is as good as none."""
        around = torch.cat([found.misfit * GAIN, found.relevance], 1)
        return conv_beside(self.found_head, found.detail * GAIN, around, relu=True, fade=found.relevance)


class StreamRef(nn.Module):
    """The three parts in one module, for training and for weights: `encoder`, `matcher`, `restorer`."""

    def __init__(self, size: StreamRefSize = StreamRefSize()):
        super().__init__()
        self.size = size
        self.encoder = Encoder()
        self.matcher = Matcher(size.matching)
        self.restorer = Restorer(size)


def build(network: StreamRef) -> Method:
    """The method around a trained network."""
    return Method(
        info=INFO,
        encoder=network.encoder,
        matcher=network.matcher,
        restorer=network.restorer,
        field_stride=FIELD_STRIDE,
        seeder=FlowSeeder(SCALE, FIELD_STRIDE),
        device_seeder=DeviceSeeder(SCALE, FIELD_STRIDE),
    )


def network(size: Mapping[str, int]) -> StreamRef:
    """An untrained network of the size that a weights file states."""
    return StreamRef(StreamRefSize(**size))
