"""What follows a convolution by Triton's kernel: through Triton's interpreter on a CPU, and on a GPU where there is
one."""

import pytest
from kernel_checks import check_kernel

pytest.importorskip("triton", reason="Triton comes with torch on Linux only")

CHECK = """
import torch
from lfvideo_sr.nn import fused, residual
from lfvideo_sr.nn.fused_triton import finished

generator = torch.Generator().manual_seed(0)
for dtype, close in ((torch.float32, 1e-6), (torch.bfloat16, 1e-2)):
    made, other = (torch.randn(2, 12, 7, 9, generator=generator).to(DEVICE, dtype) for _ in range(2))
    bias = torch.randn(12, generator=generator).to(DEVICE)
    kept = made.clone(), other.clone()
    for given in ((bias, other, 0.0), (bias, None, 1.0), (None, other, 0.1)):
        wanted = sum(one.float().view(1, -1, 1, 1) if one is bias else one.float()
                     for one in (made, *given[:2]) if one is not None)
        found = finished(made.contiguous(memory_format=torch.channels_last), *given)
        assert found.dtype == dtype
        wanted = wanted.clamp(min=0) + given[2] * wanted.clamp(max=0)
        torch.testing.assert_close(found.float(), wanted, rtol=close, atol=close)
    endless = torch.full_like(made, -torch.inf).contiguous(memory_format=torch.channels_last)
    assert not finished(endless, bias, None, 0.0).any(), "sums that half precision does not hold"
    fade = torch.rand(2, 4, 7, 9, generator=generator).to(DEVICE)
    found = finished(made.contiguous(memory_format=torch.channels_last), bias, None, 0.0, fade)
    wanted = (made.float() + bias.view(1, -1, 1, 1)).relu() * fade.mean(1, keepdim=True)
    torch.testing.assert_close(found.float(), wanted, rtol=close, atol=close)
    assert torch.equal(made, kept[0]) and torch.equal(other, kept[1])

if DEVICE == "cpu":
    fused.by_triton = residual.by_triton = lambda x: True
layer = residual.conv3x3(16, 16).to(DEVICE)
x, other = (torch.randn(1, 16, 6, 8).to(DEVICE).contiguous(memory_format=torch.channels_last) for _ in range(2))
missing = torch.cat([x[:, :6], torch.zeros_like(x[:, 6:])], 1)
with torch.inference_mode():
    for found, wanted in (
        (fused.conv_relu(layer, x), layer(x).relu()),
        (fused.conv_add(layer, x, other), layer(x) + other),
        (fused.conv_add(layer, x, other, bias=None), layer(x) - layer.bias.view(1, -1, 1, 1) + other),
        (residual.conv_beside(layer, *x.split((6, 10), 1)), layer(x)),
        (residual.conv_beside(layer, x[:, :6]), layer(missing)),
        (fused.conv(layer, x), layer(x)),
        (residual.pixel_shuffle(x, 2), torch.nn.functional.pixel_shuffle(x, 2)),
        (residual.conv_leaky(layer, *x.split((6, 10), 1)), residual.leaky(layer(x))),
        (fused.conv_over(layer, [x], 0.0, x[:, :4]), layer(x).relu() * x[:, :4].mean(1, keepdim=True)),
    ):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)
print("equal")
"""


def test_the_kernel_equals_its_twin(kernel_device):
    check_kernel(CHECK, kernel_device)
