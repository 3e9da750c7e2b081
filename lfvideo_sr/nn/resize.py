"""Bicubic resize in torch: it exports, it runs on any device, it differentiates.

Same kernel as media/resize.py (Keys, a = -0.5, antialiased). `bicubic` equals it, to any size. The modules are for
whole factors inside networks: faster, but their borders repeat the edge pixel instead of renormalising the kernel, so
the outermost two low-resolution pixels differ from Pillow's.
"""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..frames import Size
from ..media.resize import FRACTION_BITS, cubic_kernel, fixed_point, resize_taps

_COLOURS = 3


def bicubic(x: torch.Tensor, size: Size, shrinks: float = 1.0) -> torch.Tensor:
    """Resize x [...,H,W]. Float: differentiable, not rounded or clipped; uint8: Pillow's own integers, bit by bit.

    shrinks: about how many times smaller it gets, which a graph has to know in advance, sizes of its own or not.
    """
    if torch.compiler.is_exporting():
        taps = int(5 * max(shrinks, 1)) + 2  # 4 would do, were the sizes never rounded
        return _along_in_a_graph(_along_in_a_graph(x, size.width, -1, taps), size.height, -2, taps)
    along = _along_integers if x.dtype == torch.uint8 else _along_numbers
    return along(along(x, size.width, -1), size.height, -2)


def _along_numbers(x: torch.Tensor, target: int, axis: int) -> torch.Tensor:
    if x.shape[axis] == target:
        return x
    first, weights = resize_taps(x.shape[axis], target)
    return _weighted(x, first, torch.from_numpy(weights).to(x), axis)


def _along_in_a_graph(x: torch.Tensor, target: int, axis: int, taps: int) -> torch.Tensor:
    """As `_along_numbers` for shrinking, with `resize_taps` computed in the graph: in whole numbers, 2 * `target` of
    which are a source pixel, so that no place is rounded."""
    length = x.shape[axis]
    centre = (torch.arange(target, device=x.device) * 2 + 1) * length
    first = torch.div(centre - 4 * length + target, 2 * target, rounding_mode="floor").clamp(min=0)
    last = torch.div(centre + 4 * length + target, 2 * target, rounding_mode="floor").clamp(max=length)
    shape = (-1,) if axis == -1 else (-1, 1)
    total = torch.zeros_like(x[..., :1] if axis == -1 else x[..., :1, :])
    whole = torch.zeros((), dtype=x.dtype, device=x.device)
    for tap in range(taps):
        index = first + tap
        away = ((index * 2 + 1) * target - centre).to(x.dtype).abs() / (2 * length)
        near, far = (1.5 * away - 2.5) * away * away + 1, ((-0.5 * away + 2.5) * away - 4) * away + 2
        weight = torch.where(away < 1, near, torch.where(away < 2, far, 0.0)) * (index < last)
        total = total + x.index_select(axis, index.clamp(max=length - 1)) * weight.view(shape)
        whole = whole + weight
    return total / whole.view(shape)


def _along_integers(x: torch.Tensor, target: int, axis: int) -> torch.Tensor:
    if x.shape[axis] == target:
        return x
    first, weights = resize_taps(x.shape[axis], target)
    total = _weighted(x.int(), first, torch.from_numpy(fixed_point(weights)).to(x.device), axis)
    return ((total + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS).clamp(0, 255).to(torch.uint8)


def _weighted(x: torch.Tensor, first: np.ndarray, weights: torch.Tensor, axis: int) -> torch.Tensor:
    """Sum over taps of weights [n, taps] times the samples from `first` [n] on along `axis` (-1 or -2)."""
    index = torch.from_numpy(first).to(x.device)
    shape = (-1,) if axis == -1 else (-1, 1)
    parts = [
        x.index_select(axis, (index + tap).clamp(max=x.shape[axis] - 1)) * weight.view(shape)
        for tap, weight in enumerate(weights.unbind(1))
    ]
    return torch.stack(parts).sum(0, dtype=x.dtype)


class BicubicEnlarge(nn.Module):
    """[B,C,h,w] -> [B,C*s*s,h,w]: the enlarged picture, pixel-unshuffled, so that it stays on the LR grid.

    `F.pixel_shuffle(enlarge(x), s)` is the picture [B,C,h*s,w*s].

    On a CPU one convolution of all colours, most of whose weights are zero, takes half the time of one for each colour.
    """

    kernel: torch.Tensor
    of_colours: torch.Tensor

    def __init__(self, scale: int = 4):
        super().__init__()
        self.scale = scale
        kernel = torch.from_numpy(_enlarging_taps(scale))
        self.register_buffer("kernel", kernel, persistent=False)
        self.register_buffer("of_colours", _for_each_colour(kernel), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.device.type == "cpu" and x.shape[1] == _COLOURS and not torch.compiler.is_exporting():
            return self._at_once(x)
        batch, channels, height, width = x.shape
        padded = F.pad(x.float().contiguous(), (2, 2, 2, 2), mode="replicate")
        flat = padded.reshape(batch * channels, 1, height + 4, width + 4)
        with full_precision(x):
            return F.conv2d(flat, self.kernel).reshape(batch, channels * self.scale**2, height, width)

    def _at_once(self, x: torch.Tensor) -> torch.Tensor:
        """The same of three colours, in channels_last."""
        padded = F.pad(x.float(), (2, 2, 2, 2), mode="replicate").contiguous(memory_format=torch.channels_last)
        with full_precision(x):
            return F.conv2d(padded, self.of_colours)


class BicubicReduce(nn.Module):
    """[B,C,h*t,w*t] -> [B,C,h,w] with t = stride: the antialiased reduction by `scale`, unrounded.

    With a smaller, even stride the same blur is kept at more places: what a reduction would show of the picture moved
    by fractions of its pixels.
    """

    kernel: torch.Tensor

    def __init__(self, scale: int = 4, stride: int | None = None):
        super().__init__()
        self.stride = stride or scale
        assert self.stride % 2 == 0, "places of an odd stride are on pixels, the kernel's middle between them"
        self.taps = _reducing_taps(scale).tolist()
        self.register_buffer("kernel", torch.tensor(self.taps), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        edge = (len(self.taps) - self.stride) // 2
        padded = F.pad(x.float(), (edge, edge, edge, edge), mode="replicate")
        along = self._convolved if x.is_cuda else self._summed
        return along(along(padded, 2), 3)

    def _convolved(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        """One pass along an axis, as torch has it for single channels on CUDA: one launch, not one for every tap."""
        across = axis == 3
        kernel = self.kernel.view((1, 1, 1, -1) if across else (1, 1, -1, 1)).expand(x.shape[1], -1, -1, -1)
        stride = (1, self.stride) if across else (self.stride, 1)
        with full_precision(x):
            return F.conv2d(x.contiguous(), kernel, stride=stride, groups=x.shape[1])

    def _summed(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        """The same as a sum of shifted pictures: convolutions of a single channel are slow on a CPU."""
        places = (x.shape[axis] - len(self.taps)) // self.stride * self.stride + 1
        index = (slice(None),) * axis
        shifted = [x[(*index, slice(k, k + places, self.stride))] for k in range(len(self.taps))]
        total = shifted[0] * self.taps[0]
        for part, weight in zip(shifted[1:], self.taps[1:]):
            total.add_(part, alpha=weight)
        return total


class KernelReduce(nn.Module):
    """[B,C,H,W] -> [B,C,H/t,W/t] with t = stride: a picture as a camera of a given kernel makes it small by 4.

    Kernels are those of camera/reduction.py: taps [B or 1,2,K], along y and along x, of which tap k of a low-resolution
    pixel i weighs pixel 4i + 1.5 + k - (K - 1) / 2. With stride 2 the same blur is kept at every second pixel.
    """

    def __init__(self, stride: int):
        super().__init__()
        self.stride = stride

    def forward(self, x: torch.Tensor, taps: torch.Tensor) -> torch.Tensor:
        if on_host(x):
            kernels = taps.expand(len(x), -1, -1).numpy()
            reduced = [self._filtered(picture.numpy(), *of_axes) for picture, of_axes in zip(x, kernels)]
            return torch.from_numpy(np.stack(reduced)).permute(0, 3, 1, 2)
        edge = (taps.shape[2] - self.stride) // 2
        padded = F.pad(x.float(), (edge, edge, edge, edge), mode="replicate")
        return self._along(self._along(padded, taps[:, 0], 2), taps[:, 1], 3)

    def _filtered(self, picture: np.ndarray, along_y: np.ndarray, along_x: np.ndarray) -> np.ndarray:
        """[3,H,W] -> [H/t,W/t,3] by OpenCV, which filters every pixel, and still takes a seventh of the time."""
        first = self.stride // 2 - 1
        middle = (len(along_y) - 1) // 2
        pixels = np.ascontiguousarray(picture.transpose(1, 2, 0), np.float32)
        blurred = cv2.sepFilter2D(
            pixels, -1, along_x, along_y, anchor=(middle, middle), borderType=cv2.BORDER_REPLICATE
        )
        return blurred[first :: self.stride, first :: self.stride]

    def _along(self, x: torch.Tensor, taps: torch.Tensor, axis: int) -> torch.Tensor:
        count = taps.shape[1]
        places = (x.shape[axis] - count) // self.stride * self.stride + 1
        index = (slice(None),) * axis
        total: torch.Tensor | None = None
        for k in range(count):
            part = x[(*index, slice(k, k + places, self.stride))]
            weight = taps[:, k].view(-1, 1, 1, 1)
            total = part * weight if total is None else torch.addcmul(total, part, weight)
        assert total is not None, "a kernel has taps"
        return total


def on_host(x: torch.Tensor) -> bool:
    """Whether OpenCV may work on `x`: it is on the host, nothing is to be differentiated, nobody exports."""
    return x.device.type == "cpu" and not torch.is_grad_enabled() and not torch.compiler.is_exporting()


def enlarge_bilinear(frame: torch.Tensor, scale: int) -> torch.Tensor:
    """Frame [B,3,h,w] -> [B,3,s*h,s*w] in float32: what the papers' networks add their results to."""
    return F.interpolate(frame.float(), scale_factor=scale, mode="bilinear", align_corners=False)


def full_precision(x: torch.Tensor) -> torch.autocast:
    """Autocast off: what carries the picture itself stays float32; bf16 would round it to 8 bits and less."""
    return torch.autocast(x.device.type, enabled=False)


def _enlarging_taps(scale: int) -> np.ndarray:
    """[s*s,1,5,5]: one 5x5 kernel for each of the s*s output pixels inside an input pixel."""
    phase = (np.arange(scale) + 0.5) / scale - 0.5
    taps = cubic_kernel(np.arange(-2, 3)[None] - phase[:, None])  # [s,5]
    return np.einsum("ai,bj->abij", taps, taps).reshape(scale * scale, 1, 5, 5).astype(np.float32)


def _for_each_colour(kernel: torch.Tensor) -> torch.Tensor:
    """[N,1,K,K] -> [3N,3,K,K]: N kernels for each of three colours, which do not mix."""
    count, _, *sides = kernel.shape
    weight = kernel.new_zeros(_COLOURS, count, _COLOURS, *sides)
    for colour in range(_COLOURS):
        weight[colour, :, colour] = kernel[:, 0]
    return weight.flatten(0, 1).contiguous(memory_format=torch.channels_last)


def _reducing_taps(scale: int) -> np.ndarray:
    """[4s]: the antialiased kernel over the 4s pixels round a low-resolution pixel."""
    taps = cubic_kernel((np.arange(4 * scale) - 2 * scale + 0.5) / scale)
    return (taps / taps.sum()).astype(np.float32)
