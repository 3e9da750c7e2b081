"""The seed made where frames lie: as good as the host's, and taken by the torch engine."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from lfvideo_sr.choose import load_learned
from lfvideo_sr.engine import Matched
from lfvideo_sr.engines.torch_engine import TorchEngine
from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.matching.device_seed import DeviceSeeder
from lfvideo_sr.matching.seed import FlowSeeder
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.metrics import psnr_y
from lfvideo_sr.references.reference import Reference
from lfvideo_sr.synthetic import random_scene, render

SCENE = random_scene(np.random.default_rng(5), width=160)


def picture(moment: float, width: int = 160) -> np.ndarray:
    return render(SCENE, moment, Size(width, 96))


def tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels))[None]


def test_prepared_pictures_are_the_hosts():
    low = degrade(picture(0))
    host, here = FlowSeeder().prepare(low), DeviceSeeder().prepare(tensor(low))[0, 0].numpy()
    assert here.shape == host.shape
    assert np.abs(here - host).max() < 1.5  # the host rounds twice


@pytest.mark.parametrize("width", [160, 120])
def test_positions_are_the_hosts_but_for_the_search(width):
    """Also with a reference of another size."""
    frame, reference = degrade(picture(1)), degrade(picture(0, width))
    host, here = FlowSeeder(), DeviceSeeder()
    theirs = host(host.prepare(frame), host.prepare(reference), None)
    ours = here(here.prepare(tensor(frame)), here.prepare(tensor(reference)))[0].numpy()
    assert ours.shape == theirs.shape
    assert np.median(np.abs(ours - theirs)) < (0.25 if width == 160 else 1)  # the two enlarge a narrow one differently


def test_the_engine_restores_as_well_with_seeds_made_on_the_device():
    sharp = [picture(float(moment)) for moment in range(4)]
    scores = []
    for here in (False, True):
        engine = TorchEngine(load_learned("stream_ref"), "cpu", "fp32")
        engine.resident.seeds_here = here
        encoded = engine.encode(Reference(("first",), Fraction(0), "first", lambda: sharp[0]))
        field = None
        for number in (1, 2, 3):
            frame = Frame(degrade(sharp[number]), number, TimeStamp(number, Fraction(1)))
            field = engine.match(frame, encoded, field)
            restored = engine.restore(frame, [Matched(encoded, field)])
        scores.append(psnr_y(restored, sharp[3]))
    assert scores[1] > scores[0] - 0.3
