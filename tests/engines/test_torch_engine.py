"""The torch engine: what it takes, beside what every engine does (tests/test_contracts.py)."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from lfvideo_sr.choose import load_learned
from lfvideo_sr.commands import info
from lfvideo_sr.engine import Matched, Precision
from lfvideo_sr.engines.torch_engine import TorchEngine, pick_precision
from lfvideo_sr.frames import DeviceFrame, Frame, TimeStamp
from lfvideo_sr.references import Reference


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


@pytest.mark.parametrize(("capability", "precision"), [((7, 5), Precision.FP16), ((8, 0), Precision.BF16)])
def test_a_gpu_that_only_emulates_bf16_computes_in_fp16(monkeypatch, capability, precision):
    """And `info` says so."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert pick_precision("auto", torch.device("cuda")) is precision
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "a GPU")
    said = info._devices()["cuda:0"]
    emulated = ["bf16"] if precision is Precision.FP16 else []
    assert said["default"] == precision.value and said["emulated"] == emulated
