"""stream_ref as its kernels make it on CUDA: through Triton's interpreter on a CPU, and on a GPU where there is one."""

import pytest
from kernel_checks import check_kernel

pytest.importorskip("triton", reason="Triton comes with torch on Linux only")

CHECK = """
import torch
from lfvideo_sr.choose import load_learned
from lfvideo_sr.method import Match
from lfvideo_sr.nn import blend, blend_triton, fused, fused_triton, residual, warp, warp_triton

method = load_learned("stream_ref")
for part in (method.encoder, method.matcher, method.restorer):
    part.eval().to(DEVICE)
generator = torch.Generator().manual_seed(0)
sharp = torch.nn.functional.interpolate(torch.rand(1, 3, 12, 16, generator=generator), (24, 32)).to(DEVICE)
frame = method.encoder.reduce(sharp, method.encoder.taps).contiguous(memory_format=torch.channels_last)
seed = 2 * warp.grid_positions(12, 16) + 0.5 + torch.randn(1, 12, 16, 2, generator=generator)
warp.on_host = lambda picture: False  # OpenCV rounds positions

def streamed(count):
    features = method.encoder(sharp)
    positions, relevance = method.matcher(frame, features, seed.to(DEVICE))
    matches = [Match(features, positions, (relevance + 1) / 2)] * count
    last = Match({"picture": sharp.flip(3), "frame": frame}, seed.to(DEVICE), torch.ones_like(relevance))
    return positions, relevance, method.restorer(frame, matches, last if count != 1 else None).float()

modules = blend, fused, residual, warp
if DEVICE == "cpu":  # what the interpreter takes long for is the number of programs
    blend_triton._COUNT = fused_triton._COUNT = warp_triton._COUNT = 4096
for dtype, close, counts in ((torch.float32, 2e-4, (0, 1, 2)), (torch.bfloat16, 0.05, (0, 2))):
    with torch.inference_mode(), torch.autocast(DEVICE, dtype, enabled=dtype != torch.float32):
        pictures = []
        for count in counts:
            made = {}
            for kernels in (False, True):
                for module in modules:
                    module.by_triton = lambda x: kernels
                made[kernels] = streamed(count)
            pictures.append(made[True][2])
            for one, other in zip(made[False], made[True]):
                assert one.shape == other.shape and (one - other).abs().max() < close, (dtype, count)
    assert (pictures[0] - pictures[1]).abs().max() > 0.1, "detail is not taken"
print("equal")
"""


def test_kernels_restore_what_torch_does(kernel_device):
    check_kernel(CHECK, kernel_device)
