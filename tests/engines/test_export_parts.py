"""Small parts of methods exported anew, as whole methods are in the slow tests: equal to torch at sizes not traced."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from rounding import widened
from torch import nn

from lfvideo_sr.engine import Precision
from lfvideo_sr.engines.cache import shipped_folders
from lfvideo_sr.engines.export import OPSET_BF16, traced, write_graph
from lfvideo_sr.engines.graphs import metadata_in, paths, told
from lfvideo_sr.engines.onnx_engine import read_about
from lfvideo_sr.engines.verbs import Verb
from lfvideo_sr.methods.stream_ref import misfit_of
from lfvideo_sr.nn.residual import ResidualBlock
from lfvideo_sr.nn.resize import BicubicEnlarge


class Part(nn.Module):
    """A part that takes its inputs by name, as verbs do."""

    def __init__(self, part: nn.Module, call):
        super().__init__()
        self.part, self.call = part, call

    def forward(self, given):
        return self.call(self.part, given)


def exported(part: Part, shapes: Mapping[str, list], given: Mapping, precision: Precision, path: Path) -> None:
    about = read_about(paths(shipped_folders()[0])["match"])  # of any graph: what it says is not what is tested
    verb = Verb(part, dict(given), dict(shapes), ["result"])
    write_graph(traced(verb, precision), replace(about, precision=precision), path)


def difference(path: Path, part: Part, given: Mapping[str, torch.Tensor]) -> float:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {name: one.numpy() for name, one in given.items()})
    with torch.no_grad():
        wanted = part(given).numpy()
    assert wanted.std() > 0.1 and found.shape == wanted.shape
    return float(np.abs(found - wanted).max())


def test_a_misfit_is_the_same_at_sizes_it_was_not_traced_at(tmp_path):
    """Bicubic samples of a reference of another size than the frame's, and a fixed convolution."""

    def given(height, width, high, wide):
        torch.manual_seed(height)
        positions = torch.rand(1, 2 * height, 2 * width, 2) * torch.tensor([5.0 * wide, 5.0 * high]) - 9
        return {
            "frame": torch.rand(1, 3, height, width), "blur": torch.rand(1, 3, 2 * high, 2 * wide), "seed": positions,
        }  # fmt: skip

    def misfit(enlarge, given):
        return misfit_of(given["blur"], enlarge(given["frame"]), given["seed"])

    part = Part(BicubicEnlarge(2), misfit)
    shapes = {"frame": [1, 3, "1*h", "1*w"], "blur": [1, 3, "2*r", "2*q"], "seed": [1, "2*h", "2*w", 2]}
    exported(part, shapes, given(20, 24, 22, 26), Precision.FP32, tmp_path / "misfit.onnx")
    for sizes in ((20, 24, 22, 26), (9, 31, 40, 12), (16, 8, 8, 19)):
        assert difference(tmp_path / "misfit.onnx", part, given(*sizes)) < 1e-5, sizes


def test_bf16_is_in_the_graph_and_rounds_as_it_should(tmp_path):
    """ONNX Runtime has no kernels for it on a CPU: so it says what it is without being loaded, and is run rounding."""
    torch.manual_seed(0)
    part = Part(ResidualBlock(4), lambda block, given: block(given["frame"]).float())
    path, given = tmp_path / "block.onnx", {"frame": torch.rand(1, 4, 20, 24)}
    exported(part, {"frame": [1, 4, "1*h", "1*w"]}, given, Precision.BF16, path)
    assert read_about(path).precision is Precision.BF16
    assert widened(path, tmp_path / "rounding.onnx") >= 2
    off = difference(tmp_path / "rounding.onnx", part, given)
    assert 1e-4 < off < 2e-2, "rounded to eight bits"
    import onnx

    assert onnx.load(path).opset_import[0].version == OPSET_BF16


def test_what_a_file_says_is_found_in_it_alone(tmp_path):
    path = paths(shipped_folders()[0])["restore"]
    assert told(metadata_in(path), path) == read_about(path)
    for spoilt in (path.read_bytes()[:-1], path.read_bytes()[:5000], b"", b"\xff" * 40, b"not a graph"):
        (tmp_path / "spoilt.onnx").write_bytes(spoilt)
        assert metadata_in(tmp_path / "spoilt.onnx") == {}
