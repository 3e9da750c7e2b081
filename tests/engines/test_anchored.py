"""Anchors restored by a network of somebody else's: what files are taken, and which frames it restores."""

import os
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from safetensors.torch import save_file

from lfvideo_sr.choose import EngineOptions, choose_engine
from lfvideo_sr.engines.anchored import Anchored
from lfvideo_sr.engines.picture_networks import open_network
from lfvideo_sr.errors import EngineError, InputError
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions

PIXELS = np.random.default_rng(0).random((3, 12, 16), np.float32)


def nearest(path: Path, times: int = 4) -> Path:
    """An ONNX network that repeats each pixel."""
    scales = helper.make_tensor("scales", TensorProto.FLOAT, [4], [1.0, 1.0, times, times])
    node = helper.make_node("Resize", ["low", "", "scales"], ["high"], mode="nearest", nearest_mode="floor",
                            coordinate_transformation_mode="asymmetric")  # fmt: skip
    low, high = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, f"{name}_h", f"{name}_w"])
        for name in ("low", "high")
    )
    graph = helper.make_graph([node], "nearest", [low], [high], [scales])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def repeated(pixels: np.ndarray) -> np.ndarray:
    return pixels.repeat(4, 1).repeat(4, 2)


def test_an_onnx_file_is_a_network(tmp_path):
    assert np.array_equal(open_network(nearest(tmp_path / "x4.onnx"), "cpu", 4)(PIXELS), repeated(PIXELS))


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_a_file_of_an_architecture_that_spandrel_knows_is_a_network(tmp_path, ending):
    torch = pytest.importorskip("torch")
    compact = pytest.importorskip(
        "spandrel.architectures.Compact.__arch.SRVGG", reason="pip install 'lfvideo-sr[spandrel]'"
    )
    torch.manual_seed(0)
    network = compact.SRVGGNetCompact(num_feat=8, num_conv=1, upscale=4).eval()
    path = tmp_path / f"compact.{ending}"
    if ending == "pth":
        torch.save({"params": network.state_dict()}, path)
    else:
        save_file(network.state_dict(), path)
    with torch.inference_mode():
        expected = network(torch.from_numpy(PIXELS)[None])[0].clamp(0, 1).numpy()
    assert np.allclose(open_network(path, "cpu", 4)(PIXELS), expected, atol=1e-6)


class Harmful:
    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_a_pickle_that_runs_a_program_is_refused_and_runs_nothing(tmp_path):
    pytest.importorskip("spandrel", reason="pip install 'lfvideo-sr[spandrel]'")
    path = tmp_path / "bad.pth"
    path.write_bytes(pickle.dumps({"params": Harmful(tmp_path / "was here")}, protocol=2))
    with pytest.raises(InputError, match="cannot be loaded"):
        open_network(path, "cpu", 4)
    assert not (tmp_path / "was here").exists()


def test_other_files_are_refused_with_what_is_taken(tmp_path):
    (tmp_path / "net.bin").write_bytes(b"x")
    (tmp_path / "net.onnx").write_bytes(b"x")
    for name in ("none.pth", "net.bin"):
        with pytest.raises(InputError, match=r"give a \.safetensors or \.pth file"):
            open_network(tmp_path / name, "cpu", 4)
    with pytest.raises(EngineError, match="cannot be loaded"):
        open_network(tmp_path / "net.onnx", "cpu", 4)


def test_a_network_of_another_scale_is_refused_at_its_first_picture(tmp_path, hybrid_clip):
    chosen = choose_engine(EngineOptions("flow_transfer", anchor_model=str(nearest(tmp_path / "x2.onnx", times=2))))
    job = StreamJob(hybrid_clip, chosen.engine, StreamOptions(ref_source="anchor", frames=1))
    with job, pytest.raises(EngineError, match="give one of scale 4"):
        list(job)


def test_anchors_are_the_networks_and_other_frames_the_methods(tmp_path, hybrid_clip):
    chosen = choose_engine(EngineOptions("flow_transfer", anchor_model=str(nearest(tmp_path / "x4.onnx"))))
    assert isinstance(chosen.engine, Anchored) and chosen.name == "numpy"
    with StreamJob(hybrid_clip, chosen.engine, StreamOptions(ref_source="anchor", ref_every=3, frames=7)) as job:
        frames = list(job)
    assert Counter(frame.passed for frame in frames) == {True: 3, False: 4}
    for restored in frames:
        is_anchor = np.array_equal(restored.frame.pixels, repeated(restored.source.pixels))
        assert is_anchor == (restored.frame.index % 3 == 0)


def test_the_command_takes_it_and_refuses_what_contradicts_it(tmp_path, hybrid_clip, run):
    model, output = nearest(tmp_path / "x4.onnx"), tmp_path / "out.mkv"
    done = run("stream", hybrid_clip, "-o", output, "--anchor-model", model, "--method", "flow_transfer", "--frames", 3)
    assert done.code == 0 and "anchor: as asked for" in done.out
    refused = run("stream", hybrid_clip, "-o", tmp_path / "b.mkv", "--anchor-model", model, "--no-refs")
    assert refused.code == 2 and "--no-refs" in refused.err
