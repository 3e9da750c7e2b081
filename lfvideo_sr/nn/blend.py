"""Putting a large picture together from its frame enlarged, what a network adds, and the detail of references."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from .kernels import by_triton
from .resize import BicubicEnlarge

SUREST = 8.0  # the largest logarithm of odds for a reference's detail


class Blend(nn.Module):
    """Enlarged frame + what is added + each reference's detail by its share, at every output pixel.

    Everything lies on the low-resolution grid, pixel-unshuffled by `scale` (s): channel c * s * s + i * s + j is colour
    c of output pixel (s * y + i, s * x + j). A share is a softmax over (nothing, first, second) whose logits are
    (0, wish + log relevance): where the network is sure, good detail is taken whole, and relevance zero takes nothing.
    On CUDA one kernel does all of it (blend_triton.py).
    """

    def __init__(self, scale: int, stride: int):
        """stride: output pixels between two places that have a relevance."""
        super().__init__()
        self.scale, self.stride = scale, stride
        self.enlarge = BicubicEnlarge(scale)
        self.spread = FixedMix(_places_to_pixels(scale, stride))
        self.colours = FixedMix(torch.eye(scale * scale).repeat(3, 1))

    def forward(
        self, frame: torch.Tensor, tail: torch.Tensor, fetched: Sequence[tuple[torch.Tensor, torch.Tensor]]
    ) -> torch.Tensor:
        """frame [B,3,h,w]; tail: what is added, [B,3*s*s,h,w], then wishes [B,s*s,h,w] of two references; fetched, for
        at most two: detail [B,3*s*s,h,w] and relevance [B,(s/stride)^2,h,w] -> picture [B,3,s*h,s*w]."""
        if by_triton(tail):
            from .blend_triton import blended

            return blended(frame, tail, fetched, self.scale, self.stride)
        cells = self.scale**2
        added = tail[:, : 3 * cells]
        wishes = [tail[:, (3 + slot) * cells : (4 + slot) * cells] for slot in range(len(fetched))]
        for (detail, _), share in zip(fetched, self.shares(wishes, [relevance for _, relevance in fetched])):
            added = torch.addcmul(added, detail, self.colours(share))
        base = self.enlarge(frame).contiguous(memory_format=torch.channels_last)
        return F.pixel_shuffle(base + added, self.scale)

    def shares(self, wishes: Sequence[torch.Tensor], relevances: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """How much of each reference's detail to take at each output pixel, [B,s*s,h,w] each, together below 1."""
        odds = [wish.clamp(max=SUREST).exp() * self.spread(one) for wish, one in zip(wishes, relevances)]
        total = 1 + sum(odds)
        return [one / total for one in odds]


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
