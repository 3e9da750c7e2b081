"""SS-Net's fusion against the equations of RefSR-Net's section 4, and its low-resolution features."""

import pytest
import torch
import torch.nn.functional as F
from small_networks import count, filled, picture
from torch import nn

from lfvideo_sr.nn.srresnet import SRResNet
from lfvideo_sr.nn.ssnet import SSNet

ROUNDING = 1e-5


def conv(layer: nn.Conv2d, *parts: torch.Tensor) -> torch.Tensor:
    return F.conv2d(torch.cat(parts, 1), layer.weight, layer.bias, padding=1)


def twice(x: torch.Tensor) -> torch.Tensor:
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def literal(network: SSNet, low: torch.Tensor, patch: torch.Tensor, printed: bool):
    """The printed equations from scale 3 (here: the coarsest) to scale 0, one line each."""
    rectified = torch.relu if printed else (lambda x: x)
    delta = torch.sigmoid if printed else torch.relu
    high = [torch.relu(conv(network.head, patch))]
    for block in network.blocks:
        high.append(F.max_pool2d(torch.relu(conv(block, high[-1])), 2))
    n = network.levels
    confidence = rectified(conv(network.masks[n], low, high[n]))
    mask = torch.sigmoid(confidence)
    fused = delta(conv(network.fusions[n], low, high[n] * mask))
    for i in reversed(range(n)):
        low = F.pixel_shuffle(conv(network.enlargers[i], low), 2)
        confidence = rectified(conv(network.masks[i], low, high[i], twice(confidence)))
        mask = torch.sigmoid(confidence)
        fused = delta(conv(network.fusions[i], twice(fused), high[i] * mask))
    return network.tail(fused), mask


@torch.no_grad()
@pytest.mark.parametrize("equations", ["meant", "printed"])
@pytest.mark.parametrize("levels", [2, 3])
def test_equals_the_equations(levels, equations):
    network = filled(SSNet(6, 5, levels, equations))
    low = torch.randn(2, 6, 8, 8, generator=torch.Generator().manual_seed(1))
    patch = torch.cat([picture(8 << levels, 8 << levels, seed) for seed in (1, 2)])
    expected, mask = literal(network, low, patch, equations == "printed")
    synthesised = network(low, patch)
    assert synthesised.picture.shape == (2, 3, 8 << levels, 8 << levels)
    assert torch.allclose(synthesised.picture, expected, atol=ROUNDING) and torch.allclose(
        synthesised.mask, mask, atol=ROUNDING
    )
    assert synthesised.mask.std() > 0.01


@torch.no_grad()
def test_printed_masks_never_fall_below_a_half():
    low, patch = torch.randn(1, 6, 8, 8, generator=torch.Generator().manual_seed(1)), picture(32, 32)
    printed, meant = (filled(SSNet(6, 5, 2, equations))(low, patch).mask for equations in ("printed", "meant"))
    assert printed.min() >= 0.5 and meant.min() < 0.5


@torch.no_grad()
def test_what_is_not_trusted_has_no_influence():
    network = filled(SSNet(6, 5, 2))
    low = torch.randn(1, 6, 8, 8, generator=torch.Generator().manual_seed(1))
    nothing = torch.zeros(1, 1, 32, 32)
    seen = [network(low, picture(32, 32, seed), nothing).mask for seed in (1, 2)]
    assert all(not mask.any() for mask in seen)
    pictures = [network(low, picture(32, 32, seed), nothing).picture for seed in (1, 2)]
    assert not torch.equal(*(network(low, picture(32, 32, seed)).picture for seed in (1, 2)))
    assert torch.equal(*pictures)


def test_parameters():
    """The paper states none; 64 channels everywhere, four scales at x8."""
    head, blocks, enlargers = 1_792, 3 * 36_928, 3 * 147_712
    masks = 1_153 + 3 * (1_153 + 9)
    fusions, tail = 4 * 73_792, 36_928 + 1_731
    assert count(SSNet()) == head + blocks + enlargers + masks + fusions + tail == 894_178
    assert count(SSNet(levels=2)) == 894_178 - 36_928 - 147_712 - 1_162 - 73_792 == 634_584


def test_srresnet_has_sixteen_blocks_and_nearest_neighbour_enlargement():
    network = SRResNet()
    assert len(network.body) == 16
    head, block = 15_552 + 64 + 1, 2 * 36_928 + 2 * 128 + 1
    assert count(network) == head + 16 * block + 36_928 + 128 + 2 * (36_928 + 1) + 15_555 == 1_327_894
    frame = picture(5, 7)
    small = filled(SRResNet(4, 1))
    x = small.features(frame)
    for layer in small.enlargers:
        x = layer(twice(x))
    assert torch.allclose(small(frame), small.tail(x), atol=ROUNDING) and small(frame).shape == (1, 3, 20, 28)
