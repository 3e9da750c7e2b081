"""What a blend takes from a picture that is sharper than the frame."""

from typing import NamedTuple

import torch

SUREST = 8.0  # the largest logarithm of odds for a source


class Source(NamedTuple):
    """What a picture sharper than the frame shows where the frame looks, in two bands.

    detail:    [B,3*s*s,h,w], what the picture has and its own low-resolution side lacks.
    misfit:    [B,3*p,h,w], its low-resolution side minus the frame, at p places in each low-resolution pixel.
    relevance: [B,p,h,w] in [0,1]; zero takes nothing of either.
    """

    detail: torch.Tensor
    misfit: torch.Tensor
    relevance: torch.Tensor
