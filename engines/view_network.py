"""Runs the network that fuses the views of a light field (lfvideo_sr/methods/view_fusion.py) with torch."""

from pathlib import Path

import numpy as np
import torch

from lfvideo_sr.matching.view_samples import FusionInput
from lfvideo_sr.methods.view_fusion import HALO, SCALE, ViewFusion, network
from lfvideo_sr.nn.strips import in_strips
from lfvideo_sr.strips import PLACES
from lfvideo_sr.weights import load_into, network_of_size, read_about

from .torch_engine import pick_device


class ViewNetwork:
    """A function from what a view's neighbours measured to the change of its luma, f32 [4h,4w] in levels, in float32.
    Large views are worked on in strips of rows."""

    def __init__(self, fusion: ViewFusion, device: str = "auto"):
        self._device = pick_device(device)
        self._network = fusion.eval().to(self._device)
        self._reach = 2 * fusion.size.blocks + HALO

    def __call__(self, seen: FusionInput) -> np.ndarray:
        planes, spread = (torch.from_numpy(part)[None].to(self._device) for part in seen)

        def strip(rows: slice) -> torch.Tensor:
            high = slice(None) if rows == slice(None) else slice(SCALE * rows.start, SCALE * rows.stop)
            return self._network(planes[:, :, high], spread[:, :, rows])

        with torch.inference_mode():
            change: np.ndarray = in_strips(strip, spread, PLACES, self._reach, SCALE)[0, 0].cpu().numpy()
        return change


def open_view_network(path: Path, device: str = "auto") -> ViewNetwork:
    """With the weights of a file; InputError where they are of something else."""
    fusion = network_of_size(network, read_about(path), path)
    load_into(fusion, path)
    assert isinstance(fusion, ViewFusion)
    return ViewNetwork(fusion, device)
