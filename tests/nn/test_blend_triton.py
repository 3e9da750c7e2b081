"""Pictures put together by Triton's kernel: through Triton's interpreter on a CPU, and on a GPU where there is one."""

import pytest
from kernel_checks import check_kernel

pytest.importorskip("triton", reason="Triton comes with torch on Linux only")

CHECK = """
import torch
from lfvideo_sr.nn import blend_triton
from lfvideo_sr.nn.blend import Blend
from lfvideo_sr.nn.source import Source

if DEVICE == "cpu":  # what the interpreter takes long for is the number of programs
    blend_triton._COUNT = 1024
torch.manual_seed(0)
plain = Blend(4, 2, 3).to(DEVICE)
blend = lambda *given: blend_triton.blended(*given, 4, 2)
made = lambda *shape: torch.randn(2, *shape).to(DEVICE)
SLOTS = {torch.contiguous_format: [(0, 1, 2)], torch.channels_last: [(), (2,), (0, 2)]}  # and three
with torch.enable_grad():  # where the plain twin runs on a GPU too
    for layout in (torch.contiguous_format, torch.channels_last):
        frame = made(3, 7, 9).contiguous(memory_format=layout)
        tail = 3 * made(108, 7, 9).contiguous(memory_format=layout)
        sources = [Source(made(48, 7, 9), made(12, 7, 9), made(4, 7, 9).sigmoid()) for _ in range(3)]
        for slots in SLOTS[layout]:
            given = frame, tail, {slot: sources[slot] for slot in slots}
            torch.testing.assert_close(blend(*given), plain.detailed(*given), rtol=1e-4, atol=1e-5)
    short = {slot: one._replace(detail=one.detail.bfloat16()) for slot, one in enumerate(sources)}
    found = blend(frame, tail.bfloat16(), short)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, plain.detailed(frame, tail, dict(enumerate(sources))), rtol=0.02, atol=0.1)
print("equal")
"""


def test_the_kernel_equals_its_twin(kernel_device):
    check_kernel(CHECK, kernel_device)
