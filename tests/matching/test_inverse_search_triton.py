"""Inverse search by Triton's kernels: through Triton's interpreter on a CPU, and on a GPU where there is one."""

import pytest
from kernel_checks import check_kernel

pytest.importorskip("triton", reason="Triton comes with torch on Linux only")

CHECK = """
import torch
import torch.nn.functional as F
from lfvideo_sr.matching import inverse_search_triton, variational
from lfvideo_sr.matching.inverse_search import PLAIN, InverseSearchSettings, inverse_search
from lfvideo_sr.matching.inverse_search_triton import FUSED
from lfvideo_sr.nn.warp import grid_positions, sample

if DEVICE == "cpu":  # what the interpreter takes long for is the number of programs
    inverse_search_triton._PATCHES, inverse_search_triton._PIXELS = 64, 4096
    inverse_search_triton._ROWS, inverse_search_triton._PAIRS = 16, 32
    variational.SWEEPS = 2  # of both twins: there and back between the two flows that a sweep reads and writes
settings = InverseSearchSettings(*SETTINGS)

def noise(seed, height, width):
    return torch.rand(2, 1, height // 4, width // 4, generator=torch.Generator().manual_seed(seed))

for height, width in SIZES:
    target = 255 * F.interpolate(noise(1, height, width), (height, width), mode="bicubic").clamp(0, 1)
    flow = F.interpolate(noise(2, height, width).repeat(1, 2, 1, 1) * 4 - 2, (height, width), mode="bicubic")
    source = sample(target, grid_positions(height, width) + flow.permute(0, 2, 3, 1))
    for start in (flow + 1,) if DEVICE == "cpu" else (None, flow + 1):  # below, a descent has none
        arguments = [None if values is None else values.to(DEVICE) for values in (source, target, start)]
        plain, fused = (inverse_search(*arguments, settings, steps=steps) for steps in (PLAIN, FUSED))
        apart = (plain - fused).abs().flatten()
        assert apart.median() < 1e-3 and apart.quantile(0.99) < 0.05, (height, width, apart.median(), apart.max())

pictures = source[:1, :, :20, :32].to(DEVICE), target[:1, :, :20, :32].to(DEVICE)
coarse, fine, of_patches = (flow[:1, :, :rows, :columns].to(DEVICE) for rows, columns in ((10, 16), (20, 32), (6, 9)))
steps = {"descend": (*pictures, coarse, None, 3), "spread": (of_patches, *pictures), "refine": (fine, *pictures, 1)}
for name, arguments in steps.items():
    plain, fused = getattr(PLAIN, name)(*arguments), getattr(FUSED, name)(*arguments)
    assert plain.shape == fused.shape and (plain - fused).abs().median() < 1e-4, (name, (plain - fused).abs().max())
print("equal")
"""


def test_the_kernels_equal_their_twins(kernel_device):
    sizes, settings = [(29, 38)], (2, 2, 1)
    if kernel_device == "cuda":
        sizes, settings = [*sizes, (270, 481)], (3, 4, 4)
    check_kernel(CHECK, kernel_device, SIZES=sizes, SETTINGS=settings)
