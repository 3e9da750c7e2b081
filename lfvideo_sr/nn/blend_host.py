"""A blend on the host: the plain one (blend.py) up to rounding, in fewer passes over memory.

Sums and shares are made in the memory of what the network wished, and what is enlarged alike is enlarged once.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import nn

from .residual import pixel_shuffle
from .source import SUREST, Source


class Layers(NamedTuple):
    """What a blend is made with: output pixels of a low-resolution pixel along a side, and between two places; what
    enlarges a frame, and misfit from its places; what gives each output pixel the relevance of its place."""

    scale: int
    stride: int
    enlarge: nn.Module
    fill: nn.Module
    spread: nn.Module

    @property
    def across(self) -> int:
        """Places along a side of a low-resolution pixel."""
        return self.scale // self.stride


def blended_on_host(
    layers: Layers, frame: torch.Tensor, tail: list[torch.Tensor], sources: Mapping[int, Source]
) -> torch.Tensor:
    """frame [B,3,h,w]; tail: what the network adds [B,3*s*s,h,w], and its wishes for detail [B,S*s*s,h,w] and for
    misfit [B,S*p,h,w] of S sources, whose memory is used up; sources by their slots -> picture [B,3,s*h,s*w]."""
    added, for_detail, for_misfit = (_channels_last(part) for part in tail)
    moved = _moved(for_misfit, sources)
    if moved is not None and layers.across == 1:  # it has a place for each pixel of the frame
        frame, moved = frame + moved, None
    base = _channels_last(layers.enlarge(frame)).add_(added)
    relevances = {slot: _channels_last(_of_pixels(layers, source.relevance)) for slot, source in sources.items()}
    for slot, share in _shares(for_detail, layers.scale**2, relevances).items():
        detail = _channels_last(sources[slot].detail)
        base.unflatten(3, (3, -1)).addcmul_(detail.unflatten(3, (3, -1)), share[..., None, :])
    picture = pixel_shuffle(base.permute(0, 3, 1, 2), layers.scale)
    if moved is None:
        return picture
    lifted = layers.fill(pixel_shuffle(moved, layers.across))
    return picture.add_(pixel_shuffle(lifted, layers.stride))


def _moved(wishes: torch.Tensor, sources: Mapping[int, Source]) -> torch.Tensor | None:
    """The shares of misfit at their places, [B,3*p,h,w]; None without sources."""
    if not sources:
        return None
    relevances = {slot: _channels_last(source.relevance) for slot, source in sources.items()}
    places = next(iter(relevances.values())).shape[3]
    shares = _shares(wishes, places, relevances)
    parts = [
        _channels_last(sources[slot].misfit).unflatten(3, (3, -1)) * share[..., None, :]
        for slot, share in shares.items()
    ]
    return torch.stack(parts).sum(0).flatten(3).permute(0, 3, 1, 2)


def _shares(wishes: torch.Tensor, count: int, relevances: Mapping[int, torch.Tensor]) -> dict[int, torch.Tensor]:
    """As blend.shares, of `count` wishes [B,h,w,S*count] for each slot, in their memory."""
    if relevances:
        wishes.clamp_(max=SUREST).exp_()  # of absent ones too: in one piece it is the faster
    odds = {
        slot: wishes[..., slot * count : (slot + 1) * count].mul_(relevance) for slot, relevance in relevances.items()
    }
    total = sum(odds.values(), torch.ones(()))
    return {slot: each.div_(total) for slot, each in odds.items()}


def _of_pixels(layers: Layers, relevance: torch.Tensor) -> torch.Tensor:
    """Relevance at places [B,p,h,w] -> of every output pixel [B,s*s,h,w]; one for all of them as it is."""
    return relevance if layers.across == 1 else layers.spread(relevance)


def _channels_last(x: torch.Tensor) -> torch.Tensor:
    """[B,C,h,w] -> [B,h,w,C]"""
    return x.permute(0, 2, 3, 1)
