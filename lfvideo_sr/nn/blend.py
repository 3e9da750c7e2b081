"""Putting a large picture together from its frame enlarged, what a network adds, and what sharper pictures show."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from .blend_host import Layers, blended_on_host
from .fused import conv, conv_apart, convolution_dtype
from .kernels import by_triton
from .resize import BicubicEnlarge, on_host
from .source import SUREST, Source


class Blend(nn.Module):
    """Enlarged frame + what is added + each source's detail and misfit by their shares.

    Detail alone keeps the frame's low frequencies, with the errors of its compression; with the misfit the source's
    whole pixels take their place. Both are chosen apart, detail for every output pixel, misfit for every place.

    Everything is on the low-resolution grid, pixel-unshuffled by `scale` (s): channel c * s * s + i * s + j is colour
    c of output pixel (s * y + i, s * x + j). A share is a softmax over (nothing, source 1, source 2 ...) whose logits
    are (0, wish + log relevance): where the network is sure, good detail is taken whole, and relevance zero takes
    nothing. On CUDA one kernel puts the picture together (blend_triton.py).
    """

    def __init__(self, scale: int, stride: int, sources: int):
        """stride: output pixels between two places that have a relevance. sources: how many `tail` has wishes for."""
        super().__init__()
        self.scale, self.stride, self.sources = scale, stride, sources
        self.across = scale // stride
        self.enlarge = BicubicEnlarge(scale)
        self.fill = BicubicEnlarge(stride)
        self.spread = FixedMix(_places_to_pixels(scale, stride))

    @property
    def parts(self) -> tuple[int, int, int]:
        """Channels of `tail`: what is added, wishes for detail, wishes for misfit."""
        return 3 * self.scale**2, self.sources * self.scale**2, self.sources * self.across**2

    @property
    def channels(self) -> int:
        """Of `tail`."""
        return sum(self.parts)

    def behind(
        self, layer: nn.Conv2d, features: torch.Tensor, frame: torch.Tensor, sources: Sequence[Source | None]
    ) -> torch.Tensor:
        """The blend of layer(features) as its tail; on the host in fewer passes over memory (blend_host.py)."""
        if not on_host(features) or convolution_dtype(features) != torch.float32:
            return self(frame, conv(layer, features), sources)
        layers = Layers(self.scale, self.stride, self.enlarge, self.fill, self.spread)
        return blended_on_host(layers, frame, conv_apart(layer, features, self.parts), _present(sources))

    def forward(self, frame: torch.Tensor, tail: torch.Tensor, sources: Sequence[Source | None]) -> torch.Tensor:
        """frame [B,3,h,w]; tail [B,channels,h,w]: what is added, then for each source its wishes for detail, then for
        each those for misfit; an absent source is None -> picture [B,3,s*h,s*w]."""
        present = _present(sources)
        if present and self.across == 1 and not by_triton(tail):  # both are unshuffled alike
            together = self._detailed_cells(frame, tail, present) + self.fill(self._moved(tail, present))
            return F.pixel_shuffle(together, self.scale)
        picture = self.detailed(frame, tail, present)
        return picture + self._lifted(tail, present) if present else picture

    def detailed(self, frame: torch.Tensor, tail: torch.Tensor, sources: Mapping[int, Source]) -> torch.Tensor:
        """The enlarged frame, what is added, and shares of detail of sources by their slots: [B,3,s*h,s*w]."""
        if by_triton(tail):
            from .blend_triton import blended

            return blended(frame, tail, sources, self.scale, self.stride)
        return F.pixel_shuffle(self._detailed_cells(frame, tail, sources), self.scale)

    def _detailed_cells(self, frame: torch.Tensor, tail: torch.Tensor, sources: Mapping[int, Source]) -> torch.Tensor:
        """`detailed`, pixel-unshuffled: [B,3*s*s,h,w]."""
        cells = self.scale**2
        wishes = [tail[:, (3 + slot) * cells : (4 + slot) * cells] for slot in sources]
        relevances = [self.spread(source.relevance) for source in sources.values()]
        base = self.enlarge(frame).contiguous(memory_format=torch.channels_last)
        picture = _by_colour(base + tail[:, : 3 * cells])
        for source, share in zip(sources.values(), shares(wishes, relevances)):
            picture = torch.addcmul(picture, _by_colour(source.detail), share[:, None])
        return picture.flatten(1, 2)

    def _lifted(self, tail: torch.Tensor, sources: Mapping[int, Source]) -> torch.Tensor:
        """The shares of misfit, enlarged from their places to output pixels: [B,3,s*h,s*w]."""
        moved = F.pixel_shuffle(self._moved(tail, sources), self.across)
        return F.pixel_shuffle(self.fill(moved), self.stride)

    def _moved(self, tail: torch.Tensor, sources: Mapping[int, Source]) -> torch.Tensor:
        """The shares of misfit at their places: [B,3*p,h,w]."""
        places, start = self.across**2, (3 + self.sources) * self.scale**2
        wishes = [tail[:, start + slot * places : start + (slot + 1) * places] for slot in sources]
        moved: torch.Tensor | None = None
        relevances = [source.relevance for source in sources.values()]
        for source, share in zip(sources.values(), shares(wishes, relevances)):
            part = _by_colour(source.misfit) * share[:, None]
            moved = part if moved is None else moved + part
        assert moved is not None, "there are sources"
        return moved.flatten(1, 2)


def _present(sources: Sequence[Source | None]) -> dict[int, Source]:
    """Those that are there, by their slots."""
    return {slot: source for slot, source in enumerate(sources) if source is not None}


def _by_colour(x: torch.Tensor) -> torch.Tensor:
    """[B,3N,h,w] -> [B,3,N,h,w], the same memory."""
    return x.unflatten(1, (3, -1))


def shares(wishes: Sequence[torch.Tensor], relevances: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """How much of each source to take, in the shape of its wishes; together below 1."""
    odds = [wish.clamp(max=SUREST).exp() * relevance for wish, relevance in zip(wishes, relevances)]
    total = 1 + sum(odds)
    return [each / total for each in odds]


class FixedMix(nn.Module):
    """Each output channel a fixed mix of the input channels; as a 1x1 convolution it keeps the memory layout."""

    weight: torch.Tensor

    def __init__(self, weight: torch.Tensor):
        super().__init__()
        self.register_buffer("weight", weight[:, :, None, None], persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.weight)


def _places_to_pixels(scale: int, stride: int) -> torch.Tensor:
    """[s*s,(s/stride)^2]: each place in a low-resolution pixel, repeated over its stride x stride output pixels."""
    rows, columns = torch.meshgrid(torch.arange(scale), torch.arange(scale), indexing="ij")
    across = scale // stride
    return F.one_hot((rows // stride * across + columns // stride).flatten(), across**2).float()
