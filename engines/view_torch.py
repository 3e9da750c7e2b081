"""Runs the network that fuses the views of a light field with torch."""

from pathlib import Path

import numpy as np
import torch

from lfvideo_sr.methods.view_fusion import ViewFusion, network
from lfvideo_sr.nn.strips import at_a_time
from lfvideo_sr.strips import PLACES
from lfvideo_sr.weights import load_into, network_of_size, read_about

from .torch_engine import pick_device
from .view_network import ViewNetwork


def load_view_fusion(path: Path) -> ViewFusion:
    """The network of a weights file; InputError where they are of something else."""
    fusion = network_of_size(network, read_about(path), path)
    load_into(fusion, path)
    assert isinstance(fusion, ViewFusion)
    return fusion


def with_torch(fusion: ViewFusion, device: str = "auto") -> ViewNetwork:
    """The network on a device."""
    placed = fusion.eval().to(pick_device(device))
    parameter = next(placed.parameters())

    def run(planes: np.ndarray, spread: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            made = placed(*(torch.from_numpy(part)[None].to(parameter.device) for part in (planes, spread)))
            change: np.ndarray = made[0, 0].cpu().numpy()
        return change

    return ViewNetwork(run, fusion.halo, at_a_time(PLACES, parameter))
