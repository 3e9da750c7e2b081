"""Sliding-window fusion (RefSR-Net, section 4): overlapping predictions, averaged under smoothed masks."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F

SIGMA = 3.0  # of G, in pixels
_AT_ONCE = 64  # windows

Corners = list[tuple[int, int]]  # (top, left), in low-resolution pixels
Predict = Callable[[Corners], tuple[torch.Tensor, torch.Tensor]]


def corners(height: int, width: int, patch: int, stride: int) -> Corners:
    """Of windows every `stride` pixels, the last of each axis at the edge."""
    tops, lefts = (sorted({*range(0, side - patch, stride), side - patch}) for side in (height, width))
    return [(top, left) for top in tops for left in lefts]


def smoothed(masks: torch.Tensor) -> torch.Tensor:
    """O = M * G(3), masks [B,1,H,W]; beyond a window its edge is repeated."""
    radius = int(3 * SIGMA)
    steps = torch.arange(-radius, radius + 1, device=masks.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (steps / SIGMA).square()).to(masks.dtype)
    kernel = kernel / kernel.sum()
    padded = F.pad(masks, 4 * [radius], mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))


def slide(predict: Predict, places: Corners, height: int, width: int, scale: int) -> torch.Tensor:
    """Pictures and masks that `predict` gives for some windows [n,3,P,P], [n,1,P,P], fused: [3,s*height,s*width].

    A small number is added to the weights, so that a place that no mask believes still has a picture.
    """
    total = weights = None
    for some in _chunks(places):
        pictures, masks = predict(some)
        believed = smoothed(masks.float()) + 1e-3
        if total is None or weights is None:
            total = believed.new_zeros(3, scale * height, scale * width)
            weights = believed.new_zeros(1, scale * height, scale * width)
        patch = pictures.shape[2] // scale
        for place, picture, weight in zip(some, pictures.float(), believed):
            cells(total, place, patch, scale).add_(picture * weight)
            cells(weights, place, patch, scale).add_(weight)
    assert total is not None and weights is not None
    return total / weights


def cells(picture: torch.Tensor, place: tuple[int, int], patch: int, scale: int) -> torch.Tensor:
    """The part of a picture [...,s*h,s*w] that a window with its corner at `place` shows; a view."""
    top, left = (scale * edge for edge in place)
    return picture[..., top : top + scale * patch, left : left + scale * patch]


def _chunks(places: Corners) -> Iterator[Corners]:
    for first in range(0, len(places), _AT_ONCE):
        yield places[first : first + _AT_ONCE]
