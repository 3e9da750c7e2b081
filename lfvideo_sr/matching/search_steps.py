"""What both twins of inverse search have in common: the sizes of its patches and the steps of a level."""

from collections.abc import Callable
from typing import NamedTuple

import torch

PATCH = 8
STRIDE = 4  # between patches: four of them cover each pixel
FAINT = 32.0  # added to the Hessian: gray levels squared that noise has in a patch


class Steps(NamedTuple):
    """The three steps of a level, which twins share: see `descended`, `spread` and `variational.refined`."""

    descend: Callable[..., torch.Tensor]
    spread: Callable[..., torch.Tensor]
    refine: Callable[..., torch.Tensor]
