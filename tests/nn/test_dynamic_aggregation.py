"""Dynamic aggregation against its papers' equations, pixel by pixel."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from lfvideo_sr.nn.dynamic_aggregation import (
    FixedAggregation,
    MaskedAggregation,
    PlainAggregation,
    fetch,
    positions_at,
)

ROUNDING = 1e-9  # in float64, where values are about 1
CONTENT, REFERENCE = 3, 16  # channels; 16 make two offset groups
PLACES, SIZE = (4, 3), (5, 6)  # of the frame's features, and of a reference of another size
TAPS = [(dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]  # p_k, row by row


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def randomised(module, seed=3):
    """The module in float64 with all its parameters random, so that what starts at zero is at work."""
    module = module.double()
    for number, parameter in enumerate(module.parameters()):
        parameter.data = random(*parameter.shape, seed=seed + number) * 0.4
    return module


@pytest.fixture
def inputs():
    """Content, reference, and positions: within the reference, between its pixels, and beyond its edge."""
    x, y = (torch.rand(2, *PLACES, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    positions = torch.stack([x * 9 - 2, y * 8 - 2], -1).double()
    return random(2, CONTENT, *PLACES, seed=7), random(2, REFERENCE, *SIZE, seed=8), positions


def literal_sample(plane, x, y):
    """Bilinear sample of [H,W] by hand; pixels beyond the edge are zero."""
    left, top = math.floor(x), math.floor(y)
    total = 0.0
    for row, down in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, across in ((left, 1 - (x - left)), (left + 1, x - left)):
            if 0 <= row < plane.shape[0] and 0 <= column < plane.shape[1]:
                total += down * across * float(plane[row, column])
    return total


def literal_aggregate(module, reference, positions, offsets=None, mask=None):
    """y(p) = sum over k of w_k x(p' + p_k + dp_k) dm_k, and a bias; offsets(b, channel, k, row, column) -> (x, y)."""
    batch, rows, columns, _ = positions.shape
    aggregated = torch.zeros(batch, len(module.bias), rows, columns, dtype=torch.float64)
    weight = module.weight.flatten(2)
    for b in range(batch):
        for row in range(rows):
            for column in range(columns):
                read = torch.zeros(reference.shape[1], 9, dtype=torch.float64)
                for channel in range(reference.shape[1]):
                    for k, (dx, dy) in enumerate(TAPS):
                        x, y = (float(position) for position in positions[b, row, column])
                        moved = (0.0, 0.0) if offsets is None else offsets(b, channel, k, row, column)
                        value = literal_sample(reference[b, channel], x + dx + moved[0], y + dy + moved[1])
                        read[channel, k] = value * (1.0 if mask is None else mask(b, channel, k, row, column))
                aggregated[b, :, row, column] = module.bias + (weight * read).sum((1, 2))
    return aggregated


def leaky(x):
    return torch.where(x > 0, x, 0.1 * x)


@torch.no_grad()
def test_masked_equals_equation_9_of_c2_matching(inputs):
    content, reference, positions = inputs
    module = randomised(MaskedAggregation(CONTENT, REFERENCE))
    assert module.groups == 2
    fetched = torch.zeros(2, REFERENCE, *PLACES, dtype=torch.float64)
    for b, channel, row, column in torch.cartesian_prod(*map(torch.arange, fetched.shape)).tolist():
        fetched[b, channel, row, column] = literal_sample(reference[b, channel], *positions[b, row, column].tolist())
    read = module.offsets(leaky(module.second(leaky(module.first(torch.cat([content, fetched], 1))))))

    def place(channel, k):  # a group's numbers lie tap by tap: x, y, mask
        return 3 * (9 * (channel // (REFERENCE // 2)) + k)

    def offsets(b, channel, k, row, column):
        return read[b, place(channel, k) : place(channel, k) + 2, row, column].tolist()

    def mask(b, channel, k, row, column):
        return 1 / (1 + math.exp(-float(read[b, place(channel, k) + 2, row, column])))

    assert read.abs().mean() > 0.3  # pixels: offsets are at work
    expected = literal_aggregate(module.aggregate, reference, positions, offsets, mask)
    assert torch.allclose(module(content, reference, positions), expected, atol=ROUNDING)


@torch.no_grad()
def test_plain_equals_equations_6_to_8_of_amsa(inputs):
    content, reference, positions = inputs
    module = randomised(PlainAggregation(CONTENT, REFERENCE))
    first = literal_aggregate(module.aggregate, reference, positions)  # Eq. 6
    read = module.offsets(torch.cat([content, first], 1))  # Eq. 7
    assert read.abs().mean() > 0.3

    def offsets(b, channel, k, row, column):
        return read[b, 2 * k : 2 * k + 2, row, column].tolist()

    expected = literal_aggregate(module.aggregate, reference, positions, offsets)  # Eq. 8
    assert torch.allclose(module(content, reference, positions), expected, atol=ROUNDING)


@torch.no_grad()
def test_fixed_reads_a_patch_round_each_match(inputs):
    content, reference, positions = inputs
    module = randomised(FixedAggregation(CONTENT, REFERENCE))
    expected = literal_aggregate(module.aggregate, reference, positions)
    assert torch.allclose(module(content, reference, positions), expected, atol=ROUNDING)


@torch.no_grad()
@pytest.mark.parametrize("kind", [MaskedAggregation, PlainAggregation])
def test_offsets_start_at_nothing(inputs, kind):
    """As built, a fixed patch is read; half of it where a mask is at its start."""
    module = kind(CONTENT, REFERENCE).double()
    content, reference, positions = inputs
    share = 0.5 if kind is MaskedAggregation else 1.0
    fixed = literal_aggregate(module.aggregate, share * reference, positions)
    assert torch.allclose(module(content, reference, positions), fixed, atol=ROUNDING)


@pytest.mark.parametrize(("channels", "groups"), [(4, 1), (8, 1), (16, 2), (64, 8), (256, 8)])
def test_offset_groups(channels, groups):
    module = MaskedAggregation(2, channels)
    assert module.groups == groups and module.offsets.out_channels == groups * 9 * 3


@pytest.mark.parametrize("stride", [4, 2, 1])
def test_positions_at_moves_every_place_as_its_match(stride):
    positions = random(2, 3, 2, 2).float() * 20
    features_at = positions_at(positions, 4, stride)
    ratio = 4 // stride
    assert features_at.shape == (2, 3 * ratio, 2 * ratio, 2) and features_at.dtype == torch.float32
    for b, row, column in torch.cartesian_prod(*map(torch.arange, features_at.shape[:3])).tolist():
        match = positions[b, row // ratio, column // ratio].tolist()
        for axis, (place, coarse) in enumerate([(column, column // ratio), (row, row // ratio)]):
            moved = match[axis] - (4 * coarse + 1.5)  # pixels: the centre of a place of four lies at 1.5 in it
            centre = stride * place + (stride - 1) / 2 + moved  # of this feature, in reference pixels
            feature = (centre - (stride - 1) / 2) / stride  # of the reference's features at this stride
            assert float(features_at[b, row, column, axis]) == pytest.approx(feature, abs=1e-5)


@pytest.mark.parametrize("kind", [MaskedAggregation, PlainAggregation, FixedAggregation])
def test_gradients_are_those_of_the_function(kind):
    module = randomised(kind(2, 8))
    content, reference = random(1, 2, 2, 3, seed=4).requires_grad_(), random(1, 8, 3, 4, seed=5).requires_grad_()
    positions = torch.tensor([[[[0.3, 0.6], [1.7, 1.2], [2.9, 0.8]], [[3.3, 2.2], [0.1, 1.9], [-0.8, 2.6]]]]).double()
    parameters = list(module.parameters())

    def function(content, reference, *parameters):
        return torch.func.functional_call(module, dict(zip(names, parameters)), (content, reference, positions))

    names = [name for name, _ in module.named_parameters()]
    assert gradcheck(function, (content, reference, *parameters), fast_mode=True)


def test_nothing_flows_back_into_positions(inputs):
    _, reference, positions = inputs
    fetch(reference.requires_grad_(), positions.requires_grad_()).sum().backward()
    assert positions.grad is None and reference.grad is not None


@pytest.mark.parametrize("kind", [MaskedAggregation, PlainAggregation])
def test_autocast_reads_from_the_right_place(kind):
    """bfloat16 cannot tell 470 from 471."""
    module = kind(1, 8)
    module.aggregate.weight.data.zero_()
    module.aggregate.weight.data[0, 0, 1, 1] = 2.0
    module.aggregate.bias.data.zero_()
    reference = torch.zeros(1, 8, 3, 480)
    reference[:, 0, 1, 471] = 1
    positions = torch.tensor([[[[470.0, 1], [471, 1], [472, 1], [471.25, 1]]]])
    with torch.autocast("cpu", torch.bfloat16):
        aggregated = module(torch.zeros(1, 1, 1, 4), reference, positions)
    share = 1.0 if kind is MaskedAggregation else 2.0
    assert torch.allclose(aggregated[0, 0, 0].float(), share * torch.tensor([0, 1, 0, 0.75]), atol=1e-2)
