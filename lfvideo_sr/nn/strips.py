"""Large pictures a strip of rows at a time, so that what is between two layers is never held whole."""

from collections.abc import Callable

import torch

_ON_A_GPU = 16  # times as much at a time: there launches cost more than memory does


def at_a_time(count: int, x: torch.Tensor) -> int:
    """How many places or numbers to work on at a time on the device of `x`, `count` of which are right for a CPU."""
    return count * _ON_A_GPU if x.is_cuda else count


def _channels_last(x: torch.Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


def in_strips(
    work: Callable[[slice], torch.Tensor], picture: torch.Tensor, places: int, reach: int | None, scale: int = 1
) -> torch.Tensor:
    """work(rows of a picture [B,C,H,W]) -> [B,O,scale*n,scale*W] for these n rows; put together, [B,O,scale*H,scale*W].

    places: finished at a time on a CPU, in whole rows; see at_a_time. reach: rows on either side that a result depends
    on; `work` is given these too, as far as the picture goes, so that nothing differs from working on it whole. That is
    what happens in training, in exported graphs, with small pictures, and where a result may depend on everything
    (reach None).
    """
    height, width = picture.shape[2:]
    if reach is None or torch.is_grad_enabled() or torch.compiler.is_exporting():
        return work(slice(None))
    rows = max(1, at_a_time(places, picture) // width)
    if height <= rows:
        return work(slice(None))
    together: torch.Tensor | None = None
    for first in range(0, height, rows):
        last = min(first + rows, height)
        top, bottom = max(0, first - reach), min(height, last + reach)
        strip = work(slice(top, bottom))[:, :, scale * (first - top) : scale * (last - top)]
        if together is None:
            layout = torch.channels_last if _channels_last(strip) else torch.contiguous_format
            shape = *strip.shape[:2], scale * height, strip.shape[3]
            together = torch.empty(shape, dtype=strip.dtype, device=strip.device, memory_format=layout)
        together[:, :, scale * first : scale * last] = strip
    assert together is not None, "a picture has rows"
    return together
