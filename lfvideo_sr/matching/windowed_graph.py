"""Windowed search as one loop of a graph: what torch exports in the place of `windowed_search`.

Every step takes some places of one row together, and gathers the window round all of them; so the number of steps, not
a size in the graph, follows the frame's size.
"""

import torch
from torch._higher_order_ops.scan import scan

_TOGETHER = 16  # places of a row


def search_in_a_loop(
    query: torch.Tensor, reference: torch.Tensor, reach: int, rows: torch.Tensor, columns: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One frame [C,h,w] in one reference [C,H,W]; the places of the frame's rows [h] and columns [w], int64, in
    the reference -> index (row * W + column) and score [h,w]."""
    channels, height, width = query.shape
    high, wide = reference.shape[1:]
    blocks = (width + _TOGETHER - 1) // _TOGETHER
    mine, theirs = (features.permute(1, 2, 0).reshape(-1, channels).contiguous() for features in (query, reference))
    device = query.device
    beside = torch.arange(_TOGETHER, device=device)
    down = torch.arange(2 * reach + 1, device=device) - reach
    # two places a step apart are at most so far apart in the reference, rounded up
    across = torch.arange(2 * reach + 2 + (_TOGETHER - 1) * wide // width, device=device) - reach
    steps = torch.arange(height * blocks, device=device)
    row = torch.div(steps, blocks, rounding_mode="floor")
    first = (steps - row * blocks) * _TOGETHER
    bounds = torch.tensor([high, wide], device=device)

    def step(carried: torch.Tensor, which: tuple[torch.Tensor, torch.Tensor]):
        at = torch.minimum(which[1] + beside, torch.tensor(columns.shape[0] - 1, device=device))
        centre = columns.index_select(0, at)
        y = (rows.index_select(0, which[0].view(1)) + down)[:, None]  # [R,1]
        x = (centre[:1] + across)[None]  # [1,K]
        inside = (y >= 0) & (y < bounds[0]) & (x >= 0) & (x < bounds[1])
        place = torch.minimum(y.clamp(min=0), bounds[0] - 1) * bounds[1] + torch.minimum(x.clamp(min=0), bounds[1] - 1)
        near = (x - centre[:, None]).abs() <= reach  # [n,K]
        pixels = mine.index_select(0, which[0] * columns.shape[0] + at)
        scores = pixels @ theirs.index_select(0, place.flatten()).T  # [n,R*K]
        candidate = (inside[None] & near[:, None]).flatten(1)
        best, best_place = torch.where(candidate, scores, -torch.inf).max(1)
        return carried + 0, (best, place.flatten().index_select(0, best_place))

    _, (score, index) = scan(step, torch.zeros((), device=device), (row, first))
    kept = torch.arange(height, device=device)[:, None] * (blocks * _TOGETHER) + torch.arange(width, device=device)
    score, index = (
        values.flatten().index_select(0, kept.flatten()).reshape(height, width) for values in (score, index)
    )
    return index, score
