"""Pictures put together by Triton's kernel: through Triton's interpreter on a CPU, and on a GPU where there is one."""

import pytest
from kernel_checks import check_kernel

pytest.importorskip("triton", reason="Triton comes with torch on Linux only")

CHECK = """
import torch
from lfvideo_sr.nn import blend_triton
from lfvideo_sr.nn.blend import Blend

if DEVICE == "cpu":  # what the interpreter takes long for is the number of programs
    blend_triton._COUNT = 1024
torch.manual_seed(0)
plain = Blend(4, 2).to(DEVICE)
blend = lambda *given: blend_triton.blended(*given, 4, 2)
made = lambda *shape: torch.randn(2, *shape).to(DEVICE)
with torch.enable_grad():  # where the plain twin runs on a GPU too
    for layout in (torch.contiguous_format, torch.channels_last):
        frame = made(3, 7, 9).contiguous(memory_format=layout)
        tail = 3 * made(80, 7, 9).contiguous(memory_format=layout)
        fetched = [(made(48, 7, 9), made(4, 7, 9).sigmoid()) for _ in range(2)]
        for count in range(3):
            given = frame, tail, fetched[:count]
            torch.testing.assert_close(blend(*given), plain(*given), rtol=1e-4, atol=1e-5)
    short = [(detail.bfloat16(), trust) for detail, trust in fetched]
    found = blend(frame, tail.bfloat16(), short)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, plain(frame, tail, fetched), rtol=0.02, atol=0.1)
print("equal")
"""


def test_the_kernel_equals_its_twin(kernel_device):
    check_kernel(CHECK, kernel_device)
