"""The classical seed of a match where the frames are: what seed.py does on the host, by torch on any device."""

import torch
import torch.nn.functional as F
from torch import nn

from .inverse_search import InverseSearchSettings, inverse_search

_LUMA = (0.299, 0.587, 0.114)  # BT.601


class DeviceSeeder(nn.Module):
    """Seeds a match with one position every `stride` output pixels; see seed.FlowSeeder, whose twin it is.

    Its search is another one (inverse_search.py), so fields agree where pictures tell, not everywhere.
    """

    def __init__(self, scale: int = 4, stride: int = 2, settings: InverseSearchSettings | None = None):
        super().__init__()
        self.stride, self.settings = stride, settings or InverseSearchSettings()
        self._enlarged = scale // stride

    def prepare(self, low: torch.Tensor) -> torch.Tensor:
        """Pictures [B,3,h,w] in [0,1] -> their luma in gray levels enlarged by k = scale / stride, [B,1,kh,kw]."""
        red, green, blue = low.float().split(1, 1)
        luma = torch.add(torch.add(_LUMA[0] * red, green, alpha=_LUMA[1]), blue, alpha=_LUMA[2])
        return F.interpolate(255 * luma.clamp(0, 1), scale_factor=self._enlarged, mode="bicubic").clamp(0, 255)

    def forward(
        self, frame: torch.Tensor, reference: torch.Tensor, previous: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Prepared frame [B,1,kh,kw] and low version of a reference, of any size -> positions [B,kh,kw,2] in reference
        pixels; `previous`: the field of the frame before on the same grid."""
        steps = [self.stride * reference.shape[axis] / frame.shape[axis] for axis in (3, 2)]
        still = self._still(frame, steps)
        if reference.shape[2:] != frame.shape[2:]:
            reference = F.interpolate(reference, frame.shape[2:], mode="bilinear", antialias=True)
        initial = None
        if previous is not None:
            moved = [(previous[..., axis] - place) / step for axis, (place, step) in enumerate(zip(still, steps))]
            initial = torch.stack(moved, 1)
        flow = inverse_search(frame, reference, initial, self.settings).unbind(1)
        return torch.stack([torch.add(*pair, alpha=step) for *pair, step in zip(still, flow, steps)], -1)

    def _still(self, frame: torch.Tensor, steps: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
        """x [kw] and y [kh,1] in reference pixels of places that have not moved, `steps` reference pixels apart."""
        across, down = (
            torch.arange(frame.shape[axis], device=frame.device, dtype=torch.float32) * step + (step - 1) / 2
            for axis, step in zip((3, 2), steps)
        )
        return across, down[:, None]
