"""The classical seed of a match where the frames lie: what media/seed.py does on the host, by torch on any device."""

import torch
import torch.nn.functional as F
from torch import nn

from ..frames import Size
from .inverse_search import InverseSearchSettings, inverse_search
from .warp import grid_positions, pair

_LUMA = (0.299, 0.587, 0.114)  # BT.601


class DeviceSeeder(nn.Module):
    """Seeds a match with one position every `stride` output pixels; see media.seed.FlowSeeder, whose twin it is.

    Its search is another one (inverse_search.py), so fields agree where pictures tell, not everywhere.
    """

    def __init__(self, scale: int = 4, stride: int = 2, settings: InverseSearchSettings | None = None):
        super().__init__()
        self.stride, self.settings = stride, settings or InverseSearchSettings()
        self._enlarged = scale // stride

    def prepare(self, low: torch.Tensor) -> torch.Tensor:
        """Pictures [B,3,h,w] in [0,1] -> their luma in gray levels enlarged by k = scale / stride, [B,1,kh,kw]."""
        red, green, blue = low.float().split(1, 1)
        luma = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
        return F.interpolate(255 * luma.clamp(0, 1), scale_factor=self._enlarged, mode="bicubic").clamp(0, 255)

    def forward(
        self, frame: torch.Tensor, reference: torch.Tensor, previous: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Prepared frame [B,1,kh,kw] and low version of a reference, of any size -> positions [B,kh,kw,2] in reference
        pixels; `previous`: the field of the frame before on the same grid."""
        size = Size(frame.shape[3], frame.shape[2])
        ratio = pair(reference.shape[3] / size.width, reference.shape[2] / size.height, frame)
        if reference.shape[2:] != frame.shape[2:]:
            reference = F.interpolate(reference, frame.shape[2:], mode="bilinear", antialias=True)
        own = grid_positions(size.height, size.width, frame.device)
        initial = None
        if previous is not None:
            on_grid = (previous - (self.stride - 1) / 2) / self.stride
            initial = ((on_grid + 0.5) / ratio - 0.5 - own).permute(0, 3, 1, 2)
        flow = inverse_search(frame, reference, initial, self.settings).permute(0, 2, 3, 1)
        return ((own + flow + 0.5) * ratio - 0.5) * self.stride + (self.stride - 1) / 2
