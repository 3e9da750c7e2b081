import pytest
import torch
from torch import nn

from lfvideo_sr.nn import fused
from lfvideo_sr.nn.residual import ResidualBlock, conv_beside


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return nn.Conv2d(24, 16, 3, padding=1)


@pytest.fixture
def x():
    return torch.randn(2, 24, 9, 14).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.04)])
def test_fused_equals_its_plain_twin(layer, x, precision, tolerance, monkeypatch):
    other = torch.randn(2, 16, 9, 14)
    kept = other.clone()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        fast = fused.conv_relu(layer, x), fused.conv_add(layer, x, other)
        monkeypatch.setattr(fused, "_fuses", lambda x: False)
        plain = fused.conv_relu(layer, x), fused.conv_add(layer, x, other)
    for quick, slow in zip(fast, plain):
        assert quick.shape == slow.shape
        assert (quick.float() - slow.float()).abs().max() < tolerance
    assert torch.equal(other, kept)


def test_the_fused_path_is_taken_here():
    """If torch drops the operators, this says so; the plain twin then serves, slower."""
    with torch.inference_mode():
        assert fused._fuses(torch.zeros(1)) or not torch.backends.mkldnn.is_available()


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=str)
def test_processors_without_half_precision_take_the_plain_twin(layer, x, half, monkeypatch):
    """Where the operators would raise."""
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_fp16_supported", lambda: False)
    with torch.inference_mode(), torch.autocast("cpu", half):
        assert not fused._fuses(x)
        assert fused.conv_add(layer, x, torch.zeros(2, 16, 9, 14, dtype=half)).dtype == half


def test_training_takes_the_plain_twin(layer, x):
    fused.conv_add(
        layer, fused.conv_relu(nn.Conv2d(24, 24, 3, padding=1), x), torch.zeros(2, 16, 9, 14)
    ).sum().backward()
    assert layer.weight.grad is not None


@torch.inference_mode()
def test_side_by_side_equals_concatenation(layer, x):
    parts = x.split((10, 13, 1), 1)
    assert torch.allclose(conv_beside(layer, *parts), layer(x), atol=1e-5)
    assert torch.allclose(conv_beside(layer, *parts, relu=True), layer(x).relu(), atol=1e-5)
    fade = torch.rand(2, 4, 9, 14)
    expected = layer(x).relu() * fade.mean(1, keepdim=True)
    assert torch.allclose(conv_beside(layer, *parts, relu=True, fade=fade), expected, atol=1e-5)
    missing = torch.cat([parts[0], torch.zeros_like(x[:, 10:])], 1)
    assert torch.allclose(conv_beside(layer, parts[0]), layer(missing), atol=1e-5)
    louder = torch.cat([2 * parts[0], parts[1], 4 * parts[2]], 1)
    assert torch.allclose(conv_beside(layer, *parts, gains=(2, 1, 4)), layer(louder), atol=1e-5)
    assert torch.allclose(conv_beside(layer, parts[0], gains=(2,)), layer(2 * missing), atol=1e-5)


@torch.inference_mode()
def test_parts_of_a_single_channel_keep_channels_last(x):
    relevance = torch.rand(2, 1, 9, 14)
    together = fused.beside([x, relevance])
    assert torch.equal(together, torch.cat([x, relevance], 1))
    assert together.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("bias", [True, False])
def test_a_wide_layer_in_groups_equals_it_whole(x, bias):
    wide = nn.Conv2d(24, 99, 3, padding=1, bias=bias)
    with torch.inference_mode():
        assert torch.allclose(fused.conv(wide, x), wide(x), atol=1e-5)
    fused.conv(wide, x).sum().backward()
    assert wide.weight.grad is not None


@torch.inference_mode()
@pytest.mark.parametrize("fuses", [True, False])
@pytest.mark.parametrize(
    "geometry", [{"stride": 2}, {"dilation": 2}, {"stride": 2, "dilation": 2}, {"groups": 4}], ids=str
)
def test_each_path_has_the_layers_geometry(x, geometry, fuses, monkeypatch):
    if not fuses:
        monkeypatch.setattr(fused, "_fuses", lambda x: False)
    layer = nn.Conv2d(24, 16, 3, padding=1, **geometry)
    expected = layer(x)
    other = torch.randn_like(expected)
    assert torch.allclose(fused.conv_relu(layer, x), expected.relu(), atol=1e-5)
    assert torch.allclose(fused.conv_add(layer, x, other), expected + other, atol=1e-5)
    wide = nn.Conv2d(24, 100, 3, padding=1, **geometry)
    assert torch.allclose(fused.conv(wide, x), wide(x), atol=1e-5)


def test_residual_block_adds_what_it_finds(x):
    block = ResidualBlock(24)
    expected = x + block.second(block.first(x).relu())
    with torch.inference_mode():
        assert torch.allclose(block(x), expected, atol=1e-5)
