"""Measures how far a module sees: the pixels of a picture that one of its outputs depends on, traced back by gradients.

What trained weights make of it does not matter, only what is connected: weights are positive and random in a copy, so
that no path cancels another and few rectifiers are shut. A dead rectifier can still hide a path, so what several
draws see is taken together. Choices without a gradient, like the best place of a search, are invisible here.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import nn

from lfvideo_sr.method import Features, Match, Method
from lfvideo_sr.nn.resize import BicubicEnlarge
from lfvideo_sr.nn.warp import grid_positions

M = TypeVar("M")
Maps = Callable[[torch.Tensor], Iterable[torch.Tensor]]

_GAIN = 0.3  # of a layer: activations stay of one size even where dozens of residual blocks add up
_BIAS = 0.1  # keeps rectifiers open
_LENGTHS = (64, 128, 256)  # low-resolution pixels; the first that is longer than what is seen is enough
_WIDTH = 16  # of the strip that is looked at: what is seen is measured along its length only
_DRAWS = 2


def receptive_field(make: Callable[[torch.Generator], Maps], cell: int = 1) -> float | None:
    """Rows of a picture that the outputs of one cell depend on, in cells.

    make: draws weights and returns a function from a picture [1,3,H,W] in [0,1] to maps [1,C,h,w] of any stride.
    cell: pixels of the picture along each side of a cell: 4 for a reference, to count low-resolution pixels.
    Returns inf where the longest strip is seen from end to end, None where no output depends on the picture.
    """
    for length in _LENGTHS:
        rows, width = (cell * side for side in (length, _WIDTH))
        seen = _seen_rows(make, rows, width, cell)
        if not seen:
            return None
        if min(seen) > 0 and max(seen) < rows - 1:
            return (max(seen) + 1 - min(seen)) / cell
    return math.inf


def encoder_field(method: Method) -> float | None:
    """Low-resolution pixels along a side of the reference that the features at one place depend on."""

    def drawn(generator: torch.Generator) -> Maps:
        encoder = positive(method.encoder, generator)
        return lambda reference: [features for features in encoder(reference).values() if features.ndim == 4]

    return receptive_field(drawn, method.info.scale)


def matcher_field(method: Method) -> float | None:
    """Low-resolution pixels along a side of the frame that a match depends on, the seed being fixed."""

    def drawn(generator: torch.Generator) -> Maps:
        encoder, matcher = positive((method.encoder, method.matcher), generator)

        def maps(frame: torch.Tensor) -> Iterable[torch.Tensor]:
            seed = None if method.seeder is None else _in_place(method, frame)
            positions, relevance = matcher(frame, _features(method, encoder, frame), seed)
            return [positions.permute(0, 3, 1, 2), relevance[:, None]]

        return maps

    return receptive_field(drawn)


def restorer_field(method: Method) -> float | None:
    """Low-resolution pixels along a side of the frame that the picture depends on, the matches being fixed."""

    def drawn(generator: torch.Generator) -> Maps:
        encoder, restorer = positive((method.encoder, method.restorer), generator)

        def maps(frame: torch.Tensor) -> Iterable[torch.Tensor]:
            positions = _in_place(method, frame)
            match = Match(_features(method, encoder, frame), positions, torch.full(positions.shape[:3], 0.5))
            return [restorer(frame, [match] * method.info.references)]

        return maps

    return receptive_field(drawn)


def _features(method: Method, encoder: Callable[[torch.Tensor], Features], frame: torch.Tensor) -> Features:
    """Of a reference that shows what the frame shows, and noise."""
    with torch.no_grad():
        enlarged = F.pixel_shuffle(BicubicEnlarge(method.info.scale)(frame.detach()), method.info.scale)
        noise = 0.05 * torch.rand(enlarged.shape, generator=torch.Generator().manual_seed(0))
        return encoder(enlarged + noise)


def _in_place(method: Method, frame: torch.Tensor) -> torch.Tensor:
    """The positions of a field that moves nothing, [1,h',w',2]."""
    stride = method.field_stride
    height, width = (side * method.info.scale // stride for side in frame.shape[-2:])
    return grid_positions(height, width) * stride + (stride - 1) / 2


def positive(modules: M, generator: torch.Generator) -> M:
    """A copy of a module, or of a tuple of modules that may share parts, with positive random weights.

    Going back through it, every gradient that is not zero counts as one after each module: towards the edge of what
    many layers see it would else become too small to be held.
    """
    copied = deepcopy(modules)
    for module in copied if isinstance(copied, tuple) else (copied,):
        if isinstance(module, nn.Module):
            for name, parameter in module.eval().named_parameters():
                parameter.requires_grad_(False).copy_(_drawn(name, parameter, generator))
            for part in module.modules():
                part.register_forward_hook(_count_as_one)
    return copied


def _count_as_one(module: nn.Module, inputs: tuple, output: object) -> None:
    if isinstance(output, torch.Tensor) and output.requires_grad:
        output.register_hook(lambda gradient: (gradient != 0).to(gradient))


def _drawn(name: str, parameter: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    if parameter.ndim < 2:  # a bias, or the factor of a normalisation
        return torch.full_like(parameter, _BIAS if name.endswith("bias") else 1.0)
    inputs = parameter[0].numel()
    return (0.5 + torch.rand(parameter.shape, generator=generator)).to(parameter) * _GAIN / inputs


def _seen_rows(make: Callable[[torch.Generator], Maps], height: int, width: int, cell: int) -> set[int]:
    seen: set[int] = set()
    for draw in range(_DRAWS):
        generator = torch.Generator().manual_seed(draw)
        picture = 0.7 + 0.2 * torch.rand(1, 3, height, width, generator=generator)
        seen |= _traced(make(generator), picture.requires_grad_(), cell, generator)
    return seen


def _traced(maps_of: Maps, picture: torch.Tensor, cell: int, generator: torch.Generator) -> set[int]:
    """Rows of the picture with a gradient."""
    with torch.enable_grad(), _plain_convolutions():
        middle = [_middle(output, picture.shape[-2:], cell) for output in maps_of(picture) if output.requires_grad]
        if not middle:
            return set()
        total = torch.stack([(part * torch.rand(part.shape, generator=generator)).sum() for part in middle]).sum()
        (gradient,) = torch.autograd.grad(total, picture)
    return set(torch.nonzero((gradient != 0)[0].any(0).any(-1)).flatten().tolist())


@contextmanager
def _plain_convolutions() -> Iterator[None]:
    """Fast convolutions may leave rounding where zeros belong. One thread, because on narrow strips more cost time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some builds of torch warn of a flag of oneDNN that is not asked for
            with torch.backends.mkldnn.flags(enabled=False), torch.backends.nnpack.flags(enabled=False):
                yield
    finally:
        torch.set_num_threads(threads)


def _middle(output: torch.Tensor, size: torch.Size, cell: int) -> torch.Tensor:
    """The part of a map [1,C,h,w] that lies in the middle cell of a picture of height and width `size`, at least one
    place of it."""
    for axis, length in zip((2, 3), size):
        first = length // cell // 2 * cell
        here = first * output.shape[axis] // length
        after = (first + cell) * output.shape[axis] // length
        output = output.narrow(axis, here, max(1, after - here))
    return output
