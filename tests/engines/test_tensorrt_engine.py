"""The TensorRT engine's own logic, on a stand-in for the runtime; and the real thing where there is a GPU."""

import weakref
from dataclasses import replace
from fractions import Fraction

import fake_tensorrt
import numpy as np
import pytest
from fake_plans import SHAPES, Fake, plans
from small_clips import engine_of, rendered, stamp

from lfvideo_sr.checks import is_installed
from lfvideo_sr.engine import Matched, Precision
from lfvideo_sr.engines import device_buffers
from lfvideo_sr.engines.graphs import paths, read_about
from lfvideo_sr.engines.plans import Library, Shapes, build_plan
from lfvideo_sr.engines.tensorrt_engine import TensorRTEngine
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Frame, Size
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.references.reference import Reference


@pytest.fixture
def engine(graphs, buffers) -> TensorRTEngine:
    return TensorRTEngine(plans(graphs), Library(fake_tensorrt), buffers)


@pytest.fixture(scope="module")
def scene() -> list[np.ndarray]:
    return rendered(0, 3, seed=30)


def frame_of(pixels: np.ndarray) -> Frame:
    return Frame(degrade(pixels), 0, stamp(0))


def reference(pixels: np.ndarray, number: int = 0) -> Reference:
    return Reference((number,), Fraction(0), "test", lambda: pixels)


def test_it_computes_what_torch_computes(engine, scene):
    pictures = []
    for running in (engine, engine_of("stream_ref")):
        encoded = running.encode(reference(scene[0]))
        matched = Matched(encoded, running.match(frame_of(scene[1]), encoded, None))
        pictures.append(running.restore(frame_of(scene[1]), [matched]))
    assert np.abs(pictures[0] - pictures[1]).max() < 1e-4
    assert engine.device == "cuda:0" and engine.precision is Precision.FP32


def test_features_of_a_reference_are_not_uploaded_again(engine, buffers, scene):
    encoded = engine.encode(reference(scene[0]))
    assert buffers.uploads == 3  # the reference, its low-resolution side, the camera's taps
    matched = Matched(encoded, engine.match(frame_of(scene[1]), encoded, None))
    assert buffers.uploads == 3 + 2  # frame and seed
    engine.restore(frame_of(scene[1]), [matched, matched])
    assert buffers.uploads == 5 + 1 + 2 * 2 + 4  # frame, positions and relevance of both, the last picture's slot


def test_buffers_live_as_long_as_the_features_need(engine, scene):
    """What an encoded reference holds is still right after others were encoded and frames were restored."""
    first = engine.encode(reference(scene[0]))
    kept = first.features["detail"].numpy()
    second = engine.encode(reference(scene[2], 1))
    engine.restore(frame_of(scene[1]), [Matched(second, engine.match(frame_of(scene[1]), second, None))])
    assert np.array_equal(first.features["detail"].numpy(), kept)


def restored(engine, scene, sizes) -> list[np.ndarray]:
    """Frames of these sizes beside two references, the second of which comes in the middle."""
    encoded, pictures = [engine.encode(reference(scene[0][:, :96, :96]))], []
    for number, size in enumerate(sizes):
        if number == len(sizes) // 2:
            encoded.append(engine.encode(reference(scene[2][:, :96, :96], 1)))
        frame = frame_of(scene[1][:, : 4 * size, : 4 * size] * (1 - number / 20))
        matches = [Matched(features, engine.match(frame, features, None)) for features in encoded]
        pictures.append(engine.restore(frame, matches))
    return pictures


@pytest.mark.parametrize("sizes", [(20,) * 6, (20, 20, 24, 24, 24, 20)], ids=["one size", "several"])
def test_work_that_repeats_is_recorded_and_stays_the_same(graphs, buffers, scene, sizes):
    plain = fake_tensorrt.HostBuffers(records=False)
    pictures = [
        restored(TensorRTEngine(plans(graphs), Library(fake_tensorrt), owner), scene, sizes)
        for owner in (buffers, plain)
    ]
    assert all(np.array_equal(picture, other) for picture, other in zip(*pictures, strict=True))
    assert buffers.replays and not plain.replays
    assert plain.recordings == 2, "what cannot be recorded is tried once, of match and of restore"
    if len(set(sizes)) == 1:  # match with each reference, and restore with one and with both; once plain, then replayed
        assert (buffers.recordings, buffers.replays) == (4, (5 + 2) + (2 + 2))


def test_frames_of_one_size_need_no_new_memory(engine, buffers, scene):
    restored(engine, scene, (20,) * 2)
    before = buffers.allocated
    restored(engine, scene, (20,) * 4)
    assert buffers.allocated - before == 2 * 3, "features of two references"


@pytest.mark.parametrize("size", [Size(65, 32), Size(12, 40)], ids=str)
def test_a_size_outside_the_plan_is_told_before_tensorrt_meets_it(engine, size):
    frame = Frame(np.zeros((3, size.height, size.width), np.float32), 0, stamp(0))
    with pytest.raises(EngineError, match="--engine torch") as error:
        engine.restore(frame, [])
    assert "frame is" in str(error.value) and "\n" not in str(error.value)


def test_a_plan_the_runtime_refuses(graphs, buffers):
    spoilt = {verb: replace(plan, content=b"?") for verb, plan in plans(graphs).items()}
    with pytest.raises(
        EngineError, match=r"plan of encode is refused by fake-1 \(Serial.* failed, magic tag .*\); build it again$"
    ):
        TensorRTEngine(spoilt, Library(fake_tensorrt), buffers)


def test_an_engine_that_finds_no_room(graphs, buffers, monkeypatch):
    monkeypatch.setattr(fake_tensorrt.Engine, "create_execution_context", lambda self: None)
    with pytest.raises(EngineError, match="encode finds no room on the GPU"):
        TensorRTEngine(plans(graphs), Library(fake_tensorrt), buffers)


def test_a_runtime_that_does_not_start(graphs, buffers, monkeypatch):
    def runtime(logger):
        logger.log(fake_tensorrt.ILogger.ERROR, "CUDA initialization failure with error: 35")
        raise TypeError("pybind11::init(): factory function returned nullptr")

    monkeypatch.setattr(fake_tensorrt, "Runtime", runtime)
    with pytest.raises(EngineError, match=r"^fake-1 does not start \(CUDA initialization .* 35\); pass --engine torch"):
        TensorRTEngine(plans(graphs), Fake(fake_tensorrt), buffers)


def test_a_size_that_tensorrt_does_not_take_after_all(engine, monkeypatch):
    monkeypatch.setattr(fake_tensorrt.Context, "set_input_shape", lambda self, name, shape: False)
    with pytest.raises(EngineError, match=r"TensorRT takes no reference of \[1, 3, 64, 64\]"):
        engine.encode(reference(np.zeros((3, 64, 64), np.float32)))


def test_what_tensorrt_does_not_let_be_recorded_runs_as_it_is(graphs, buffers, scene, monkeypatch):
    monkeypatch.setattr(fake_tensorrt.Context, "is_stream_capturable", lambda self, stream: False)
    restored(TensorRTEngine(plans(graphs), Library(fake_tensorrt), buffers), scene, (20,) * 4)
    assert buffers.recordings == 0


def test_an_engine_that_is_left_leaves_no_memory(graphs, buffers, scene):
    with TensorRTEngine(plans(graphs), Library(fake_tensorrt), buffers) as engine:
        encoded = engine.encode(reference(scene[0]))
        engine.restore(frame_of(scene[1]), [])
        memory = [weakref.ref(buffer) for graph in engine._graphs.values() for buffer in graph._results.values()]
        assert all(buffer() is not None for buffer in memory)
    del encoded
    assert memory and all(buffer() is None for buffer in memory)


def test_plans_of_two_kinds_do_not_run_together(graphs, buffers):
    for change in ({"shapes": Shapes.of_text("16x16")}, {"about": replace(read_about(graphs), weights="others")}):
        mixed = plans(graphs)
        mixed["match"] = replace(mixed["match"], **change)
        with pytest.raises(EngineError, match="not of one method"):
            TensorRTEngine(mixed, Library(fake_tensorrt), buffers)


def test_the_nearest_size_is_one_that_the_plan_takes(engine):
    assert engine.nearest_size(Size(48, 20)) == Size(48, 20)
    for size in (Size(160, 96), Size(8, 8), Size(8, 96)):
        nearest = engine.nearest_size(size)
        assert nearest != size and SHAPES.hold(nearest)
        engine.restore(Frame(np.zeros((3, nearest.height, nearest.width), np.float32), 0, stamp(0)), [])


@pytest.mark.gpu
def test_a_real_plan_computes_what_torch_computes(gpu, own_cache, scene):
    import torch

    from lfvideo_sr.engines.plans import find_plans, tensorrt_library

    if not any(map(is_installed, ("tensorrt", "tensorrt_rtx"))):
        pytest.skip("needs TensorRT; pip install tensorrt")
    trt, buffers = tensorrt_library(), device_buffers.device_buffers()
    capability = torch.cuda.get_device_capability()
    if "rtx" in trt.builder and capability < (12, 0) and capability not in [(7, 5), (8, 6), (8, 9)]:
        pytest.skip(f"TensorRT-RTX is not for a GPU of compute capability {capability}; pip install tensorrt")
    for path in paths(own_cache).values():
        build_plan(path, read_about(own_cache), SHAPES, trt, buffers.gpu)
    weights = read_about(own_cache).weights
    engine = TensorRTEngine(find_plans(own_cache, weights, Precision.FP32, trt.builder, buffers.gpu), trt, buffers)
    encoded = engine.encode(reference(scene[0]))
    matched = Matched(encoded, engine.match(frame_of(scene[1]), encoded, None))
    picture = engine.restore(frame_of(scene[1]), [matched])
    plain = engine_of("stream_ref")
    encoded = plain.encode(reference(scene[0]))
    expected = plain.restore(frame_of(scene[1]), [Matched(encoded, plain.match(frame_of(scene[1]), encoded, None))])
    assert np.abs(picture - expected).max() < 5e-3  # TF32 convolutions
