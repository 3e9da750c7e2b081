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

def streamed(counts):
    # Positions, relevance, and a picture by each count of references; by one alone, no picture before it counts.
    features = method.encoder(sharp)
    positions, relevance = method.matcher(frame, features, seed.to(DEVICE))
    match = Match(features, positions, (relevance + 1) / 2)
    last = Match({"picture": sharp.flip(3), "frame": frame}, seed.to(DEVICE), torch.ones_like(relevance))
    pictures = [method.restorer(frame, [match] * count, last if count != 1 else None) for count in counts]
    return positions, relevance, *(picture.float() for picture in pictures)

modules = blend, fused, residual, warp
if DEVICE == "cpu":  # what the interpreter takes long for is the number of programs
    blend_triton._COUNT = fused_triton._COUNT = warp_triton._COUNT = 4096
for dtype, close, counts in ((torch.bfloat16, 0.05, (2,)), (torch.float32, 2e-4, (0, 1, 2))):
    made = {}
    with torch.inference_mode(), torch.autocast(DEVICE, dtype, enabled=dtype != torch.float32):
        for kernels in (False, True):
            for module in modules:
                module.by_triton = lambda x: kernels
            made[kernels] = streamed(counts)
    for one, other in zip(made[False], made[True]):
        assert one.shape == other.shape and (one - other).abs().max() < close, (dtype, counts)
_, _, alone, with_one, _ = made[True]
assert (alone - with_one).abs().max() > 0.1, "detail is not taken"
print("equal")
"""


def test_kernels_restore_what_torch_does(kernel_device):
    check_kernel(CHECK, kernel_device)
