"""Warping by Triton's kernel: through Triton's interpreter on a CPU, and on a GPU where there is one."""

import pytest
from kernel_checks import check_kernel

pytest.importorskip("triton", reason="Triton comes with torch on Linux only")

CHECK = """
import torch
import torch.nn.functional as F
from lfvideo_sr.nn import warp_triton
from lfvideo_sr.nn.warp import grid_positions, sample, upsampled_positions

if DEVICE == "cpu":  # what the interpreter takes long for is the number of programs
    warp_triton._COUNT = 4096
generator = torch.Generator().manual_seed(0)
for stride, block, shrunk, dtype, layout in (
    (2, 4, 1, torch.float32, torch.channels_last),
    (1, 2, 2, torch.float32, torch.contiguous_format),
    (4, 4, 1, torch.bfloat16, torch.channels_last),
):
    picture = torch.rand(2, 3, 30, 42, generator=generator).to(DEVICE).contiguous(memory_format=layout)
    field = grid_positions(8, 12) * stride + 6 * torch.randn(2, 8, 12, 2, generator=generator)
    made = warp_triton.warp_unshuffled(picture, field.to(DEVICE), stride, block, dtype, shrunk)
    field = (field - (shrunk - 1) / 2) / shrunk
    plain = sample(picture, upsampled_positions(field.to(DEVICE), stride), mode="bicubic")
    plain = F.pixel_unshuffle(plain, block)
    assert made.shape == plain.shape and made.dtype == dtype
    apart = (made.float() - plain).abs().max()
    assert apart < (1e-4 if dtype == torch.float32 else 1e-2), (stride, block, apart)
print("equal")
"""


def test_the_kernel_equals_its_twin(kernel_device):
    check_kernel(CHECK, kernel_device)
