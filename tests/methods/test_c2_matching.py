"""C2-Matching against the tables and equations of its paper."""

import pytest
import torch
import torch.nn.functional as F
from small_networks import SMALL, count, filled, low, matched, picture, small_network
from torch import nn

from lfvideo_sr.methods import c2_matching
from lfvideo_sr.methods.c2_matching import TEXTURES, C2Matching, C2Size, hypothesis
from lfvideo_sr.nn.dynamic_aggregation import FixedAggregation, MaskedAggregation
from lfvideo_sr.nn.hypotheses import BestOf, Hypothesis
from lfvideo_sr.nn.residual import ResidualBlock

ROUNDING = 1e-5
LIGHT = C2Size(blocks=(16, 16, 8, 4), first_aggregation=False)

TABLE_2 = [
    (3, 64),
    "ReLU",
    (64, 64),
    "ReLU",
    "MaxPool2d",
    (64, 128),
    "ReLU",
    (128, 128),
    "ReLU",
    "MaxPool2d",
    (128, 256),
]
# Layers of Table 3 that hold weights: convolutions (in, out), or so many residual blocks of 64 channels.
TABLE_3 = {
    0: (3, 64), 1: 16, 3: (320, 64), 4: 16, 6: (64, 256), 8: (192, 64), 9: 16, 11: (64, 256), 13: (128, 64), 14: 16,
    16: (64, 32), 17: (32, 3),
}  # fmt: skip
LIGHT_TABLE_3 = TABLE_3 | {3: (64, 64), 9: 8, 14: 4}


@pytest.fixture(scope="module")
def papers():
    """The paper's network, without storage for its weights."""
    with torch.device("meta"):
        return C2Matching()


@pytest.fixture(scope="module")
def light():
    with torch.device("meta"):
        return C2Matching(LIGHT)


def layers_of_table_3(restorer):
    """The restorer's modules by their numbers in Table 3."""
    layers = {0: restorer.head, 1: restorer.body, 6: restorer.enlargers[0], 11: restorer.enlargers[1]}
    for number, fusion in zip((3, 8, 13), restorer.fusions):
        layers |= {number: fusion.head, number + 1: fusion.body}
    return layers | {16: restorer.narrow, 17: restorer.tail}


def described(layer):
    if isinstance(layer, nn.Sequential):
        for block in layer:
            assert isinstance(block, ResidualBlock)
            assert [
                (convolution.in_channels, convolution.out_channels) for convolution in (block.first, block.second)
            ] == 2 * [(64, 64)]
        return len(layer)
    assert layer.kernel_size == (3, 3) and layer.padding == (1, 1)
    return layer.in_channels, layer.out_channels


def test_extractors_are_table_2(papers):
    for extractor in (papers.correspondence.query, papers.correspondence.reference):
        layers = [
            (feature.in_channels, feature.out_channels) if isinstance(feature, nn.Conv2d) else type(feature).__name__
            for feature in extractor.features
        ]
        assert layers == TABLE_2
        assert count(extractor) == 555_328
    assert count(papers.correspondence) == 2 * 555_328  # weights of their own


@pytest.mark.parametrize(("name", "table"), [("papers", TABLE_3), ("light", LIGHT_TABLE_3)])
def test_restorer_is_table_3(name, table, request):
    restorer = request.getfixturevalue(name).restorer
    assert {number: described(layer) for number, layer in layers_of_table_3(restorer).items()} == table


def test_parameters(papers, light):
    assert count(papers.restorer) == 8_865_547  # the paper's 8.9M
    assert count(light.restorer) == 4_825_395  # 4.8M
    assert count(papers.textures) == 555_328
    assert count(papers) == 8_865_547 + 3 * 555_328
    kinds = [type(fusion.aggregation.aggregation) for fusion in papers.restorer.fusions]
    assert kinds == 3 * [MaskedAggregation] and light.restorer.fusions[0].aggregation is None


@torch.no_grad()
def test_restores_as_table_3_says():
    """With any aggregated features in place of what dynamic aggregation makes."""
    restorer = filled(C2Matching(C2Size(channels=8, blocks=(2, 1, 2, 1), textures=4, descriptors=4)).restorer)
    frame = picture(5, 6)
    sizes = [(16, 5, 6), (8, 10, 12), (4, 20, 24)]
    aggregated = [torch.randn(1, *size, generator=torch.Generator().manual_seed(9)) for size in sizes]
    for fusion, features in zip(restorer.fusions, aggregated):
        fusion.aggregation = _Given(features)
    layers = layers_of_table_3(restorer)

    def conv(number, x):
        return F.conv2d(x, layers[number].weight, layers[number].bias, padding=1)

    def leaky(x):
        return torch.where(x > 0, x, 0.1 * x)

    def blocks(number, x):
        for block in layers[number]:
            inner = F.conv2d(x, block.first.weight, block.first.bias, padding=1).clamp(min=0)
            x = x + F.conv2d(inner, block.second.weight, block.second.bias, padding=1)
        return x

    first = blocks(1, leaky(conv(0, frame)))
    five = first + blocks(4, leaky(conv(3, torch.cat([first, aggregated[0]], 1))))
    six = leaky(F.pixel_shuffle(conv(6, five), 2))
    ten = six + blocks(9, leaky(conv(8, torch.cat([six, aggregated[1]], 1))))
    eleven = leaky(F.pixel_shuffle(conv(11, ten), 2))
    fifteen = eleven + blocks(14, leaky(conv(13, torch.cat([eleven, aggregated[2]], 1))))
    added = conv(17, leaky(conv(16, fifteen)))
    base = F.interpolate(frame, scale_factor=4, mode="bilinear", align_corners=False)
    assert added.std() > 0.01
    assert torch.allclose(restorer(frame, []), base + added, atol=ROUNDING)


class _Given(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.features = features

    def forward(self, content, hypotheses):
        return self.features


def test_parts_share_the_extractors(papers):
    assert papers.encoder.extractor is papers.correspondence.reference
    assert papers.matcher.extractor is papers.correspondence.query
    assert papers.encoder.textures is papers.textures


def hypotheses(channels, relevances, size=(4, 5)):
    rng = torch.Generator().manual_seed(4)
    return [
        Hypothesis(
            torch.randn(2, channels, 6, 7, generator=rng),
            torch.rand(2, *size, 2, generator=rng) * 6,
            relevance,
        )
        for relevance in relevances
    ]


@torch.no_grad()
def test_each_place_takes_the_reference_it_matches_best():
    rng = torch.Generator().manual_seed(3)
    relevances = [torch.rand(2, 1, 4, 5, generator=rng) for _ in range(3)]
    relevances[1][:, :, 0, 0] = relevances[0][:, :, 0, 0]  # the first one wins ties
    relevances[2][:, :, 0, 0] = 0
    for relevance in relevances:
        relevance[:, :, 3, 4] = 0  # nothing there
    offers, content = hypotheses(8, relevances), torch.randn(2, 3, 4, 5, generator=rng)
    best = BestOf(filled(MaskedAggregation(3, 8)), 8)
    each = [best.aggregation(content, offered.features, offered.positions) for offered in offers]
    aligned = best(content, offers)
    for b in range(2):
        for row in range(4):
            for column in range(5):
                trust = [float(relevance[b, 0, row, column]) for relevance in relevances]
                place = trust.index(max(trust))
                expected = each[place][b, :, row, column] if max(trust) > 0 else torch.zeros(8)
                assert torch.equal(aligned[b, :, row, column], expected), (b, row, column)
    assert len({trust.argmax() for trust in torch.stack(relevances, -1).flatten(0, -2).numpy()}) == 3


def test_a_match_says_the_same_at_every_stride():
    network, sharp = small_network("c2_matching"), picture(32, 40)
    with torch.no_grad():
        match = matched(network, low(sharp), sharp)
    for layer, stride in (("relu3_1", 4), ("relu2_1", 2), ("relu1_1", 1)):
        at_layer = hypothesis(match, layer)
        assert at_layer.features is match.features[layer]
        assert (
            at_layer.positions.shape == (1, 32 // stride, 40 // stride, 2) and at_layer.positions.dtype == torch.float32
        )
        assert at_layer.relevance.shape == (1, 1, 32 // stride, 40 // stride)
        for row, column in ((0, 0), (7, 9), (3, 2)):
            ratio = 4 // stride
            there = at_layer.relevance[0, 0, row * ratio : (row + 1) * ratio, column * ratio : (column + 1) * ratio]
            assert (there == match.relevance[0, row, column]).all()


@torch.no_grad()
def test_the_light_variant_aggregates_nothing_at_stride_4():
    network = filled(C2Matching(C2Size(**SMALL, first_aggregation=False)))
    sharp = picture(32, 40)
    frame = low(sharp)
    match = matched(network, frame, sharp)

    def without(layer):
        changed = match._replace(features={**match.features, layer: torch.zeros_like(match.features[layer])})
        return torch.equal(network.restorer(frame, [changed]), network.restorer(frame, [match]))

    assert [without(layer) for layer in TEXTURES] == [True, False, False]


def test_the_baseline_learns_no_offsets():
    with torch.device("meta"):
        restorer = C2Matching(C2Size(dynamic=False)).restorer
    kinds = [type(fusion.aggregation.aggregation) for fusion in restorer.fusions]
    assert kinds == 3 * [FixedAggregation] and not [
        name for name, _ in restorer.named_parameters() if "offsets" in name
    ]


def test_a_method_is_built_round_a_network():
    network = small_network("c2_matching")
    method = c2_matching.build(network)
    assert (method.info.name, method.info.scale, method.field_stride, method.warm) == ("c2_matching", 4, 4, True)
    assert method.encoder is network.encoder and method.restorer is network.restorer
    sized = c2_matching.network({"channels": 8, "blocks": [1, 2, 3, 1], "textures": 4, "descriptors": 4})
    assert [len(fusion.body) for fusion in sized.restorer.fusions] == [2, 3, 1]
