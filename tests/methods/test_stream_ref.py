"""The network's promises, which hold whatever its weights."""

import pytest
import torch
from receptive_field import encoder_field, matcher_field, restorer_field

from lfvideo_sr.method import Match
from lfvideo_sr.methods.stream_ref import Fetched, StreamRef, StreamRefSize, build, misfit_of
from lfvideo_sr.nn.resize import BicubicReduce
from lfvideo_sr.nn.warp import grid_positions

LOW = (12, 16)


@pytest.fixture(scope="module", params=[2, 4], ids=lambda stride: f"stride {stride}")
def network(request):
    torch.manual_seed(0)
    network = StreamRef(StreamRefSize(channels=16, blocks=2, matching=8, stride=request.param)).eval()
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


def reduced(picture):
    return BicubicReduce(4)(picture)


def own_positions(stride):
    return grid_positions(4 * LOW[0] // stride, 4 * LOW[1] // stride) * stride + (stride - 1) / 2


@torch.no_grad()
def found_in(network, frame, reference):
    encoded = network.encoder(reference)
    return encoded, network.matcher(frame, encoded, own_positions(network.size.stride))


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
    across = network.size.across
    assert positions.shape == (1, across * LOW[0], across * LOW[1], 2) and positions.dtype == torch.float32
    assert trust.shape == positions.shape[:3] and trust.min() > 0 and trust.max() < 1
    assert network.restorer(frame).shape == (1, 3, 4 * LOW[0], 4 * LOW[1])


@torch.no_grad()
def test_a_reference_of_another_size_is_matched_in_its_own_pixels(network, frame, reference):
    large = torch.nn.functional.pad(reference, (24, 8, 16, 8))
    encoded = network.encoder(large)
    unmoved = own_positions(network.size.stride)
    seed = unmoved + torch.tensor([24.0, 16.0])
    positions, trust = network.matcher(frame, encoded, seed)
    assert network.restorer(frame, [Match(encoded, positions, trust)]).shape == (1, 3, 48, 64)
    enlarged = network.restorer.enlarge(frame)
    detail = network.restorer.fetch(enlarged, encoded, seed, trust).source.detail
    inner = network.restorer.fetch(enlarged, network.encoder(reference), unmoved, trust).source.detail
    assert torch.allclose(detail[..., 4:-4, 4:-4], inner[..., 4:-4, 4:-4], atol=1e-4)


def test_an_untrained_matcher_leaves_the_seed_alone(frame, reference):
    fresh = StreamRef(StreamRefSize(channels=16, blocks=1, matching=8))
    seed = own_positions(2) + torch.tensor([1.5, -0.5])
    positions, trust = fresh.matcher(frame, fresh.encoder(reference), seed)
    assert torch.equal(positions, seed) and torch.all(trust == 0.5)


@torch.no_grad()
@pytest.mark.parametrize("part", ["side", "blur"])
@pytest.mark.parametrize("shift", [(0, 0), (4, -8)])
def test_the_misfit_is_zero_where_the_match_is_right_and_only_there(network, reference, shift, part):
    """The frame is the reduced reference, moved by whole low-resolution pixels."""
    encoded = network.encoder(reference)
    low = reduced(reference).roll([-side // 4 for side in shift[::-1]], (2, 3))
    right = own_positions(network.size.stride) + torch.tensor(shift, dtype=torch.float32)

    def misfit(positions):
        return (
            misfit_of(encoded[part], network.restorer.enlarge(low), positions, network.size.across)[..., 3:-3, 3:-3]
            .abs()
            .mean()
        )

    wrong = misfit(right + torch.tensor([4.0, 0.0]))
    assert misfit(right) < 0.35 * wrong


@torch.no_grad()
def test_detail_and_low_version_make_the_reference_again(network, reference):
    low = torch.rand(1, 3, *LOW)
    enlarged = torch.nn.functional.pixel_shuffle(network.encoder.enlarge(low), 4)
    assert torch.allclose(enlarged + network.encoder(reference, low)["detail"], reference, atol=1e-6)


@torch.no_grad()
def test_a_reference_without_a_frame_of_its_own_stands_beside_the_papers_reduction(network, reference):
    alone, beside = network.encoder(reference), network.encoder(reference, reduced(reference))
    assert all(torch.allclose(alone[name], beside[name], atol=1e-4) for name in alone)


@torch.no_grad()
def test_what_was_restored_last_counts_where_it_is_seen(network, frame):
    made_of = {"picture": torch.rand(1, 3, 4 * LOW[0], 4 * LOW[1]), "frame": torch.rand(1, 3, *LOW)}
    positions = own_positions(network.size.stride)
    trust = torch.ones_like(positions[..., 0])
    alone = network.restorer(frame)
    assert torch.allclose(alone, network.restorer(frame, [], Match(made_of, positions, 0 * trust)), atol=1e-6)
    assert torch.allclose(alone, network.restorer(frame, [], Match(made_of, positions + 1000, trust)), atol=1e-6)
    assert not torch.allclose(alone, network.restorer(frame, [], Match(made_of, positions, trust)), atol=1e-3)


@torch.no_grad()
def test_memory_layout_does_not_matter(network, frame, reference):
    encoded, (positions, trust) = found_in(network, frame, reference)
    match = Match(encoded, positions, trust)
    plain = network.restorer(frame, [match])
    channels_last = network.restorer(frame.contiguous(memory_format=torch.channels_last), [match])
    assert torch.allclose(plain, channels_last, atol=1e-5)


def test_gradients_reach_every_parameter(network, frame, reference):
    twin = StreamRef(network.size)
    twin.load_state_dict(network.state_dict())
    encoded = twin.encoder(reference)
    seed = own_positions(network.size.stride)
    positions, trust = twin.matcher(frame, encoded, seed)
    fetched = twin.restorer.fetch(twin.restorer.enlarge(frame), encoded, positions, trust)
    assert isinstance(fetched, Fetched)
    last = twin.restorer.fetch_last(
        twin.restorer.enlarge(frame), {"picture": reference, "frame": frame + 0.1}, seed, 0.5 * trust
    )
    twin.restorer.fused(frame, [fetched, fetched], last).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in twin.parameters())


def test_how_far_the_verbs_see(network):
    """By hand: a convolution adds 2 pixels, bicubic enlargement of the frame 4, a residual block 4."""
    method = build(network)
    enlarged = 4 if network.size.across > 1 else 0
    assert matcher_field(method) == 1 + enlarged + 2 + 4 + 2  # misfit, head, one block, tail
    blocks = 4 * network.size.blocks
    beside = 2 if network.size.across > 1 else 4  # places beside a pixel that its misfit is enlarged from
    assert restorer_field(method) == 1 + enlarged + 2 + blocks + 2 + beside  # misfit, head, trunk, tail, fill
    assert encoder_field(method) == (4 * 5 + 3 * 4) / 4  # 16 taps round each of the 5 pixels that enlargement reads
