"""Sampling a picture or a feature map at given positions."""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from .kernels import by_triton
from .residual import pixel_unshuffle
from .resize import on_host


def grid_positions(height: int, width: int, device: torch.device | None = None) -> torch.Tensor:
    """(x, y) of every place of a grid, float32 [1,height,width,2]."""
    ys = torch.arange(height, dtype=torch.float32, device=device)
    xs = torch.arange(width, dtype=torch.float32, device=device)
    return torch.stack(torch.broadcast_tensors(xs[None, :], ys[:, None]), dim=-1)[None]


def sample(source: torch.Tensor, positions: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    """source [B,C,H,W] at positions [B,h,w,2], (x, y) in source pixels -> [B,C,h,w]; beyond the edge: its pixel."""
    height, width = source.shape[-2:]
    exact = torch.promote_types(source.dtype, torch.float32)  # half precision cannot hold a position
    grid = unit_grid(positions.to(exact), height, width)
    return grid_sample(source.to(exact), grid, mode, padding="border").to(source.dtype)


def grid_sample(
    source: torch.Tensor, grid: torch.Tensor, mode: str = "bilinear", padding: str = "zeros"
) -> torch.Tensor:
    """source [B,C,H,W] at grid [B,h,w,2], -1 and 1 at the picture's outer edges -> [B,C,h,w].

    A graph gets ONNX's own operator, named here: followed through torch's, whose shapes are found by computing with
    every corner and tap, a bicubic sample takes seconds of the export.
    """
    if not torch.compiler.is_exporting():
        return F.grid_sample(source, grid, mode=mode, padding_mode=padding, align_corners=False)
    from torch.onnx.ops import symbolic

    attributes: dict[str, Any] = {"padding_mode": padding, "align_corners": 0}
    attributes["mode"] = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
    shape = (*source.shape[:2], *grid.shape[1:3])
    return symbolic("GridSample", (source, grid), attributes, dtype=source.dtype, shape=shape, version=20)


def unit_grid(positions: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Positions [...,2], (x, y) in pixels of a picture of that size -> the grid of `grid_sample`, -1 .. 1."""
    return (positions + 0.5) * pair(2 / width, 2 / height, positions) - 1


def pair(first: float, second: float, like: torch.Tensor) -> torch.Tensor:
    """[first, second] on the device of `like`, made there: a CUDA graph cannot hold a copy from the host."""
    if not like.is_cuda:
        return torch.tensor([first, second], device=like.device, dtype=like.dtype)
    return F.pad(like.new_full((1,), first), (0, 1), value=second)


def apart(grid: torch.Tensor) -> torch.Tensor:
    """A grid [B,h,w,2] as it is, but read row by row where a graph is exported.

    TensorRT-RTX 1.7 joins the sums that make a grid with others that hang on what was sampled there, and then fails
    (its error names ssa_validation): learned offsets are such. Across a gather it joins nothing.
    """
    if not torch.compiler.is_exporting():
        return grid
    return grid.index_select(1, torch.arange(grid.shape[1], device=grid.device))


def inside(positions: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """1 where positions [B,h,w,2] fall into a picture of that size, else 0: float32 [B,1,h,w]."""
    x, y = positions.unbind(-1)
    return ((x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)).float()[:, None]


def upsampled_positions(positions: torch.Tensor, stride: int, target_stride: int = 1) -> torch.Tensor:
    """positions [B,h,w,2] every `stride` output pixels -> every `target_stride` ones, [B,h*r,w*r,2]; r is the ratio of
    both.

    The displacement is what is interpolated, so that the field stays exact up to the border.
    """
    ratio = stride // target_stride
    height, width = positions.shape[1:3]
    unmoved = grid_positions(height, width, positions.device) * stride + (stride - 1) / 2
    moved = (positions - unmoved).permute(0, 3, 1, 2).contiguous()
    moved = F.interpolate(moved, scale_factor=ratio, mode="bilinear", align_corners=False)
    target = grid_positions(height * ratio, width * ratio, positions.device) * target_stride + (target_stride - 1) / 2
    return target + moved.permute(0, 2, 3, 1)


def warp_upsampled(picture: torch.Tensor, positions: torch.Tensor, stride: int) -> torch.Tensor:
    """Bicubic samples of picture [B,3,H,W] at positions [B,h,w,2] every `stride` pixels -> [B,3,stride*h,stride*w].

    On a CPU, outside training and export, OpenCV does it, faster (positions rounded to 1/32 pixel).
    """
    if not on_host(picture):
        return sample(picture, upsampled_positions(positions, stride), mode="bicubic")
    return _each_on_host(picture, [finer_positions(field.numpy(), stride) for field in positions])


def warp_unshuffled(
    picture: torch.Tensor, positions: torch.Tensor, stride: int, block: int, dtype: torch.dtype, shrunk: int = 1
) -> torch.Tensor:
    """`warp_upsampled` laid out in blocks: picture [B,3,H,W] -> [B,3*block^2,stride*h/block,stride*w/block] in `dtype`,
    as pixel_unshuffle does. shrunk: positions are in pixels of a picture so many times as large. On CUDA one kernel of
    Triton's, where it is installed, outside training."""
    if by_triton(picture):
        from .warp_triton import warp_unshuffled as in_one

        return in_one(picture, positions, stride, block, dtype, shrunk)
    if shrunk > 1:
        positions = (positions - (shrunk - 1) / 2) / shrunk
    warped = sample_bicubic(picture, positions) if stride == 1 else warp_upsampled(picture, positions, stride)
    return pixel_unshuffle(warped, block).to(dtype)


def sample_bicubic(picture: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Bicubic samples of picture [B,3,H,W] at positions [B,h,w,2] in its pixels -> [B,3,h,w]; on a CPU by OpenCV."""
    if not on_host(picture):
        return sample(picture, positions, mode="bicubic")
    return _each_on_host(picture, [field.numpy() for field in positions])


def _each_on_host(picture: torch.Tensor, fields: list[np.ndarray]) -> torch.Tensor:
    warped = [_remap(source.numpy(), field) for source, field in zip(picture.permute(0, 2, 3, 1), fields, strict=True)]
    return torch.from_numpy(np.stack(warped) if len(warped) > 1 else warped[0][None]).permute(0, 3, 1, 2)


def _remap(picture: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """picture [H,W,3] at positions [h,w,2] -> [h,w,3]"""
    source = np.ascontiguousarray(picture, np.float32)
    return cv2.remap(  # type: ignore[call-overload]  # its stub forgets None
        source, positions, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def finer_positions(positions: np.ndarray, stride: int) -> np.ndarray:
    """As `upsampled_positions` to every output pixel."""
    height, width = positions.shape[:2]
    moved = cv2.subtract(positions, _host_grid(height, width, stride))
    moved = cv2.resize(moved, (width * stride, height * stride), interpolation=cv2.INTER_LINEAR)
    return cv2.add(moved, _host_grid(height * stride, width * stride, 1), dst=moved)


@lru_cache(maxsize=8)
def _host_grid(height: int, width: int, stride: int) -> np.ndarray:
    """(x, y) in output pixels of a grid with that stride, float32 [height,width,2]; not to be written to."""
    return (grid_positions(height, width)[0] * stride + (stride - 1) / 2).numpy()
