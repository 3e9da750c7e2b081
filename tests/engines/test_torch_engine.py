"""The torch engine: what it takes, beside what every engine does (tests/test_contracts.py)."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from small_clips import rendered
from small_networks import small_network

from lfvideo_sr.choose import load_learned, make_engine
from lfvideo_sr.commands import info
from lfvideo_sr.engine import Last, Matched, Precision
from lfvideo_sr.engines.resident import cast_layers
from lfvideo_sr.engines.torch_engine import TorchEngine, pick_precision
from lfvideo_sr.frames import DeviceFrame, Frame, Size, TimeStamp, on_host
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.references.reference import Reference


def test_a_frame_that_lies_on_a_device_is_restored_as_it_is_and_never_fetched():
    engine = TorchEngine(load_learned("stream_ref"), "cpu", "fp32")
    engine.resident.seeds_here = True  # the host's seeder would have to look at it
    rng = np.random.default_rng(0)
    low, sharp = rng.random((3, 24, 32), np.float32), rng.random((3, 96, 128), np.float32)
    encoded = engine.encode(Reference(("one",), Fraction(0), "one", lambda: sharp))
    stamp, restored = TimeStamp(0, Fraction(1)), []
    there = DeviceFrame(torch.from_numpy(low), 0, stamp)
    for frame in (Frame(low, 0, stamp), there):
        restored.append(engine.restore(frame, [Matched(encoded, engine.match(frame, encoded, None))]))
    assert "pixels" not in vars(there)
    np.testing.assert_array_equal(*restored)


def test_a_reference_that_was_restored_on_a_device_is_encoded_where_it_lies():
    engine = TorchEngine(load_learned("stream_ref"), "cpu", "fp32")
    engine.resident.seeds_here = False
    low, sharp = (np.random.default_rng(0).random((3, *sides), np.float32) for sides in ((24, 32), (96, 128)))
    there = Frame(low, 0, TimeStamp(0, Fraction(1))).with_picture(torch.from_numpy(sharp))
    restored = Reference(("one",), Fraction(0), "one", lambda: there.picture, generated=True)
    encoded = engine.encode(restored)
    assert "pixels" not in vars(there) and encoded.size == there.size
    expected = engine.encode(Reference(("one",), Fraction(0), "one", lambda: sharp)).features
    assert all(np.array_equal(encoded.features[name], feature) for name, feature in expected.items())


def test_on_a_cpu_a_restored_frame_is_an_ordinary_one():
    engine = TorchEngine(load_learned("stream_ref"), "cpu", "fp32")
    frame = Frame(np.random.default_rng(0).random((3, 24, 32), np.float32), 3, TimeStamp(7, Fraction(1)), True)
    restored = engine.restore_frame(frame, [])
    assert type(restored) is Frame and np.array_equal(restored.pixels, engine.restore(frame, []))
    assert (restored.index, restored.stamp, restored.cut, restored.size) == (3, frame.stamp, True, frame.size.scaled(4))


def test_a_large_frame_is_restored_in_strips_as_it_is_whole(monkeypatch):
    """With references and what was restored last, which moves by several rows."""
    engine = TorchEngine(load_learned("stream_ref"), "cpu", "fp32")
    whole = rendered(0, 1, seed=3, size=Size(96, 320))[0]
    sharp = [np.ascontiguousarray(whole[:, top : top + 288]) for top in (0, 16, 32)]
    frames = [Frame(degrade(pixels), number, TimeStamp(number, Fraction(1))) for number, pixels in enumerate(sharp)]
    encoded = engine.encode(Reference(("one",), Fraction(0), "one", lambda: sharp[2]))
    matches = [Matched(encoded, engine.match(frames[1], encoded, None))]
    last = Last(frames[0], frames[0].with_pixels(sharp[0]))
    expected = engine.restore(frames[1], matches, last)
    sizes, restore = [], engine.resident.restore

    def noting(frame, matches, before):
        sizes.append((frame.shape[2], before.features["frame"].shape[2]))
        return restore(frame, matches, before)

    monkeypatch.setattr(engine.resident, "restore", noting)
    monkeypatch.setattr("lfvideo_sr.engines.torch_engine._PLACES", 24 * 16)
    assert np.abs(engine.restore(frames[1], matches, last) - expected).max() < 1e-5
    assert len(sizes) == 5 and min(min(pair) for pair in sizes) < 72


@pytest.mark.parametrize("weights", ["stream_ref", "stream_ref_fast"], ids=["places of two", "places of four"])
def test_a_large_frame_is_matched_in_strips_as_it_is_whole(monkeypatch, weights):
    engine = make_engine(weights=weights, device="cpu", engine="torch", dtype="fp32")
    whole = rendered(0, 1, seed=3, size=Size(96, 320))[0]
    frame = Frame(degrade(np.ascontiguousarray(whole[:, 16:304])), 0, TimeStamp(0, Fraction(1)))
    encoded = engine.encode(Reference(("one",), Fraction(0), "one", lambda: np.ascontiguousarray(whole[:, :288])))
    expected = engine.match(frame, encoded, None)
    rows, match = [], engine.resident.match

    def noting(picture, *arguments):
        rows.append(picture.shape[2])
        return match(picture, *arguments)

    monkeypatch.setattr(engine.resident, "match", noting)
    monkeypatch.setattr("lfvideo_sr.engines.torch_engine._PLACES", 24 * 16)
    field = engine.match(frame, encoded, None)
    assert len(rows) == 5 and max(rows) < 72
    assert np.abs(on_host(field.positions) - on_host(expected.positions)).max() < 1e-3
    assert np.abs(on_host(field.relevance) - on_host(expected.relevance)).max() < 1e-4


def test_a_frame_is_brought_there_once_to_be_matched_and_restored(monkeypatch):
    engine = TorchEngine(load_learned("stream_ref"), "cpu", "fp32")
    low, sharp = (np.random.default_rng(0).random((3, *sides), np.float32) for sides in ((24, 32), (96, 128)))
    encoded = engine.encode(Reference(("one",), Fraction(0), "one", lambda: sharp))
    brought, bring = [], engine._tensor
    monkeypatch.setattr(engine, "_tensor", lambda pixels: brought.append(pixels) or bring(pixels))
    frames = [Frame(pixels, 0, TimeStamp(0, Fraction(1))) for pixels in (low, low[:, ::-1].copy())]
    pictures = [engine.restore(frame, [Matched(encoded, engine.match(frame, encoded, None))]) for frame in frames]
    assert [pixels is frame.pixels for pixels, frame in zip(brought, frames, strict=True)] == [True, True]
    assert np.abs(pictures[0] - pictures[1]).max() > 0.1


@pytest.mark.gpu
def test_on_a_gpu_it_stays_there_and_is_fetched_once(gpu):
    engine = TorchEngine(load_learned("stream_ref"), "cuda", "fp32")
    frame = Frame(np.random.default_rng(0).random((3, 24, 32), np.float32), 3, TimeStamp(7, Fraction(1)), True)
    restored = engine.restore_frame(frame, [])
    assert isinstance(restored, DeviceFrame) and restored.tensor.is_cuda and "pixels" not in vars(restored)
    assert np.array_equal(restored.pixels, restored.tensor.cpu().numpy()) and restored.pixels is restored.pixels
    assert restored.pixels.flags.c_contiguous and restored.pixels.dtype == np.float32
    assert np.abs(restored.pixels - engine.restore(frame, [])).max() < 1e-3


@pytest.mark.parametrize(("capability", "precision"), [((7, 5), Precision.FP16), ((8, 0), Precision.BF16)])
def test_a_gpu_that_only_emulates_bf16_computes_in_fp16(monkeypatch, capability, precision):
    """And `info` says so."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert pick_precision("auto", torch.device("cuda")) is precision
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "a GPU")
    device = info._devices()["cuda:0"]
    emulated = ["bf16"] if precision is Precision.FP16 else []
    assert device["default"] == precision.value and device["emulated"] == emulated


def test_layers_that_a_search_shares_with_the_restorer_stay_in_float32():
    """E2ENT2's features are searched by and fused; all else of its restorer is cast once."""
    network = small_network("e2ent2")
    cast_layers(network.restorer, torch.float16, (network.encoder, network.matcher))
    dtypes = {name: parameter.dtype for name, parameter in network.named_parameters() if parameter.ndim == 4}
    assert {dtype for name, dtype in dtypes.items() if name.startswith("phi.")} == {torch.float32}
    assert {dtype for name, dtype in dtypes.items() if not name.startswith("phi.")} == {torch.float16}
