"""AMSA against its equations, and that its positions mean the same at every scale of a reference."""

import math

import pytest
import torch
from small_networks import SMALL, blurred, count, filled, low, matched, picture, small_network

from lfvideo_sr.media.resize import bicubic as host_bicubic
from lfvideo_sr.methods import amsa
from lfvideo_sr.methods.amsa import AMSA, AMSASize, ByRelevance, by_scale, scaled
from lfvideo_sr.nn.dynamic_aggregation import PlainAggregation
from lfvideo_sr.nn.hypotheses import Hypothesis
from lfvideo_sr.nn.resize import bicubic

ROUNDING = 1e-5


@pytest.fixture(scope="module")
def exact():
    """Searches all of every scale, so that what is best is found."""
    network = filled(AMSA(AMSASize(**SMALL, scales=3, exact=True)))
    network.correspondence.reference.load_state_dict(network.correspondence.query.state_dict())
    return network


def own_positions(height, width):
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x, y], -1) * 4 + 1.5


def test_parameters():
    with torch.device("meta"):
        network = AMSA()
    aggregations = [641_938, 178_706, 57_682]  # at strides 4, 2 and 1; no mask, one group of offsets
    heads = [184_384, 110_656, 73_792]
    convolutions = 1_792 + 18_464 + 867 + 2 * 147_712  # Table 3 of C2-Matching: 0, 16, 17, 6 and 11
    blocks = 4 * 16 * 73_856
    assert [count(fusion.aggregation) for fusion in network.restorer.fusions] == aggregations
    assert [count(fusion.head) for fusion in network.restorer.fusions] == heads
    assert all(isinstance(fusion.aggregation.aggregation, PlainAggregation) for fusion in network.restorer.fusions)
    assert count(network.restorer) == sum(aggregations) + sum(heads) + convolutions + blocks == 6_290_489
    assert count(network) == 6_290_489 + 3 * 555_328  # what a scale adds is no parameter


def test_papers_settings():
    assert AMSASize().scales == 5 and amsa.FACTOR == 0.8 and AMSASize().sharpness == 1
    assert amsa.PAPERS.levels == (8, 4, 2, 1) and amsa.PAPERS.rounds == (1, 1, 2, 6) and not amsa.PAPERS.coherent


@pytest.mark.parametrize(
    ("scale", "size"), [(0, (160, 120)), (1, (128, 96)), (2, (104, 76)), (3, (80, 60)), (4, (64, 48))]
)
def test_scales_are_whole_strides(scale, size):
    reduced = scaled((1, 3, 120, 160), scale)
    assert (reduced.width, reduced.height) == size
    assert all(side % 4 == 0 and abs(side - whole * 0.8**scale) <= 2 for side, whole in zip(size, (160, 120)))
    assert min(scaled((3, 4, 4), 4)) == 4


@torch.no_grad()
def test_every_scale_is_encoded_as_a_picture_of_its_own(exact):
    reference = picture(40, 52)
    encoded = exact.encoder(reference)
    assert len(encoded) == 3 * 4
    for scale in range(3):
        size = scaled(reference.shape, scale)
        small = bicubic(reference, size).clamp(0, 1) if scale else reference
        if scale:
            twin = torch.from_numpy(host_bicubic(reference.numpy(), size)).clamp(0, 1)
            assert torch.allclose(small, twin, atol=1e-4)  # antialiased, as Pillow reduces
        for name, features in exact.encoder.one(small).items():
            assert torch.equal(encoded[f"{name}@{scale}"], features), (name, scale)


@torch.no_grad()
def test_weights_are_equation_9():
    """A softmax of relevance over everything given, and the sum of Eq. 10; what has no relevance takes no part."""
    rng = torch.Generator().manual_seed(0)
    content = torch.randn(2, 3, 4, 5, generator=rng)
    relevances = [torch.rand(2, 1, 4, 5, generator=rng) for _ in range(3)]
    relevances[1][:, :, 1] = 0
    for relevance in relevances:
        relevance[:, :, 3, 4] = 0
    hypotheses = [
        Hypothesis(torch.randn(2, 8, 6, 7, generator=rng), torch.rand(2, 4, 5, 2, generator=rng) * 6, relevance)
        for relevance in relevances
    ]
    for sharpness in (1.0, 10.0):
        summed = ByRelevance(filled(PlainAggregation(3, 8)), 8, sharpness)
        each = [summed.aggregation(content, hypothesis.features, hypothesis.positions) for hypothesis in hypotheses]
        aligned = summed(content, hypotheses)
        for b in range(2):
            for row in range(4):
                for column in range(5):
                    trusts = [float(relevance[b, 0, row, column]) for relevance in relevances]
                    shares = [math.exp(sharpness * trust) if trust else 0.0 for trust in trusts]
                    expected = torch.zeros(8)
                    for share, features in zip(shares, each):
                        if sum(shares):
                            expected += share / sum(shares) * features[b, :, row, column]
                    assert torch.allclose(aligned[b, :, row, column], expected, atol=ROUNDING), (b, row, column)


@torch.no_grad()
def test_a_picture_lies_in_itself_where_it_is(exact):
    frame, reference = blurred(24, 28)
    positions, relevance = exact.matcher(frame, exact.encoder(reference))
    assert positions.shape == (3, 24, 28, 2) and relevance.shape == (3, 24, 28)
    unmoved = own_positions(24, 28)
    assert torch.allclose(positions[0], unmoved, atol=1e-4)  # no displacement
    assert relevance[0].min() > 0.999 and (relevance[0] >= relevance[1:].amax(0) - ROUNDING).all()
    assert relevance[1:].mean() < 0.999


@torch.no_grad()
def test_an_enlarged_reference_is_found_at_scale_1(exact):
    """Of a picture enlarged by 1 / 0.8, scale 1 is the picture; positions are in pixels of what was given."""
    frame, seen = blurred(32, 40, seed=1)
    reference = bicubic(seen, scaled((128 / 0.64, 160 / 0.64), 1)).clamp(0, 1)
    assert reference.shape[2:] == (160, 200)
    positions, relevance = exact.matcher(frame, exact.encoder(reference))
    middle = (slice(4, -4), slice(4, -4))
    assert relevance[1][middle].mean() > max(float(relevance[0][middle].mean()), float(relevance[2][middle].mean()))
    assert relevance[1][middle].mean() > 0.995
    expected = (own_positions(32, 40) + 0.5) / 0.8 - 0.5
    near = (positions[1] - expected).abs().amax(-1) < 1e-3
    assert near[middle].float().mean() > 0.95


@torch.no_grad()
def test_a_match_of_all_scales_becomes_one_in_each(exact):
    """Positions in the reference's pixels -> in each scale's own, with each scale's features."""
    reference = picture(40, 60)
    match = matched(exact, low(reference), reference)
    singles = by_scale(match, "relu2_1")
    for scale, single in enumerate(singles):
        size = scaled(reference.shape, scale)
        for axis, (part, whole) in enumerate(zip(size, (60, 40))):
            expected = (match.positions[scale : scale + 1, ..., axis] + 0.5) * part / whole - 0.5
            assert torch.allclose(single.positions[..., axis], expected, atol=1e-4)
        assert torch.equal(single.relevance, match.relevance[scale : scale + 1])
        assert list(single.features) == ["relu2_1"] and single.features["relu2_1"] is match.features[f"relu2_1@{scale}"]
        places = ((single.positions - 1.5) / 4).round()  # what was searched are whole places of that scale
        assert torch.allclose(places * 4 + 1.5, single.positions, atol=1e-3)


@torch.no_grad()
def test_a_batch_lies_scale_by_scale(exact):
    sharp = torch.cat([picture(32, 40), picture(32, 40, seed=3)])
    frame = torch.cat([low(pixels[None]) for pixels in sharp])
    together = matched(exact, frame, sharp)
    assert together.positions.shape == (6, 8, 10, 2)
    for number in range(2):
        alone = matched(exact, frame[number : number + 1], sharp[number : number + 1])
        assert torch.allclose(together.positions[number::2], alone.positions, atol=1e-4)


@torch.no_grad()
def test_patchmatch_starts_from_a_seed_of_all_scales():
    """The field of the frame before, in pixels of the reference, is a start for every scale."""
    network = small_network("amsa")
    frame, reference = blurred(24, 28)
    encoded = network.encoder(reference)
    exact = network.matcher.__class__(network.matcher.one, 3, exact=True)
    best, most = exact(frame, encoded)
    positions, relevance = network.matcher(frame, encoded, best)
    assert torch.allclose(positions, best, atol=1e-3) and torch.allclose(relevance, most, atol=ROUNDING)
    cold = network.matcher(frame, encoded)[1]
    assert (cold <= most + ROUNDING).all() and cold.mean() > 0.9 * most.mean()


@torch.no_grad()
def test_several_references_meet_at_all_scales():
    network = small_network("amsa")
    sharp = picture(32, 40)
    frame = low(sharp)
    matches = [matched(network, frame, sharp), matched(network, frame, picture(36, 24, seed=4))]
    assert len(network.restorer.hypotheses(matches, "relu1_1")) == 2 * 3
    both, single = (network.restorer(frame, some) for some in (matches, matches[:1]))
    assert not torch.allclose(both, single, atol=1e-3)
    assert torch.allclose(both, network.restorer(frame, matches[::-1]), atol=1e-4)  # in any order


def test_a_method_is_built_round_a_network():
    method = amsa.build(amsa.network({**SMALL, "scales": 2, "sharpness": 10.0}))
    assert (method.info.name, method.field_stride, method.warm) == ("amsa", 4, True)
