"""Exported graphs through ONNX Runtime: equal to torch, and enough to run a stream without it."""

import subprocess
from fractions import Fraction

import numpy as np
import onnx
import onnxruntime
import pytest
from command_line import TORCH, report_of, run_without
from small_clips import engine_of, rendered, stamp

from lfvideo_sr.choose import EngineOptions, choose_engine, graphs_of, load_learned
from lfvideo_sr.engine import Matched, Precision
from lfvideo_sr.engines import onnx_engine
from lfvideo_sr.engines.cache import graphs_misfit, shipped_folders, shipped_graphs
from lfvideo_sr.engines.export import OPSET, UNWANTED
from lfvideo_sr.engines.graph_engine import extended, padded
from lfvideo_sr.engines.graphs import KEY, VERBS, About, paths
from lfvideo_sr.engines.onnx_engine import OnnxEngine, read_about
from lfvideo_sr.engines.verify import compare
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Frame, Size
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.references.reference import Reference

SIZES = [Size(48, 32), Size(33, 19), Size(70, 66)]
TOLERANCE = 1e-4


@pytest.fixture
def engine(graphs) -> OnnxEngine:
    return OnnxEngine(graphs, "cpu")


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_verb_equals_torchs(engine, size):
    for one in compare(engine, load_learned("stream_ref"), size):
        assert one.largest < TOLERANCE, one
        assert not one.places


@pytest.mark.parametrize("count", [0, 1, 2])
def test_references_in_any_number_and_of_any_size(engine, count):
    """Slots that stay empty change nothing; each reference has a size of its own."""
    scene = rendered(0, 2, seed=30, size=Size(256, 192))
    frame = Frame(degrade(scene[0][:, :128, :192]), 0, stamp(0))
    sharp = [scene[0][:, 8:136, 4:196], scene[1][:, :100, :230]]
    pictures = []
    for one in (engine, engine_of("stream_ref")):
        matches = []
        for number, pixels in enumerate(sharp[:count]):
            encoded = one.encode(
                Reference((number,), Fraction(0), "test", lambda pixels=pixels: np.ascontiguousarray(pixels))
            )
            matches.append(Matched(encoded, one.match(frame, encoded, None)))
        pictures.append(one.restore(frame, matches))
    assert np.abs(pictures[0] - pictures[1]).max() < TOLERANCE


def test_a_match_starts_from_the_frame_before(engine):
    scene = rendered(0, 2, seed=30)
    encoded = engine.encode(Reference((0,), Fraction(0), "test", lambda: scene[0]))
    first = engine.match(Frame(degrade(scene[0]), 0, stamp(0)), encoded, None)
    given = first.positions.copy()
    cold, warm = (engine.match(Frame(degrade(scene[1]), 1, stamp(1)), encoded, start) for start in (None, first))
    assert np.array_equal(first.positions, given)
    assert not np.array_equal(cold.positions, warm.positions)


def test_features_stay_where_the_graph_left_them_and_are_counted(engine):
    pixels = np.zeros((3, 64, 80), np.float32)
    encoded = engine.encode(Reference((0,), Fraction(0), "test", lambda: pixels))
    assert encoded.nbytes == 4 * 3 * (64 * 80 + 2 * 32 * 40) + 40 * 32  # detail, side, blur, and the seeder's luma


@pytest.mark.parametrize("verb", VERBS)
def test_a_graph_is_one_file_that_says_what_it_is(graphs, verb):
    path = paths(graphs)[verb]
    model = onnx.load(path, load_external_data=False)
    assert not any(one.data_location for one in model.graph.initializer)
    assert not UNWANTED & {node.op_type for node in model.graph.node}
    assert max(one.version for one in model.opset_import if not one.domain) == OPSET
    about = read_about(path)
    assert about == About.of_text(
        {metadata_prop.key: metadata_prop.value for metadata_prop in model.metadata_props}[KEY]
    )
    assert (about.verb, about.info.name, about.info.scale, about.precision) == (verb, "stream_ref", 4, Precision.FP32)
    shapes = about.shapes(Size(33, 19), Size(128, 96))
    assert {one.name: len(one.type.tensor_type.shape.dim) for one in model.graph.input} == {
        name: len(shape) for name, shape in shapes.items()
    }
    assert shapes.get("frame", (1, 3, 19, 33)) == (1, 3, 19, 33)
    assert shapes.get("reference", (1, 3, 96, 128)) == (1, 3, 96, 128)


def without_torch(*arguments: object) -> subprocess.CompletedProcess:
    """Nor what builds graphs and plans."""
    return run_without((*TORCH, "tensorrt_rtx", "onnx", "onnxscript"), *arguments)


@pytest.mark.parametrize(("engine", "why"), [("onnx", "asked for"), ("auto", "torch is not installed")])
def test_a_stream_runs_without_torch(cache, hybrid_clip, tmp_path, engine, why):
    output = tmp_path / "out.mkv"
    done = without_torch("stream", hybrid_clip, "-o", output, "--engine", engine, "--codec", "ffv1", "--frames", 5)
    assert done.returncode == 0, done.stderr
    assert f"engine      onnx: {why}" in done.stdout
    report = report_of(output)
    assert (report["frames"], report["engine"], report["device"], report["dtype"]) == (5, "onnx", "cpu", "fp32")


def test_nothing_need_be_built_for_the_shipped_weights(hybrid_clip, tmp_path, monkeypatch):
    monkeypatch.setenv("LFVIDEO_CACHE", str(tmp_path / "empty"))
    output = tmp_path / "out.mkv"
    done = without_torch("stream", hybrid_clip, "-o", output, "--codec", "ffv1", "--frames", 2)
    assert done.returncode == 0 and "engine      onnx: torch is not installed" in done.stdout, done.stderr
    assert not (tmp_path / "empty").exists()


def test_shipped_graphs_are_those_of_this_version():
    """After a change of version, weights or layout: lfvideo-sr engine build stream_ref --engine onnx --fresh -o
    lfvideo_sr/weights/graphs, and delete the folder that was there."""
    precision, folder, weights = graphs_of(EngineOptions(dtype="fp32"))
    (shipped,) = shipped_folders()
    assert shipped == shipped_graphs(folder) and graphs_misfit(shipped, weights, precision) is None
    assert sum(one.stat().st_size for one in shipped.iterdir()) < 3e6
    for path in shipped.iterdir():
        assert b'File "' not in path.read_bytes()  # nothing of the machine that exported them


def test_without_torch_and_graphs_the_line_says_how_to_get_either(hybrid_clip, tmp_path, monkeypatch):
    monkeypatch.setenv("LFVIDEO_CACHE", str(tmp_path / "empty"))
    done = without_torch("stream", hybrid_clip, "-o", tmp_path / "out.mkv", "--dtype", "fp16")
    assert done.returncode == 4 and "torch" in done.stderr and "engine build" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_stream_gives_what_torch_gives(run, cache, hybrid_clip, tmp_path):
    from lfvideo_sr.media.video import VideoSource

    frames = []
    for engine in ("torch", "onnx"):
        output = tmp_path / f"{engine}.mkv"
        said = run(
            "stream", hybrid_clip, "-o", output, "--engine", engine, "--dtype", "fp32", "--codec", "ffv1", "--frames", 4
        )
        assert said.code == 0, said.err
        assert f"engine      {engine}: asked for" in said.out
        frames.append([frame.pixels for frame in VideoSource(output)])
    assert all(np.abs(one - other).max() <= 1 / 255 + 1e-6 for one, other in zip(*frames, strict=True))


def test_auto_takes_torch_and_says_why(no_gpu, cache):
    chosen = choose_engine(EngineOptions(device="cpu"))
    assert (chosen.name, chosen.why) == ("torch", "no TensorRT plan is built")


def test_what_onnx_runtime_cannot_do_is_told(run, cache, hybrid_clip, tmp_path):
    for arguments, said in {
        ("--dtype", "bf16"): "computes no bf16 on a CPU",
        ("--dtype", "fp16"): r"no ONNX graphs of stream_ref in fp16 (not built)",
        ("--dtype", "fp8"): "no dtype 'fp8'",
        ("--device", "tpu"): "device 'tpu' is not known",
    }.items():
        got = run("stream", hybrid_clip, "-o", tmp_path / "out.mkv", "--engine", "onnx", *arguments)
        assert got.code == 4 and said in got.line
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def built_for_cuda(monkeypatch) -> None:
    """As on a machine without a GPU."""
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
    monkeypatch.setattr(onnx_engine, "_no_cuda", onnx_engine._no_cuda.__wrapped__)  # which remembers nothing


def test_a_runtime_for_cuda_without_a_gpu_takes_the_cpu(built_for_cuda, graphs, run, hybrid_clip, tmp_path):
    """Which it would do by itself, and then not find the memory its graphs are bound to."""
    with OnnxEngine(graphs, "auto") as engine:
        assert engine.device == "cpu"
        engine.encode(Reference((0,), Fraction(0), "test", lambda: np.zeros((3, 64, 64), np.float32)))
    got = run("stream", hybrid_clip, "-o", tmp_path / "out.mkv", "--engine", "onnx", "--device", "cuda:1")
    assert got.code == 4 and "cannot use device 'cuda:1' (" in got.line and "--device cpu" in got.line


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_session_that_leaves_the_gpu_aside_is_told(built_for_cuda, graphs, monkeypatch):
    monkeypatch.setattr(onnx_engine, "_no_cuda", lambda number: None)
    with pytest.raises(EngineError, match=r"runs encode.onnx on no GPU"):
        OnnxEngine(graphs, "cuda")


def test_an_engine_for_a_classical_method_is_a_mistake(run, hybrid_clip):
    got = run("stream", hybrid_clip, "--method", "bicubic", "--engine", "onnx")
    assert got.code == 2 and "classical" in got.line


def test_graphs_of_two_kinds_do_not_run_together(graphs):
    from dataclasses import replace

    class Other:
        def __init__(self, about):
            self.about = about

    from lfvideo_sr.engines.graph_engine import GraphEngine

    about = read_about(paths(graphs)["encode"])
    mixed = {verb: Other(about) for verb in VERBS} | {"match": Other(replace(about, weights="others"))}
    with pytest.raises(EngineError, match="not of one method"):
        GraphEngine(mixed, "cpu")


def test_padding_repeats_the_edge():
    pixels = np.arange(18, dtype=np.float32).reshape(3, 2, 3)
    found = padded(pixels, 4)
    assert found.shape == (1, 3, 4, 4)
    assert np.array_equal(found[0, :, :2, :3], pixels) and np.array_equal(found[0, :, 3, 3], pixels[:, 1, 2])


def test_a_field_is_continued_as_torch_engine_continues_it():
    import torch

    from lfvideo_sr.engines.torch_engine import _extended

    field = np.random.default_rng(0).random((3, 4, 2), np.float32)
    ours = extended(field, below=2, right=3, step=2.0)
    assert ours.shape == (5, 7, 2)
    assert np.allclose(ours, _extended(torch.from_numpy(field)[None], right=3, below=2, step=2.0)[0].numpy())
    assert np.allclose(ours[-1] - ours[2], [0, 4]) and np.allclose(ours[:, -1] - ours[:, 3], [6, 0])
