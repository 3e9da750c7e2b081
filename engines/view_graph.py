"""Runs the network that fuses the views of a light field with ONNX Runtime, where torch is absent.

Its graph comes with the installation, named by the fingerprint of the weights that it was made of, and holds its halo.
"""

from pathlib import Path

import numpy as np

from lfvideo_sr.weights import fingerprint

from .cache import shipped_folder
from .onnx_engine import OnnxGraph, pick_provider
from .view_network import ViewNetwork

PLANES, SPREAD, CHANGE = "planes", "spread", "change"
HALO = "halo"


def view_graph_path(weights: Path) -> Path:
    """Of the graph of a weights file, whether it is there or not."""
    return shipped_folder() / f"view_fusion-{fingerprint(weights)}.onnx"


def open_view_graph(path: Path, device: str = "auto") -> ViewNetwork:
    """The network of a graph. Raises EngineError where it cannot be loaded."""
    graph = OnnxGraph(path, *pick_provider(device))

    def run(planes: np.ndarray, spread: np.ndarray) -> np.ndarray:
        change: np.ndarray = graph({PLANES: planes[None], SPREAD: spread[None]})[CHANGE].numpy()[0, 0]
        return change

    return ViewNetwork(run, int(graph.notes[HALO]))
