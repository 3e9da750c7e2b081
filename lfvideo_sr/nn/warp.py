"""Sampling a picture or a feature map at given positions."""

import torch
import torch.nn.functional as F


def grid_positions(height: int, width: int, device: torch.device | None = None) -> torch.Tensor:
    """(x, y) of every place of a grid, float32 [1,height,width,2]."""
    ys = torch.arange(height, dtype=torch.float32, device=device)
    xs = torch.arange(width, dtype=torch.float32, device=device)
    return torch.stack(torch.broadcast_tensors(xs[None, :], ys[:, None]), dim=-1)[None]


def sample(source: torch.Tensor, positions: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    """source [B,C,H,W] at positions [B,h,w,2] = (x, y) in source pixels -> [B,C,h,w]; beyond the edge: the edge pixel."""
    height, width = source.shape[-2:]
    scale = torch.tensor([2 / width, 2 / height], device=positions.device)
    grid = (positions.float() + 0.5) * scale - 1
    return F.grid_sample(source, grid.to(source.dtype), mode=mode, padding_mode="border", align_corners=False)


def inside(positions: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """1 where positions [B,h,w,2] fall into a picture of that size, else 0: float32 [B,1,h,w]."""
    x, y = positions.unbind(-1)
    return ((x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)).float()[:, None]
