"""Large pictures a strip of rows at a time, so that what lies between two layers never has to be held whole."""

from collections.abc import Callable

import torch


def in_strips(work: Callable[[slice], torch.Tensor], height: int, rows: int, reach: int) -> torch.Tensor:
    """work(rows of the picture) -> [B,C,n,W] for these n rows; put together, [B,C,height,W].

    rows: finished at a time. reach: rows on either side that a result depends on; `work` is given these too, as far as
    the picture goes, so that nothing differs from working on it whole.
    """
    whole: torch.Tensor | None = None
    for first in range(0, height, rows):
        last = min(first + rows, height)
        top, bottom = max(0, first - reach), min(height, last + reach)
        found = work(slice(top, bottom))[:, :, first - top : last - top]
        if whole is None:
            whole = found.new_empty(*found.shape[:2], height, found.shape[3])
        whole[:, :, first:last] = found
    assert whole is not None, "a picture has rows"
    return whole
