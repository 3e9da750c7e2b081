"""Every method on a GPU beside itself on the CPU: other kernels, the same picture."""

import copy
from importlib import import_module

import pytest
import torch
from small_networks import NETWORKS, small_network

from lfvideo_sr.engine import Precision
from lfvideo_sr.engines.resident import ResidentMethod
from lfvideo_sr.method import Match
from lfvideo_sr.methods import METHODS

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("name", NETWORKS)
def test_a_gpu_computes_what_the_cpu_computes(gpu, name):
    network, build = small_network(name), import_module(f"lfvideo_sr.methods.{METHODS[name].module}").build
    generator = torch.Generator().manual_seed(0)
    sharp = torch.nn.functional.interpolate(torch.rand(1, 3, 24, 32, generator=generator), (128, 192), mode="bicubic")
    sharp, first_match, pictures = sharp.clamp(0, 1), None, []
    for device in ("cpu", "cuda"):
        resident = ResidentMethod(build(copy.deepcopy(network)), torch.device(device), Precision.FP32)
        frame = resident.reduced(sharp.roll((4, 8), (2, 3)).to(device))
        features = resident.encode(sharp.to(device))
        field = resident.match(frame, [features], [None])[0]
        first_match = first_match or field  # the CPU's: equal scores may be told apart otherwise
        assert (field[1].cpu() - first_match[1]).abs().mean() < 0.01, "of relevance"
        match = Match(features, *(part.to(device) for part in first_match))
        pictures.append(resident.restore(frame, [match]).cpu())
    torch.testing.assert_close(*pictures, rtol=0, atol=2e-3)
