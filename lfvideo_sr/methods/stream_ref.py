"""stream_ref: our own method, made for streams as people have them.

Everything heavy runs on the low-resolution (LR) grid. A reference has an LR side of its own: the decoded frame of its
moment where the stream has one, else its reduction. It is split once into its detail (what bicubic enlargement of that
side misses), the side itself, and its blur (what the camera would have shown wherever its pixels lay). Per frame: a
classical field, warm-started from the frame before, is refined by a small network that sees how both differ from the
frame where the field points (match). The detail is warped to output-pixel accuracy, and a residual trunk decides how
much of each reference to take, in two bands: detail, and the low frequencies too, so that the errors of a compressed
frame go where a reference shows the place (restore). What was restored last is one more source, moved by classical flow
alone. Without any source the trunk is a single-image network.

Coordinates: positions are (x, y) in pixels of the reference picture, one every `stride` (t, 2 or 4) output pixels; LR
pixel i covers output pixels 4i .. 4i+3. p = (4/t)^2 positions are in an LR pixel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from ..camera.reduction import papers_taps
from ..matching.device_seed import DeviceSeeder
from ..matching.seed import FlowSeeder
from ..method import Features, Match, Method, MethodInfo
from ..nn.blend import Blend
from ..nn.fused import conv, conv_relu, convolution_dtype
from ..nn.residual import ResidualBlock, conv3x3, conv_beside, pixel_shuffle, zeroed
from ..nn.resize import BicubicEnlarge, KernelReduce, on_host
from ..nn.source import Source
from ..nn.warp import inside, warp_unshuffled

GENERATION = 2  # of the network; weights of another do not fit
INFO = MethodInfo(
    "stream_ref",
    "learned matching and fusion made for streams; a single-image network where no reference helps",
    worthless_below=0.3,
    guided=True,
    own_frame=True,
    recurrent=True,
)
SCALE = 4
REFERENCES = 2
BESIDE_BLOCKS = 8  # low-resolution pixels to every side that a picture depends on beyond those of the residual blocks
GAIN = 4  # detail and misfit are small; this brings them to the size of the other inputs


@dataclass(frozen=True)
class StreamRefSize:
    """The network's size.

    channels, blocks: of the restoring trunk. matching: channels of the matcher.
    seed_level: of the classical search that seeds the matcher (matching/seed.py).
    stride: output pixels between two positions of a field, 2 or 4.
    """

    channels: int = 64
    blocks: int = 6
    matching: int = 48
    seed_level: int = 0
    stride: int = 2

    @property
    def across(self) -> int:
        """Positions along a side of an LR pixel."""
        return SCALE // self.stride

    @property
    def places(self) -> int:
        """Positions in an LR pixel."""
        return self.across**2


class Encoder(nn.Module):
    """Reference [B,3,H,W], its LR side [B,3,H/4,W/4] and the camera's taps [B or 1,2,24] (camera/reduction.py) -> what
    is kept of it: detail [B,3,H,W], and the LR side enlarged to the field's grid and the blur, both [B,3,H/t,W/t].
    Where it has no side, its reduction as the papers have it is taken."""

    taps: torch.Tensor

    def __init__(self, size: StreamRefSize) -> None:
        super().__init__()
        self.across = size.across
        self.register_buffer("taps", torch.from_numpy(papers_taps())[None], persistent=False)
        self.reduce, self.blur = KernelReduce(SCALE), KernelReduce(size.stride)
        self.enlarge, self.to_field = BicubicEnlarge(SCALE), enlarging(size.across)

    def forward(
        self, reference: torch.Tensor, low: torch.Tensor | None = None, taps: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        taps = self.taps if taps is None else taps
        low = self.reduce(reference, taps) if low is None else low
        kept = {
            "detail": self.detail(reference, low),
            "side": pixel_shuffle(self.to_field(low), self.across),
            "blur": self.blur(reference, taps),
        }
        return {name: part.contiguous(memory_format=torch.channels_last) for name, part in kept.items()}

    def detail(self, picture: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
        """What a picture [B,3,4h,4w] has and its LR side [B,3,h,w] lacks."""
        return detail_of(picture, self.enlarge(low))


def detail_of(picture: torch.Tensor, enlarged: torch.Tensor) -> torch.Tensor:
    """What a picture [B,3,4h,4w] has and its enlarged LR side, unshuffled [B,48,h,w], lacks; on the host in the memory
    of the side."""
    large = pixel_shuffle(enlarged, SCALE)
    return torch.sub(picture, large, out=large) if on_host(large) else picture - large


def enlarging(across: int) -> nn.Module:
    """[B,3,h,w] -> [B,3*across^2,h,w]: the enlarged picture, pixel-unshuffled; as it is where `across` is 1."""
    return BicubicEnlarge(across) if across > 1 else nn.Identity()


def misfit_of(side: torch.Tensor, enlarged: torch.Tensor, positions: torch.Tensor, across: int) -> torch.Tensor:
    """How a reference's side or blur [B,3,H/t,W/t] differs from the frame where a field points.

    enlarged: the frame on the field's grid, unshuffled, [B,3p,h,w]; positions [B,4h/t,4w/t,2] -> [B,3p,h,w], unshuffled
    as well; across: 4/t.
    """
    return warp_unshuffled(side, positions, 1, across, enlarged.dtype, shrunk=SCALE // across) - enlarged


class Matcher(nn.Module):
    """Corrects a seed field by the misfits, and predicts how far the reference is to be trusted."""

    def __init__(self, size: StreamRefSize):
        super().__init__()
        self.across, channels = size.across, size.matching
        self.enlarge = enlarging(size.across)
        self.head = conv3x3((3 * 3 + 1) * size.places, channels)
        self.body = ResidualBlock(channels)
        self.tail = zeroed(conv3x3(channels, 3 * size.places))

    def forward(
        self, frame: torch.Tensor, reference: Features, seed: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """frame [B,3,h,w], an encoded reference of any size, seed [B,4h/t,4w/t,2] positions
        -> positions [B,4h/t,4w/t,2], relevance [B,4h/t,4w/t] in (0,1)."""
        enlarged = self.enlarge(frame)
        misfits = [misfit_of(reference[name], enlarged, seed, self.across) for name in ("blur", "side")]
        known = F.pixel_unshuffle(inside(seed, *reference["detail"].shape[-2:]), self.across)
        seen = conv_beside(self.head, enlarged - 0.5, *misfits, known, relu=True, gains=(1, GAIN, GAIN, 1))
        correction = pixel_shuffle(conv(self.tail, self.body(seen)).float(), self.across)
        return seed + correction[:, :2].permute(0, 2, 3, 1), torch.sigmoid(correction[:, 2])


@dataclass(frozen=True, eq=False)
class Fetched:
    """What a match fetched from one picture, on the LR grid: see Source; blur [B,3p,h,w] is the misfit of the
    reference's blur, which a restored picture has none of."""

    source: Source
    blur: torch.Tensor | None = None

    def half(self, which: int) -> "Fetched":
        """The first (0) or second (1) half of the batch."""
        blur = None if self.blur is None else self.blur.chunk(2)[which]
        return Fetched(Source(*(part.chunk(2)[which] for part in self.source)), blur)


class Restorer(nn.Module):
    """Frame [B,3,h,w], up to two matches and what was restored last -> picture [B,3,4h,4w]."""

    def __init__(self, size: StreamRefSize):
        super().__init__()
        channels = size.channels
        self.stride, self.across = size.stride, size.across
        self.enlarge = enlarging(size.across)
        self.frame_head = conv3x3(3, channels)
        self.reference_head = conv3x3(3 * SCALE**2 + (2 * 3 + 1) * size.places, channels)
        self.last_head = conv3x3(3 * SCALE**2 + (3 + 1) * size.places, channels)
        self.fuse = nn.Conv2d((2 + REFERENCES) * channels, channels, 1)
        self.trunk = nn.Sequential(*(ResidualBlock(channels) for _ in range(size.blocks)))
        self.blend = Blend(SCALE, size.stride, REFERENCES + 1)
        self.tail = zeroed(conv3x3(channels, self.blend.channels))
        nn.init.normal_(self.tail.weight, std=1e-3)

    def forward(self, frame: torch.Tensor, matches: Sequence[Match] = (), last: Match | None = None) -> torch.Tensor:
        """last: "picture" [B,3,4h,4w] as it was restored and "frame" [B,3,h,w] that it was made of, and where the frame
        is found in it."""
        enlarged = self.enlarge(frame) if matches or last is not None else frame
        fetched = [self.fetch(enlarged, *match) for match in matches]
        return self.fused(frame, fetched, None if last is None else self.fetch_last(enlarged, *last))

    def fetch(
        self, enlarged: torch.Tensor, reference: Features, positions: torch.Tensor, relevance: torch.Tensor
    ) -> Fetched:
        """Warp a reference by positions [B,4h/t,4w/t,2], and compare it with the frame, given on the field's grid,
        [B,3p,h,w]."""
        sharp = reference["detail"]
        detail = warp_unshuffled(sharp, positions, self.stride, SCALE, convolution_dtype(sharp))
        side, blur = (misfit_of(reference[name], enlarged, positions, self.across) for name in ("side", "blur"))
        return Fetched(Source(detail, side, self._places(relevance)), blur)

    def fetch_last(
        self, enlarged: torch.Tensor, last: Features, positions: torch.Tensor, relevance: torch.Tensor
    ) -> Fetched:
        """As `fetch`, of what was restored last. Places outside its picture count for nothing."""
        low = last["frame"]
        side = pixel_shuffle(self.enlarge(low), self.across)
        detail = detail_of(last["picture"], self.blend.enlarge(low)).contiguous(memory_format=torch.channels_last)
        warped = warp_unshuffled(detail, positions, self.stride, SCALE, convolution_dtype(detail))
        seen = relevance * inside(positions, *detail.shape[-2:])[:, 0]
        return Fetched(Source(warped, misfit_of(side, enlarged, positions, self.across), self._places(seen)))

    def fused(self, frame: torch.Tensor, fetched: Sequence[Fetched], last: Fetched | None) -> torch.Tensor:
        """The frame and what was fetched from at most two references and from the last picture -> [B,3,4h,4w]."""
        features = conv_relu(self.frame_head, frame - 0.5)
        before = torch.zeros_like(features) if last is None else self._side(self.last_head, last)
        sides = [before, *(self._side(self.reference_head, reference) for reference in fetched)]
        fused = conv_beside(self.fuse, features, *(sides if fetched or last is not None else ()))
        slots = [reference.source for reference in fetched] + [None] * (REFERENCES - len(fetched))
        sources = [*slots, None if last is None else last.source]
        return self.blend.behind(self.tail, self.trunk(fused) + fused, frame, sources)

    def _side(self, head: nn.Conv2d, fetched: Fetched) -> torch.Tensor:
        """Features of one source, faded by its relevance: a worthless one is as good as none."""
        detail, misfit, relevance = fetched.source
        misfits = [misfit] if fetched.blur is None else [misfit, fetched.blur]
        gains = (GAIN,) * (1 + len(misfits)) + (1,)
        return conv_beside(head, detail, *misfits, relevance, relu=True, fade=relevance, gains=gains)

    def _places(self, relevance: torch.Tensor) -> torch.Tensor:
        """[B,4h/t,4w/t] -> [B,p,h,w]"""
        places = F.pixel_unshuffle(relevance[:, None], self.across)
        return places.contiguous(memory_format=torch.channels_last)


class StreamRef(nn.Module):
    """The three parts in one module, for training and for weights: `encoder`, `matcher`, `restorer`."""

    def __init__(self, size: StreamRefSize = StreamRefSize()):
        super().__init__()
        self.size = size
        self.encoder = Encoder(size)
        self.matcher = Matcher(size)
        self.restorer = Restorer(size)


def build(network: StreamRef) -> Method:
    """The method around a trained network."""
    return Method(
        info=replace(INFO, halo=2 * network.size.blocks + BESIDE_BLOCKS),
        encoder=network.encoder,
        matcher=network.matcher,
        restorer=network.restorer,
        field_stride=network.size.stride,
        seeder=FlowSeeder(SCALE, network.size.stride, network.size.seed_level),
        device_seeder=DeviceSeeder(SCALE, network.size.stride),
    )


def network(size: Mapping[str, int]) -> StreamRef:
    """An untrained network of the size that a weights file states."""
    return StreamRef(StreamRefSize(**size))
