"""Exported graphs through ONNX Runtime: equal to torch, and enough to run a stream without it."""

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from command_line import TORCH, report_of, run_without
from small_clips import engine_of, rendered, stamp
from small_grids import MAKERS, rendered_grid

from lfvideo_sr import choose
from lfvideo_sr.choose import EngineOptions, choose_engine, graphs_of, load_learned
from lfvideo_sr.engine import Matched, Precision
from lfvideo_sr.engines import onnx_engine
from lfvideo_sr.engines.cache import graphs_misfit, shipped_folders, shipped_graphs
from lfvideo_sr.engines.export import OPSET, UNWANTED
from lfvideo_sr.engines.graph_engine import padded
from lfvideo_sr.engines.graphs import DESCRIPTION, VERBS, paths, read_about
from lfvideo_sr.engines.onnx_engine import OnnxEngine
from lfvideo_sr.engines.verify import compare
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Frame, Size
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.methods import METHODS
from lfvideo_sr.references.reference import Reference

SIZES = [Size(48, 32), Size(33, 19), Size(70, 66)]
TOLERANCE = 1e-4


@pytest.fixture
def engine(graphs) -> OnnxEngine:
    return OnnxEngine(graphs, "cpu")


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_verb_equals_torchs(engine, size):
    for difference in compare(engine, load_learned("stream_ref"), size):
        assert difference.largest < TOLERANCE, difference
        assert not difference.places


@pytest.mark.parametrize("count", [0, 1, 2])
def test_references_in_any_number_and_of_any_size(engine, count):
    """Slots that stay empty change nothing; each reference has a size of its own."""
    scene = rendered(0, 2, seed=30, size=Size(256, 192))
    frame = Frame(degrade(scene[0][:, :128, :192]), 0, stamp(0))
    sharp = [scene[0][:, 8:136, 4:196], scene[1][:, :100, :230]]
    pictures = []
    for running in (engine, engine_of("stream_ref")):
        matches = []
        for number, pixels in enumerate(sharp[:count]):
            encoded = running.encode(
                Reference((number,), Fraction(0), "test", lambda pixels=pixels: np.ascontiguousarray(pixels))
            )
            matches.append(Matched(encoded, running.match(frame, encoded, None)))
        pictures.append(running.restore(frame, matches))
    assert np.abs(pictures[0] - pictures[1]).max() < TOLERANCE


def test_a_match_starts_from_the_frame_before(engine):
    scene = rendered(0, 2, seed=30)
    encoded = engine.encode(Reference((0,), Fraction(0), "test", lambda: scene[0]))
    first = engine.match(Frame(degrade(scene[0]), 0, stamp(0)), encoded, None)
    before = first.positions.copy()
    cold, warm = (engine.match(Frame(degrade(scene[1]), 1, stamp(1)), encoded, start) for start in (None, first))
    assert np.array_equal(first.positions, before)
    assert not np.array_equal(cold.positions, warm.positions)


def test_features_stay_where_the_graph_left_them_and_are_counted(engine):
    pixels = np.zeros((3, 64, 80), np.float32)
    encoded = engine.encode(Reference((0,), Fraction(0), "test", lambda: pixels))
    assert encoded.nbytes == 4 * 3 * (64 * 80 + 2 * 32 * 40) + 40 * 32  # detail, side, blur, and the seeder's luma


@pytest.mark.parametrize("verb", VERBS)
def test_a_graph_is_one_file_with_the_inputs_that_its_description_says(graphs, verb):
    model = onnx.load(paths(graphs)[verb], load_external_data=False)
    assert not any(tensor.data_location for tensor in model.graph.initializer)
    assert not UNWANTED & {node.op_type for node in model.graph.node}
    assert max(imported.version for imported in model.opset_import if not imported.domain) == OPSET
    shapes = read_about(graphs).shapes(verb, Size(33, 19), Size(128, 96))
    assert {argument.name: len(argument.type.tensor_type.shape.dim) for argument in model.graph.input} == {
        name: len(shape) for name, shape in shapes.items()
    }
    assert shapes.get("frame", (1, 3, 19, 33)) == (1, 3, 19, 33)
    assert shapes.get("reference", (1, 3, 96, 128)) == (1, 3, 96, 128)


def test_a_description_says_all_of_the_method(graphs):
    about, info = read_about(graphs), load_learned("stream_ref").info
    assert about.info == info and info.guided and info.own_frame and info.recurrent
    assert (about.precision, about.field_stride, about.warm) == (Precision.FP32, 2, False)


@pytest.mark.parametrize("missing", ["guided", "own_frame", "worthless_below", "field_stride", "layout"])
def test_a_description_that_leaves_something_out_is_refused(own_cache, missing):
    """A default in its place would change how the method runs, and nobody would know."""
    path = own_cache / DESCRIPTION
    stored = json.loads(path.read_text())
    stored["about"].pop(missing, None)
    stored["about"]["info"].pop(missing, None)
    path.write_text(json.dumps(stored))
    with pytest.raises(EngineError, match=f"does not say {missing}.; build them again"):
        OnnxEngine(own_cache, "cpu")
    assert f"does not say {missing}" in graphs_misfit(own_cache, "weights", Precision.FP32)


def test_graphs_that_are_damaged_or_mixed_are_not_used(own_cache, run):
    about, match = read_about(own_cache), paths(own_cache)["match"]
    content = match.read_bytes()
    for spoilt in (content[:-1], content[:5000], b"", paths(own_cache)["encode"].read_bytes()):
        match.write_bytes(spoilt)
        assert graphs_misfit(own_cache, about.weights, about.precision) == "match.onnx is damaged"
    assert "stale: match.onnx is damaged" in run("engine", "list").out
    match.write_bytes(content)
    assert graphs_misfit(own_cache, about.weights, about.precision) is None
    (own_cache / DESCRIPTION).unlink()
    assert graphs_misfit(own_cache, about.weights, about.precision) == f"{DESCRIPTION} is missing"
    assert "not usable (no graphs in" in run("engine", "list").out


def without_torch(*arguments: object) -> subprocess.CompletedProcess:
    """Nor what builds graphs and plans."""
    return run_without((*TORCH, "tensorrt_rtx", "onnx", "onnxscript"), *arguments)


@pytest.mark.parametrize(("engine", "why"), [("onnx", "asked for"), ("auto", "torch is not installed")])
def test_a_stream_runs_without_torch(cache, hybrid_clip, tmp_path, engine, why):
    output = tmp_path / "out.mkv"
    done = without_torch("stream", hybrid_clip, "-o", output, "--engine", engine, "--codec", "ffv1", "--frames", 2)
    assert done.returncode == 0, done.stderr
    assert f"engine      onnx: {why}" in done.stdout
    report = report_of(output)
    assert (report["frames"], report["engine"], report["device"], report["dtype"]) == (2, "onnx", "cpu", "fp32")


def test_a_light_field_is_guided_without_torch_as_with_it(cache, tmp_path, run):
    """Nine views, of which three are searched, and so many fields predicted."""
    grid = Path(MAKERS["hci2016"](tmp_path, rendered_grid(3, 3, Size(96, 64))).path)
    reports = []
    for name, command in (("torch", run), ("onnx", without_torch)):
        output = tmp_path / f"{name}.h5"
        command("lightfield", grid, "-o", output, "--simulate", "--ref-view", "0,0", "--dtype", "fp32")
        reports.append(report_of(output))
    assert [report["engine"] for report in reports] == ["torch", "onnx"]
    assert reports[0]["matching"] == reports[1]["matching"] == {"guided": 8, "searched": 3}
    assert reports[0]["metrics"]["psnr_y"]["mean"] == pytest.approx(reports[1]["metrics"]["psnr_y"]["mean"], abs=1e-2)


def test_nothing_need_be_built_for_the_shipped_weights(hybrid_clip, tmp_path, monkeypatch):
    monkeypatch.setenv("LFVIDEO_CACHE", str(tmp_path / "empty"))
    output = tmp_path / "out.mkv"
    done = without_torch("stream", hybrid_clip, "-o", output, "--codec", "ffv1", "--frames", 2)
    assert done.returncode == 0 and "engine      onnx: torch is not installed" in done.stdout, done.stderr
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize("quality", METHODS["stream_ref"].qualities)
def test_shipped_graphs_are_those_of_this_version(quality):
    """After a change of version, weights or layout: lfvideo-sr engine build stream_ref --engine onnx --fresh -o
    lfvideo_sr/weights/graphs, for each of its weights, and delete the folders that were there."""
    precision, folder, weights = graphs_of(EngineOptions(dtype="fp32", quality=quality).settled())
    shipped = shipped_graphs(folder)
    assert len(shipped_folders()) == len(METHODS["stream_ref"].qualities) and shipped in shipped_folders()
    assert graphs_misfit(shipped, weights, precision) is None
    assert sum(path.stat().st_size for path in shipped.iterdir()) < 3e6
    assert {path.name for path in shipped.iterdir()} == {DESCRIPTION, *(path.name for path in paths(shipped).values())}
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
        outcome = run(
            "stream", hybrid_clip, "-o", output, "--engine", engine, "--dtype", "fp32", "--codec", "ffv1", "--frames", 4
        )
        assert outcome.code == 0, outcome.err
        assert f"engine      {engine}: asked for" in outcome.out
        frames.append([frame.pixels for frame in VideoSource(output)])
    assert all(np.abs(frame - other).max() <= 1 / 255 + 1e-6 for frame, other in zip(*frames, strict=True))


def test_auto_takes_torch_and_says_why(no_gpu, cache, monkeypatch):
    for gpu, why in ((True, "no TensorRT plan is built"), (False, "no NVIDIA GPU is here")):
        monkeypatch.setattr("lfvideo_sr.choose.may_have_gpu", lambda gpu=gpu: gpu)
        chosen = choose_engine(EngineOptions(device="cpu"))
        assert (chosen.name, chosen.why) == ("torch", why)


SMALL, LARGE = Size(96, 64), Size(1024, 1024)


@pytest.mark.parametrize(
    ("options", "size", "name"),
    [
        ({}, SMALL, "onnx"),
        ({"device": "cpu", "dtype": "fp32", "quality": "fast"}, SMALL, "onnx"),
        ({}, LARGE, "torch"),
        ({"dtype": "bf16", "device": "cpu"}, SMALL, "torch"),
        ({"engine": "torch"}, SMALL, "torch"),
        ({"method": "c2_matching"}, SMALL, "torch"),
    ],
)
def test_one_picture_is_restored_by_graphs_while_torch_is_not_loaded(options, size, name, no_gpu, monkeypatch):
    assert choose_engine(EngineOptions(**options), size, one_picture=True).name == "torch"  # loaded here
    monkeypatch.setattr(choose, "is_loaded", lambda: False)
    assert choose_engine(EngineOptions(**options), size, one_picture=True).name == name
    assert choose_engine(EngineOptions(**options), size).name == "torch"


def test_a_machine_that_may_have_a_gpu_restores_one_picture_by_torch(monkeypatch):
    monkeypatch.setattr(choose, "is_loaded", lambda: False)
    monkeypatch.setattr(choose, "may_have_gpu", lambda: True)
    assert choose_engine(EngineOptions(), SMALL, one_picture=True).name == "torch"


def test_what_onnx_runtime_cannot_do_is_told(run, cache, hybrid_clip, tmp_path):
    for arguments, reason in {
        ("--dtype", "bf16"): "computes no bf16 on a CPU",
        ("--dtype", "fp16"): r"no ONNX graphs of stream_ref in fp16 (not built)",
        ("--dtype", "fp8"): "no dtype 'fp8'",
        ("--device", "tpu"): "device 'tpu' is not known",
    }.items():
        outcome = run("stream", hybrid_clip, "-o", tmp_path / "out.mkv", "--engine", "onnx", *arguments)
        assert outcome.code == 4 and reason in outcome.line
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


def test_padding_repeats_the_edge():
    pixels = np.arange(18, dtype=np.float32).reshape(3, 2, 3)
    result = padded(pixels, 4)
    assert result.shape == (1, 3, 4, 4)
    assert np.array_equal(result[0, :, :2, :3], pixels) and np.array_equal(result[0, :, 3, 3], pixels[:, 1, 2])
