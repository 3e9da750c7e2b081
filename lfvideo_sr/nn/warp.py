"""Sampling a picture or a feature map at given positions."""

import cv2
import numpy as np
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


def upsampled_positions(positions: torch.Tensor, stride: int) -> torch.Tensor:
    """positions [B,h,w,2] every `stride` output pixels -> [B,stride*h,stride*w,2], displacement interpolated bilinearly."""
    height, width = positions.shape[1:3]
    own = grid_positions(height, width, positions.device) * stride + (stride - 1) / 2
    moved = (positions - own).permute(0, 3, 1, 2).contiguous()
    moved = F.interpolate(moved, scale_factor=stride, mode="bilinear", align_corners=False)
    return grid_positions(height * stride, width * stride, positions.device) + moved.permute(0, 2, 3, 1)


def warp_upsampled(picture: torch.Tensor, positions: torch.Tensor, stride: int) -> torch.Tensor:
    """Bicubic samples of picture [B,3,H,W] at positions [B,h,w,2] given every `stride` pixels -> [B,3,stride*h,stride*w].

    On a CPU, outside training and export, OpenCV does it in half the time (positions rounded to 1/32 pixel).
    """
    if picture.device.type == "cpu" and not torch.is_grad_enabled() and not torch.compiler.is_exporting():
        return _warp_on_host(picture, positions, stride)
    return sample(picture, upsampled_positions(positions, stride), mode="bicubic")


def _warp_on_host(picture: torch.Tensor, positions: torch.Tensor, stride: int) -> torch.Tensor:
    warped = [_remap(one, field, stride) for one, field in zip(picture.permute(0, 2, 3, 1).float(), positions)]
    return torch.stack(warped).permute(0, 3, 1, 2)  # channels last in memory


def _remap(picture: torch.Tensor, positions: torch.Tensor, stride: int) -> torch.Tensor:
    height, width = positions.shape[:2]
    own = grid_positions(height, width)[0] * stride + (stride - 1) / 2
    moved = cv2.resize((positions - own).numpy(), (width * stride, height * stride), interpolation=cv2.INTER_LINEAR)
    at = grid_positions(height * stride, width * stride)[0].numpy() + moved
    source = np.ascontiguousarray(picture.numpy())
    return torch.from_numpy(cv2.remap(source, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
