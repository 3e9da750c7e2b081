"""Small parts of methods exported anew, as whole methods are in the slow tests: equal to torch at sizes not traced."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from rounding import widened
from torch import nn

from lfvideo_sr.engine import Precision
from lfvideo_sr.engines.export import OPSET_BF16, traced, write_graph
from lfvideo_sr.engines.verbs import Verb
from lfvideo_sr.methods.stream_ref import misfit_of
from lfvideo_sr.nn.residual import ResidualBlock
from lfvideo_sr.nn.resize import BicubicEnlarge


class Part(nn.Module):
    """A part that takes its inputs by name, as verbs do."""

    def __init__(self, part: nn.Module, call):
        super().__init__()
        self.part, self.call = part, call

    def forward(self, inputs):
        return self.call(self.part, inputs)


def exported(part: Part, shapes: Mapping[str, list], examples: Mapping, precision: Precision, path: Path) -> None:
    verb = Verb(part, dict(examples), dict(shapes), ["result"])
    write_graph(traced(verb, precision), precision, path)


def difference(path: Path, part: Part, inputs: Mapping[str, torch.Tensor]) -> float:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
    with torch.no_grad():
        expected = part(inputs).numpy()
    assert expected.std() > 0.1 and result.shape == expected.shape
    return float(np.abs(result - expected).max())


def test_a_misfit_is_the_same_at_sizes_it_was_not_traced_at(tmp_path):
    """Bicubic samples of a reference of another size than the frame's, and a fixed convolution."""

    def inputs(height, width, high, wide):
        torch.manual_seed(height)
        positions = torch.rand(1, 2 * height, 2 * width, 2) * torch.tensor([5.0 * wide, 5.0 * high]) - 9
        return {
            "frame": torch.rand(1, 3, height, width), "blur": torch.rand(1, 3, 2 * high, 2 * wide), "seed": positions,
        }  # fmt: skip

    def misfit(enlarge, inputs):
        return misfit_of(inputs["blur"], enlarge(inputs["frame"]), inputs["seed"], 2)

    part = Part(BicubicEnlarge(2), misfit)
    shapes = {"frame": [1, 3, "1*h", "1*w"], "blur": [1, 3, "2*r", "2*q"], "seed": [1, "2*h", "2*w", 2]}
    exported(part, shapes, inputs(20, 24, 22, 26), Precision.FP32, tmp_path / "misfit.onnx")
    for sizes in ((20, 24, 22, 26), (9, 31, 40, 12), (16, 8, 8, 19)):
        assert difference(tmp_path / "misfit.onnx", part, inputs(*sizes)) < 1e-5, sizes


def test_bf16_is_in_the_graph_and_rounds_as_it_should(tmp_path):
    """ONNX Runtime has no kernels for it on a CPU: so it is run rounding."""
    torch.manual_seed(0)
    part = Part(ResidualBlock(4), lambda block, inputs: block(inputs["frame"]).float())
    path, inputs = tmp_path / "block.onnx", {"frame": torch.rand(1, 4, 20, 24)}
    exported(part, {"frame": [1, 4, "1*h", "1*w"]}, inputs, Precision.BF16, path)
    assert widened(path, tmp_path / "rounding.onnx") >= 2
    off = difference(tmp_path / "rounding.onnx", part, inputs)
    assert 1e-4 < off < 2e-2, "rounded to eight bits"
    import onnx

    assert onnx.load(path).opset_import[0].version == OPSET_BF16
