"""The network that fuses the views of a light field -> ONNX, height and width dynamic:

python -m lfvideo_sr.engines.view_export

replaces the graph that comes with the installation, and has to be run when its weights change; a test fails until then.
"""

from pathlib import Path

import torch
from torch import nn

from lfvideo_sr.engine import Precision
from lfvideo_sr.methods import VIEW_FUSION
from lfvideo_sr.methods.view_fusion import SCALE, ViewFusion
from lfvideo_sr.weights import weights_path

from .export import traced, write_graph
from .verbs import Verb
from .view_graph import CHANGE, HALO, PLANES, SPREAD, view_graph_path
from .view_torch import load_view_fusion


class _Fuse(nn.Module):
    def __init__(self, fusion: ViewFusion):
        super().__init__()
        self.fusion = fusion

    def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        change: torch.Tensor = self.fusion(inputs[PLANES], inputs[SPREAD])
        return change


def export_view_fusion(fusion: ViewFusion, path: Path) -> None:
    """Write the graph of a network, in float32."""
    height, width = 20, 24
    examples = {PLANES: torch.rand(1, 4, SCALE * height, SCALE * width), SPREAD: torch.rand(1, 1, height, width)}
    verb = Verb(_Fuse(fusion), examples, {PLANES: [1, 4, "4*h", "4*w"], SPREAD: [1, 1, "1*h", "1*w"]}, [CHANGE])
    program = traced(verb, Precision.FP32)
    program.model.metadata_props[HALO] = str(fusion.halo)
    write_graph(program, Precision.FP32, path)


def replace_shipped() -> None:
    """Write the graph of the shipped weights, and remove those of others."""
    weights = weights_path(VIEW_FUSION)
    path = view_graph_path(weights)
    export_view_fusion(load_view_fusion(weights), path)
    for other in path.parent.glob("view_fusion-*.onnx"):
        if other != path:
            other.unlink()


if __name__ == "__main__":
    replace_shipped()
