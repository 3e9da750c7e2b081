"""Losses of the matching and restoring parts. Pictures are [B,3,H,W] in [0,1]; every loss is a scalar."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F


def decibel_loss(picture: torch.Tensor, truth: torch.Tensor, floor: float = 1e-5) -> torch.Tensor:
    """Mean over the batch of log(mean squared error + floor): PSNR turned round, so that an easy sample's decibel
    counts as much as a hard one's. Half of the error is of the colours, half of BT.601 luma; the floor is 50 dB."""
    difference = picture - truth
    weights = torch.tensor([0.299, 0.587, 0.114], device=picture.device).view(3, 1, 1)
    luma = (difference * weights).sum(1)
    error = 0.5 * difference.square().mean((1, 2, 3)) + 0.5 * luma.square().mean((1, 2))
    return (error + floor).log().mean()


def masked_mean(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean of `values` where `weights` are above zero, weighted; zero where nothing is."""
    return (values * weights).sum() / weights.sum().clamp(min=1)


def alignment_loss(warped: torch.Tensor, truth: torch.Tensor, cap: float = 0.15) -> torch.Tensor:
    """How far a warped reference is from the truth, capped so that occluded places do not pull."""
    return (warped - truth).abs().clamp(max=cap).mean()


def relevance_loss(
    relevance: torch.Tensor, candidates: Sequence[torch.Tensor], base: torch.Tensor, truth: torch.Tensor
) -> torch.Tensor:
    """Binary cross-entropy against "what the reference offers is nearer to the truth than plain enlargement".

    relevance [B,H/t,W/t] in (0,1); the pictures are [B,3,H,W], candidates what may be made of the reference, of which
    the best counts at each place. Places weigh by how much the choice matters there.
    """
    missed = torch.stack([(candidate - truth).abs().mean(1) for candidate in candidates])
    stride = truth.shape[2] // relevance.shape[1]
    gain = F.avg_pool2d((base - truth).abs().mean(1), stride) - F.avg_pool2d(missed, stride).amin(0)
    weight = (gain.abs() / 0.02).clamp(0.02, 1)
    sure = relevance.float().clamp(1e-4, 1 - 1e-4)
    return masked_mean(-torch.where(gain > 0, sure, 1 - sure).log(), weight)


def field_loss(positions: torch.Tensor, flow: torch.Tensor, visible: torch.Tensor, origin: float) -> torch.Tensor:
    """Robust end-point error in output pixels where the exact flow is known.

    positions [B,H/t,W/t,2], one every t output pixels; flow [B,H,W,2] from the crop, whose first pixel is at
    (origin, origin) of the reference's window; visible [B,H,W].
    """
    stride = visible.shape[1] // positions.shape[1]
    seen = F.avg_pool2d(visible[:, None], stride)[:, 0]
    truth = F.avg_pool2d(flow.permute(0, 3, 1, 2), stride).permute(0, 2, 3, 1)
    height, width = truth.shape[1:3]
    first = origin + (stride - 1) / 2
    x = torch.arange(width, device=flow.device) * stride + first
    y = torch.arange(height, device=flow.device) * stride + first
    unmoved = torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), -1)
    distance = ((positions - unmoved - truth) ** 2).sum(-1).add(1e-4).sqrt()
    return masked_mean(distance.clamp(max=8), (seen == 1).float())


PictureLoss = Literal["l1", "mse"]
PICTURE_LOSSES: dict[PictureLoss, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "l1": F.l1_loss,
    "mse": F.mse_loss,
}
