"""Deformable aggregation by Triton's kernel: through Triton's interpreter on a CPU, and on a GPU where there is one."""

import pytest
from kernel_checks import check_kernel

pytest.importorskip("triton", reason="Triton comes with torch on Linux only")

CHECK = """
import torch
from lfvideo_sr.nn import deform_triton
from lfvideo_sr.nn.deform import deform_aggregate, tap_positions
from lfvideo_sr.nn.dynamic_aggregation import fetch
from lfvideo_sr.nn.warp import grid_positions

if DEVICE == "cpu":  # what the interpreter takes long for is the number of programs
    deform_triton._PLACES = 256
generator = torch.Generator().manual_seed(0)
randn = lambda *shape: torch.randn(*shape, generator=generator)
size, layout = (9, 13), torch.channels_last
for channels, outputs, groups, dtype, left_out in (
    (64, 64, 8, torch.float16, ()),
    (128, 24, 4, torch.float32, ("mask",)),
    (32, 80, 1, torch.float32, ("mask", "offsets", "bias")),
):
    said = randn(2, groups * 27, *size).contiguous(memory_format=layout).to(DEVICE, dtype).unflatten(1, (groups, 9, 3))
    given = {
        "source": randn(2, channels, 11, 10).to(DEVICE, dtype),
        "positions": tap_positions(grid_positions(*size) + 3 * randn(2, *size, 2)).to(DEVICE),
        "weight": randn(outputs, channels, 3, 3).to(DEVICE) / 24,
        "bias": randn(outputs).to(DEVICE),
        "offsets": said[:, :, :, :2].permute(0, 1, 2, 4, 5, 3),  # strided, as convolutions leave them
        "mask": said[:, :, :, 2].sigmoid(),
    }
    given = {name: None if name in left_out else one for name, one in given.items()}
    assert deform_triton.fits(given["source"], groups)
    found = deform_triton.deform_aggregate(*given.values(), groups)
    exact = {name: None if one is None else one.float().cpu() for name, one in given.items()}
    wanted = deform_aggregate(**exact)
    assert found.shape == wanted.shape and found.dtype == dtype and found.is_contiguous(memory_format=layout)
    apart = (found.float().cpu() - wanted).abs().max()
    assert apart < (1e-4 if dtype == torch.float32 else 1e-2), (channels, apart)
    if DEVICE == "cuda":
        with torch.no_grad():
            assert torch.equal(deform_aggregate(**given), found), "this was not the kernel"
    field = given["positions"][:, 4]
    found, wanted = deform_triton.fetched(given["source"], field), fetch(exact["source"], field.cpu())
    assert found.dtype == dtype and found.is_contiguous(memory_format=layout)
    assert (found.float().cpu() - wanted).abs().max() < (1e-4 if dtype == torch.float32 else 1e-2), channels
assert not any(deform_triton.fits(torch.empty(1, *of, 1), 3) for of in ((8, 1), (24, 1), (64, 1)))
print("equal")
"""


def test_the_kernel_equals_its_twin(kernel_device):
    check_kernel(CHECK, kernel_device)
