"""The network's promises, which hold whatever its weights."""

import pytest
import torch

from lfvideo_sr.method import Match
from lfvideo_sr.methods.stream_ref import Found, StreamRef, StreamRefSize, fetch, refine_field
from lfvideo_sr.nn.warp import grid_positions

LOW = (12, 16)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = StreamRef(StreamRefSize(channels=16, blocks=2)).eval()
    with torch.no_grad():
        for parameter in network.parameters():  # far from the start, where much is zero
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return network


@pytest.fixture
def frame():
    return torch.rand(1, 3, *LOW, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def reference():
    return torch.rand(1, 3, 4 * LOW[0], 4 * LOW[1], generator=torch.Generator().manual_seed(2))


def own_positions(stride):
    return grid_positions(4 * LOW[0] // stride, 4 * LOW[1] // stride) * stride + (stride - 1) / 2


@torch.no_grad()
def found_in(network, frame, reference):
    encoded = network.encoder(reference)
    return encoded, network.matcher(frame, encoded, own_positions(4))


@torch.no_grad()
def test_a_reference_of_no_relevance_is_as_good_as_none(network, frame, reference):
    encoded, (positions, trust) = found_in(network, frame, reference)
    alone = network.restorer(frame)
    beside = network.restorer(frame, [Match(encoded, positions, torch.zeros_like(trust))])
    assert torch.allclose(alone, beside, atol=1e-6)
    assert not torch.allclose(alone, network.restorer(frame, [Match(encoded, positions, trust)]), atol=1e-3)


@torch.no_grad()
def test_sizes_strides_and_ranges(network, frame, reference):
    _, (positions, trust) = found_in(network, frame, reference)
    assert positions.shape == (1, 2 * LOW[0], 2 * LOW[1], 2) and positions.dtype == torch.float32
    assert trust.shape == positions.shape[:3] and trust.min() > 0 and trust.max() < 1
    assert network.restorer(frame).shape == (1, 3, 4 * LOW[0], 4 * LOW[1])


@torch.no_grad()
def test_a_reference_of_another_size_is_matched_in_its_own_pixels(network, frame, reference):
    large = torch.nn.functional.pad(reference, (24, 8, 16, 8))
    encoded = network.encoder(large)
    seed = own_positions(4) + torch.tensor([24.0, 16.0])
    positions, trust = network.matcher(frame, encoded, seed)
    assert network.restorer(frame, [Match(encoded, positions, trust)]).shape == (1, 3, 48, 64)
    detail = fetch(encoded, own_positions(2) + torch.tensor([24.0, 16.0]), trust).detail
    inner = fetch(network.encoder(reference), own_positions(2), trust).detail
    assert torch.allclose(detail[..., 4:-4, 4:-4], inner[..., 4:-4, 4:-4], atol=1e-4)


def test_refining_by_nothing_keeps_a_constant_displacement():
    coarse = grid_positions(6, 8) * 8 + 3.5 + torch.tensor([5.0, -2.0])
    fine = refine_field(coarse.permute(0, 3, 1, 2), torch.zeros(1, 2, 24, 32))
    assert torch.allclose(fine, own_positions(2) + torch.tensor([5.0, -2.0]), atol=1e-4)


@torch.no_grad()
def test_detail_and_low_version_make_the_reference_again(network, reference):
    encoded = network.encoder(reference)
    enlarged = torch.nn.functional.pixel_shuffle(network.encoder.enlarge(encoded["low"]), 4)
    assert torch.allclose(enlarged + encoded["detail"], reference, atol=1e-6)


@torch.no_grad()
def test_memory_layout_does_not_matter(network, frame, reference):
    encoded, (positions, trust) = found_in(network, frame, reference)
    match = Match(encoded, positions, trust)
    plain = network.restorer(frame, [match])
    channels_last = network.restorer(frame.contiguous(memory_format=torch.channels_last), [match])
    assert torch.allclose(plain, channels_last, atol=1e-5)


def test_relevance_spreads_over_its_own_pixels(network):
    places = torch.arange(4.0).reshape(1, 4, 1, 1)
    spread = torch.nn.functional.pixel_shuffle(network.restorer.spread(places), 4)[0, 0]
    assert spread.tolist() == [[0, 0, 1, 1]] * 2 + [[2, 2, 3, 3]] * 2


def test_gradients_reach_every_parameter(network, frame, reference):
    twin = StreamRef(network.size)
    twin.load_state_dict(network.state_dict())
    encoded = twin.encoder(reference)
    positions, trust = twin.matcher(frame, encoded, own_positions(4))
    found = fetch(encoded, positions, trust)
    assert isinstance(found, Found)
    twin.restorer.fused(frame, [found, found]).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in twin.parameters())
