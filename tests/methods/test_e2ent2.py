"""E2ENT2 against its paper: sizes, the three verbs, gradients through the swap, ablations."""

import pytest
import torch
import torch.nn.functional as F
from small_networks import SMALL_E2ENT2, count, filled, low, matched, picture, small_network
from torch import nn

from lfvideo_sr.frames import Size
from lfvideo_sr.matching import policy
from lfvideo_sr.matching.exact import exact_search
from lfvideo_sr.matching.swap import PATCH, swap
from lfvideo_sr.methods import e2ent2
from lfvideo_sr.methods.e2ent2 import E2ENT2, E2ENT2Size, index_of, positions_of
from lfvideo_sr.nn.residual import ResidualBlock
from lfvideo_sr.nn.resize import bicubic

ROUNDING = 1e-5


@pytest.fixture(scope="module")
def papers():
    """The paper's network, without storage for its weights."""
    with torch.device("meta"):
        return E2ENT2()


@pytest.fixture(scope="module")
def small():
    return small_network("e2ent2")


@pytest.fixture
def frame_and_reference():
    """A frame, and a reference of another size that shows it moved by (8, 4)."""
    sharp = picture(48, 56, seed=3)
    return low(sharp[..., 4:36, 8:48].contiguous()), sharp


def test_parameters(papers):
    """The paper states none."""
    block, shuffles = 2 * 36_928, 2 * 147_712
    phi = 1_792 + 16 * block + 36_928
    single = 36_928 + shuffles + 1_731
    res1, res2 = 36_928 + 8 * block + shuffles, 73_792 + 8 * block + 1_731
    parts = [papers.phi, papers.restorer.single, papers.restorer.res1, papers.restorer.res2]
    assert [count(part) for part in parts] == [phi, single, res1, res2] == [1_220_416, 334_083, 923_200, 666_371]
    assert count(papers) == 3_144_070


def test_sixteen_blocks_for_encoder_and_decoder_without_normalisation(papers):
    def blocks(module):
        return sum(isinstance(part, ResidualBlock) for part in module.modules())

    assert blocks(papers.phi) == 16 == blocks(papers.restorer.res1) + blocks(papers.restorer.res2)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in papers.modules())


@torch.no_grad()
def test_encoding_is_phi_at_both_scales(small):
    reference = picture(40, 36)
    encoded = small.encoder(reference)
    assert torch.equal(encoded["high"], small.phi(reference)) and encoded["high"].shape[2:] == (40, 36)
    reduced = bicubic(reference, Size(9, 10)).clamp(0, 1)
    assert torch.allclose(encoded["low"], small.phi(reduced), atol=ROUNDING)


@torch.no_grad()
def test_the_verbs_are_match_and_swap(small, frame_and_reference):
    """Positions carry the very matches of Eq. 3, and restoring swaps by them (Eq. 4)."""
    frame, reference = frame_and_reference
    match = matched(small, frame, reference)
    features = small.phi(frame)
    reduced, sharp = match.features["low"], match.features["high"]
    index = exact_search(features, reduced, patch=PATCH, order=1).index[:, 0]
    assert torch.equal(index_of(match.positions, reduced), index)
    believed = match._replace(relevance=torch.ones_like(match.relevance))
    expected = swap(features, reduced, sharp, index)
    assert torch.allclose(small.restorer.swapped(features, [believed]), expected, atol=ROUNDING)


@torch.no_grad()
def test_relevance_is_the_cosine_of_whole_patches(small, frame_and_reference):
    frame, reference = frame_and_reference
    match = matched(small, frame, reference)
    query, other = small.phi(frame)[0], match.features["low"][0]
    index = index_of(match.positions, match.features["low"])[0]
    for y, x in [(1, 1), (3, 7), (6, 8)]:
        row, column = divmod(int(index[y - 1, x - 1]), other.shape[2])
        parts = [
            features[:, j - 1 : j + 2, i - 1 : i + 2].flatten()
            for features, j, i in ((query, y, x), (other, row, column))
        ]
        expected = F.cosine_similarity(*parts, dim=0).clamp(0, 1)
        assert float(match.relevance[0, y, x]) == pytest.approx(float(expected), abs=1e-4)
    assert torch.equal(match.relevance[0, 0, 1:-1], match.relevance[0, 1, 1:-1])


def test_positions_are_centres_in_the_reference_and_edges_follow():
    index = torch.tensor([[[11, 12], [17, 23]]])  # of a reduced reference of 5 columns
    positions = positions_of(index, 5)
    assert positions.shape == (1, 4, 4, 2)
    assert positions[0, 1, 1].tolist() == [4 * 1 + 1.5, 4 * 2 + 1.5]
    assert positions[0, 2, 2].tolist() == [4 * 3 + 1.5, 4 * 4 + 1.5]
    assert positions[0, 0, 0].tolist() == [1.5, 4 * 1 + 1.5]  # as far from (1, 1)'s as the place is
    assert torch.equal(index_of(positions, torch.zeros(1, 1, 6, 5)), index)


@torch.no_grad()
def test_large_pictures_are_searched_by_patchmatch(small, frame_and_reference, monkeypatch):
    frame, reference = frame_and_reference
    exact = matched(small, frame, reference)
    monkeypatch.setattr(policy, "EXACT_UNTIL", 0)
    monkeypatch.setattr(e2ent2, "exact_search", None)  # must not be used
    quick = matched(small, frame, reference)
    assert quick.positions.shape == exact.positions.shape
    assert quick.relevance.mean() > 0.95 * exact.relevance.mean()


@torch.no_grad()
def test_restoring_is_equation_7(small, frame_and_reference):
    frame, reference = frame_and_reference
    match = matched(small, frame, reference)
    features = small.phi(frame)
    swapped = small.restorer.swapped(features, [match])
    enlarged = F.interpolate(frame, scale_factor=4, mode="bilinear", align_corners=False)
    expected = enlarged + small.restorer.res2(torch.cat([swapped, small.restorer.res1(features)], 1))
    assert torch.allclose(small.restorer(frame, [match]), expected, atol=ROUNDING)
    assert torch.allclose(small.restorer(frame), enlarged + small.restorer.single(features), atol=ROUNDING)


@torch.no_grad()
def test_each_place_takes_the_more_relevant_reference(small, frame_and_reference):
    frame, reference = frame_and_reference
    features = small.phi(frame)
    first, second = (matched(small, frame, shown) for shown in (reference, reference.flip(3)))
    trust = torch.zeros_like(first.relevance)
    trust[:, :, :4] = 1
    first, second = first._replace(relevance=trust), second._replace(relevance=0.5 * torch.ones_like(trust))
    both = small.restorer.swapped(features, [first, second])
    alone = [
        small.restorer.swapped(features, [match._replace(relevance=torch.ones_like(trust))])
        for match in (first, second)
    ]
    assert torch.equal(both[..., :16], alone[0][..., :16]) and torch.equal(both[..., 16:], alone[1][..., 16:])
    nothing = first._replace(relevance=torch.zeros_like(trust))
    assert not small.restorer.swapped(features, [nothing]).any()


def test_gradients_reach_phi_by_all_three_ways(frame_and_reference):
    """Eq. 6: through the frame, the reduced and the full reference, each by its own share."""
    frame, reference = frame_and_reference
    grown = []
    for alphas in [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)]:
        network = filled(E2ENT2(E2ENT2Size(**SMALL_E2ENT2, alphas=alphas)))
        features = network.phi(frame)
        network.restorer.swapped(features, [matched(network, frame, reference)]).square().sum().backward()
        gradient = network.phi.head.weight.grad
        grown.append(0.0 if gradient is None else float(gradient.abs().sum()))
    assert all(size > 0 for size in grown[:3]) and grown[3] == 0 and len({round(size, 3) for size in grown[:3]}) == 3


def test_vgg_features_take_phis_place():
    network = E2ENT2(E2ENT2Size(**SMALL_E2ENT2, features="vgg", vgg_width=4))
    frame = low(picture(24, 32))
    assert network.phi(frame).shape == (1, 4, 6, 8)
    with torch.no_grad():
        assert network.restorer(frame, [matched(network, frame, picture(24, 32))]).shape == (1, 3, 24, 32)


def test_a_method_is_built_round_a_network():
    method = e2ent2.build(e2ent2.network({"channels": 8, "blocks": 1, "decoder": [1, 2]}))
    assert (method.info.name, method.info.scale, method.field_stride, method.warm) == ("e2ent2", 4, 4, True)
