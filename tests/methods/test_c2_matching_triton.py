"""C2-Matching as kernels make it on CUDA: through Triton's interpreter on a CPU, and on a GPU where there is one."""

import pytest
from kernel_checks import check_kernel

pytest.importorskip("triton", reason="Triton comes with torch on Linux only")

CHECK = """
import torch
from lfvideo_sr.matching import patchmatch
from lfvideo_sr.method import Match
from lfvideo_sr.methods import c2_matching
from lfvideo_sr.nn import deform, deform_triton, dynamic_aggregation, fused, fused_triton, hypotheses, residual

torch.manual_seed(0)
network = c2_matching.network({"channels": 16, "blocks": (1, 1, 1, 1), "textures": 16, "descriptors": 4}).eval()
for name, weight in network.restorer.named_parameters():
    if "offsets" in name:
        torch.nn.init.normal_(weight, std=0.1)  # trained ones say something
method = c2_matching.build(network.to(DEVICE, memory_format=torch.channels_last))
method.matcher.exact_until = 0
sharp = torch.nn.functional.interpolate(torch.rand(1, 3, 14, 18), (48, 64), mode="bicubic").clamp(0, 1).to(DEVICE)
frame = torch.nn.functional.avg_pool2d(sharp.roll(5, 3), 4)
taken = []

def counted(*inputs):
    taken.append(1)
    return by_kernel(*inputs)

by_kernel, deform_triton.deform_aggregate = deform_triton.deform_aggregate, counted
modules = deform, dynamic_aggregation, fused, hypotheses, patchmatch, residual
if DEVICE == "cpu":  # what the interpreter takes long for is the number of programs
    deform_triton._PLACES, fused_triton._COUNT = 1024, 1 << 16
for dtype, close in ((torch.float32, 1e-3), (torch.float16, 0.02)):
    with torch.inference_mode(), torch.autocast(DEVICE, dtype, enabled=dtype != torch.float32):
        features = method.encoder(sharp)
        made = {}
        for kernels in (False, True):
            for module in modules:
                module.by_triton = lambda x: kernels
            if not made:
                positions, relevance = method.matcher(frame, features)
            made[kernels] = method.restorer(frame, [Match(features, positions, relevance)]).float()
            assert len(taken) == (3 if kernels else 0), "an aggregation at each stride"
        taken.clear()
        apart = (made[True] - made[False]).abs().max() / made[False].std()
        assert apart < close, (dtype, apart)
        alone = method.restorer(frame).float()
        assert (made[True] - alone).abs().max() > close * made[False].std(), "the reference is not used"
print("equal")
"""


def test_kernels_restore_what_torch_does(kernel_device):
    check_kernel(CHECK, kernel_device)
