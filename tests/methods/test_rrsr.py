"""RRSR against its equations: reference-aware filters, progressive alignment and selection, sizes."""

import pytest
import torch
import torch.nn.functional as F
from small_networks import SMALL, count, filled, low, matched, picture
from torch import nn

from lfvideo_sr.methods import rrsr
from lfvideo_sr.methods.rrsr import RRSR, AlignmentSelection, Progressive, ReferenceAwareFilters, RRSRSize
from lfvideo_sr.nn import hypotheses
from lfvideo_sr.nn.dynamic_aggregation import MaskedAggregation
from lfvideo_sr.nn.hypotheses import BestOf, Fusion, Hypothesis

ROUNDING = 1e-5


@pytest.fixture(scope="module")
def papers():
    """The paper's network, without storage for its weights."""
    with torch.device("meta"):
        return RRSR()


def test_parameters(papers):
    """The paper states none."""
    convolutions = 1_792 + 18_464 + 867 + 2 * 147_712 + 16 * 73_856  # Table 3 of C2-Matching: 0, 16, 17, 6 and 11, 1
    stride_4 = 3_781_656  # as in C2-Matching
    stride_2 = 3 * (765_528 + 1_772_624 + 5 * 73_856)  # alignment, 16 filters with their routing, blocks
    stride_1 = 3 * (272_280 + 1_181_776 + 5 * 73_856)
    assert [count(fusion) for fusion in papers.restorer.fusions] == [stride_4, stride_2, stride_1]
    assert count(papers.restorer) == convolutions + stride_4 + stride_2 + stride_1 == 19_472_203
    assert count(papers) == 19_472_203 + 3 * 555_328
    with torch.device("meta"):
        assert count(RRSR(RRSRSize(filters=0)).restorer) == 11_162_347  # plain convolutions in place of filters
        assert count(RRSR(RRSRSize(alignments=1)).restorer) == 10_010_667


def test_three_alignments_of_five_blocks_at_strides_2_and_1(papers):
    first, *others = papers.restorer.fusions
    assert isinstance(first, Fusion) and len(first.body) == 16
    for fusion, texture in zip(others, (128, 64)):
        assert isinstance(fusion, Progressive) and len(fusion.stages) == 3
        for stage in fusion.stages:
            assert isinstance(stage.align.aggregation, MaskedAggregation) and len(stage.body) == 5
            assert stage.select.templates.shape == (16 * 64, 64 + texture, 3, 3)
            assert (stage.select.route.in_features, stage.select.route.out_features) == (64 + texture, 16)


@torch.no_grad()
def test_filters_mix_convolutions():
    """Eq. 4 and 5, a convolution by each template."""
    filters = ReferenceAwareFilters(6, 4, 3)
    for number, parameter in enumerate(filters.parameters()):
        parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number)))
    merged = torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(9))
    filtered = filters(merged)
    for b, sample in enumerate(merged):
        pooled = torch.stack([channel.sum() / channel.numel() for channel in sample])
        shares = 1 / (1 + torch.exp(-(filters.route.weight @ pooled + filters.route.bias)))
        assert shares.std() > 0.05
        expected = filters.bias[:, None, None].expand(-1, 5, 7).clone()
        for share, template in zip(shares, filters.templates.chunk(3)):
            expected += share * F.conv2d(sample[None], template, padding=1)[0]
        assert torch.allclose(filtered[b], expected, atol=ROUNDING * 10)


def test_filters_start_as_large_as_one_convolution():
    torch.manual_seed(0)
    merged = torch.randn(4, 96, 12, 12)
    with torch.no_grad():
        mixed = ReferenceAwareFilters(96, 64, 16)(merged).std().item()
        plain = nn.Conv2d(96, 64, 3, padding=1)(merged).std().item()
    assert mixed == pytest.approx(plain, rel=0.1)


@torch.no_grad()
@pytest.mark.parametrize("filters", [3, 0])
def test_a_stage_aligns_merges_selects_and_fuses(filters):
    stage = filled(AlignmentSelection(BestOf(MaskedAggregation(5, 8), 8), 5, 2, filters))
    rng = torch.Generator().manual_seed(2)
    content = torch.randn(2, 5, 4, 6, generator=rng)
    relevance = torch.rand(2, 1, 4, 6, generator=rng)
    hypotheses = [
        Hypothesis(torch.randn(2, 8, 7, 5, generator=rng), torch.rand(2, 4, 6, 2, generator=rng) * 4, relevance)
    ]
    aligned = stage.align.aggregation(content, hypotheses[0].features, hypotheses[0].positions)
    x = stage.select(torch.cat([content, aligned], 1))
    x = torch.where(x > 0, x, 0.1 * x)
    for block in stage.body:
        x = x + block.second(block.first(x).clamp(min=0))
    assert torch.allclose(stage(content, hypotheses), content + x, atol=ROUNDING)


@torch.no_grad()
def test_each_stage_sees_what_the_one_before_made():
    class Adding(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def forward(self, content, hypotheses):
            return content * self.factor + hypotheses

    assert Progressive([Adding(2), Adding(3), Adding(5)])(torch.tensor(1.0), 1.0) == ((1 * 2 + 1) * 3 + 1) * 5 + 1


@torch.no_grad()
def test_one_plain_alignment_is_c2_matchings_fusion():
    """The ablation's baseline: alignments 1 and no filters, with C2-Matching's own blocks."""
    sharp = picture(32, 40)
    baseline = filled(RRSR(RRSRSize(**SMALL, alignments=1, filters=0)))
    other = filled(RRSR(RRSRSize(**SMALL, alignments=1, filters=0)))
    for number, (layer, blocks) in enumerate(zip(("relu2_1", "relu1_1"), (1, 1)), start=1):
        stage = other.restorer.fusions[number].stages[0]
        fusion = super(RRSR, other).fusion(layer, blocks)
        fusion.aggregation, fusion.head, fusion.body = stage.align, stage.select, stage.body
        other.restorer.fusions[number] = fusion
    frame = low(sharp)
    match = matched(baseline, frame, sharp)
    assert torch.allclose(baseline.restorer(frame, [match]), other.restorer(frame, [match]), atol=ROUNDING)


def test_a_method_is_built_round_a_network():
    method = rrsr.build(rrsr.network({**SMALL, "alignments": 2, "filters": 3}))
    assert (method.info.name, method.field_stride, method.warm) == ("rrsr", 4, True)


@torch.no_grad()
@pytest.mark.parametrize("filters", [3, 0], ids=["reference-aware filters", "plain"])
def test_large_pictures_are_aligned_and_fused_in_strips(filters, monkeypatch):
    """Each with all that it sees round it; the filters are those of the whole picture, made once for all strips."""
    network, sharp = filled(RRSR(RRSRSize(**SMALL, alignments=2, filters=filters))), picture(96, 24)
    network.correspondence.reference.load_state_dict(network.correspondence.query.state_dict())
    frame = low(sharp)
    match = matched(network, frame, sharp.roll(5, 2))
    whole = network.restorer(frame, [match])
    stage = network.restorer.fusions[2].stages[0]
    heights: dict[str, list[int]] = {"aligned": [], "fused": []}
    for name, part in (("aligned", stage.align.aggregation), ("fused", stage.body)):
        part.register_forward_pre_hook(lambda _, inputs, name=name: heights[name].append(inputs[0].shape[2]))
    monkeypatch.setattr(hypotheses, "_ALIGNED", 40 * 24)
    monkeypatch.setattr(rrsr, "_FUSED", 60 * 24)
    assert torch.allclose(network.restorer(frame, [match]), whole, atol=ROUNDING)
    assert heights["aligned"] == [43, 46, 19]  # 96 rows by 40, with three on either side
    assert heights["fused"] == [63, 39]  # by 60, with three on either side: those of a convolution and of one block
