"""Pictures on a device: decoded ones to RGB, restored ones to an output's planes. The torch twin of
media/colour.py, for what GPUs decode to and for all that is written.

No product of matrices, which may round to TF32; nothing is copied to the device.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ..errors import ShapeError
from ..frames import on_host
from ..media.colour import ColourSpec, Layout, from_rgb_weights, to_rgb_weights

_WORD = 16  # bits of formats above 8 bits, whose values are at the upper end


def semi_planar_to_rgb(luma: torch.Tensor, chroma: torch.Tensor, spec: ColourSpec) -> torch.Tensor:
    """luma [H,W] and chroma [H/2,W/2,2] (U, V beside each other) -> float32 [3,H,W], clipped to [0,1], as
    `planes_to_rgb` to 1e-5.

    8 bits are uint8 (NV12); more are uint16 with the depth's bits on top (P010, P016).
    """
    height, width = luma.shape
    if spec.layout is not Layout.YUV420 or (height % 2, width % 2) != (0, 0):
        raise ShapeError(f"a device's picture is {spec.layout.value} {width}x{height}; 4:2:0 of even sides is wanted")
    if tuple(chroma.shape) != (height // 2, width // 2, 2):
        raise ShapeError(f"chroma is {list(chroma.shape)}; [{height // 2},{width // 2},2] is wanted")
    across, down = spec.siting.cosited
    colours = _numbers(chroma, spec).permute(2, 0, 1)
    colours = _doubled(_doubled(colours, -1, across), -2, down)
    weights, offset = to_rgb_weights(spec)
    y, (u, v) = _numbers(luma, spec), colours
    rows = zip(weights.tolist(), offset[:, 0].tolist())
    return torch.stack([y * a + u * b + v * c + plus for (a, b, c), plus in rows]).clamp_(0, 1)


def _numbers(plane: torch.Tensor, spec: ColourSpec) -> torch.Tensor:
    """The plane's integers as float32."""
    if plane.dtype == torch.uint8:
        return plane.float()
    words = plane.view(torch.int16).int() & 0xFFFF  # few operators know uint16
    return (words >> (_WORD - spec.bit_depth)).float()


def _doubled(plane: torch.Tensor, axis: int, cosited: bool) -> torch.Tensor:
    """Twice as many samples along an axis, bilinear, edges repeated; a sample is at the first of its two or between
    them."""
    length = plane.shape[axis]
    before = torch.cat([plane.narrow(axis, 0, 1), plane.narrow(axis, 0, length - 1)], axis)
    after = torch.cat([plane.narrow(axis, 1, length - 1), plane.narrow(axis, length - 1, 1)], axis)
    pair = (plane, (plane + after) / 2) if cosited else (0.75 * plane + 0.25 * before, 0.75 * plane + 0.25 * after)
    return torch.stack(pair, -1).flatten(-2) if axis == -1 else torch.stack(pair, -2).flatten(-3, -2)


@torch.inference_mode()
def rgb_to_planes(pixels: torch.Tensor, spec: ColourSpec) -> list[np.ndarray]:
    """Float32 [3,H,W] in [0,1] on any device -> planes of `spec` on the host, uint8, or uint16 above 8 bits, as
    `media.colour.rgb_to_planes` but for sums that end on the other side of a half, which are one off.

    They are made on the device, on the stream that is current there, and come down by one copy.
    """
    weights, offset = from_rgb_weights(spec)
    colour = _at_chroma(pixels, spec)
    sources = [pixels, colour, colour][: len(weights)]
    areas = [source[0].numel() for source in sources]
    dtype = torch.uint8 if spec.bit_depth == 8 else torch.uint16
    together = torch.empty(sum(areas), dtype=dtype, device=pixels.device)
    for plane, source, row, plus in zip(together.split(areas), sources, weights.tolist(), offset[:, 0].tolist()):
        plane.view_as(source[0]).copy_(_mixed(source, row).add_(plus).round_().clamp_(0, spec.peak))
    parts = np.split(on_host(together), np.cumsum(areas)[:-1])
    return [part.reshape(source.shape[1:]) for part, source in zip(parts, sources)]


def _mixed(planes: torch.Tensor, weights: Sequence[float]) -> torch.Tensor:
    """[3,H,W] -> their weighed sum [H,W]."""
    total = planes[0] * weights[0]
    for plane, weight in zip(planes[1:], weights[1:]):
        total.add_(plane, alpha=weight)
    return total


def _at_chroma(pixels: torch.Tensor, spec: ColourSpec) -> torch.Tensor:
    """A picture [3,H,W] where chroma samples are: what is mixed of it there is what mixing first would give."""
    across, down = spec.layout.chroma_step
    cosited_across, cosited_down = spec.siting.cosited
    if down == 2:  # first: rows are read whole
        pixels = _halved(pixels, -2, cosited_down)
    return _halved(pixels, -1, cosited_across) if across == 2 else pixels


def _halved(planes: torch.Tensor, axis: int, cosited: bool) -> torch.Tensor:
    """Half as many samples along an axis, rounded up, edges repeated: each the mean of two, or where it is on the
    first of them, half of that one and a quarter of each neighbour."""
    length = planes.shape[axis]
    if length % 2:
        planes = torch.cat([planes, planes.narrow(axis, length - 1, 1)], axis)
    first, second = planes.unflatten(axis, (-1, 2)).unbind(axis)
    if not cosited:
        return torch.lerp(first, second, 0.5)
    halved = torch.add(second, first, alpha=2)
    halved.narrow(axis, 0, 1).add_(first.narrow(axis, 0, 1))
    halved.narrow(axis, 1, halved.shape[axis] - 1).add_(second.narrow(axis, 0, second.shape[axis] - 1))
    return halved.mul_(0.25)


class DeviceReader:
    """Turns pictures that were decoded on a torch device into RGB there.

    What it gives is finished: any stream may read it. Whoever works on another stream than the default one tells the
    tensor so (`record_stream`) before letting go of it.
    """

    def __init__(self, device: str):
        self._device = torch.device(device)
        self.device = str(self._device)
        self.number = self._device.index or 0

    @contextmanager
    def current(self) -> Iterator[None]:
        """Torch's context of the device is the calling thread's own meanwhile."""
        if self._device.type != "cuda":
            yield
            return
        with torch.cuda.device(self.number):
            torch.zeros(1, device="cuda")  # only work makes it so in a thread that did none yet
            yield

    def __call__(self, picture: Any, spec: ColourSpec) -> torch.Tensor:
        """A PyAV frame in NV12, P010 or P016 on the device -> float32 [3,H,W] there."""
        if self._device.type != "cuda":
            return self._read(picture, spec)
        stream = torch.cuda.default_stream(self._device)  # on which FFmpeg copies too
        with torch.cuda.device(self._device), torch.cuda.stream(stream):
            pixels = self._read(picture, spec)
        stream.synchronize()  # the decoder may use the picture's memory again now
        return pixels

    def _read(self, picture: Any, spec: ColourSpec) -> torch.Tensor:
        # PyAV takes no stream, which torch would give it along; so the capsule is asked for here
        luma, chroma = (torch.from_dlpack(plane.__dlpack__()) for plane in picture.planes)
        return semi_planar_to_rgb(luma, chroma, spec)
