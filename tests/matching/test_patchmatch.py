"""PatchMatch against its plain twin and against exact search."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from lfvideo_sr.errors import ShapeError
from lfvideo_sr.matching.exact import plain_exact_search
from lfvideo_sr.matching.patchmatch import PatchMatchPlan, dilation_steps, patchmatch, plain_patchmatch, relevance

WARM = PatchMatchPlan(levels=(1,), rounds=(2,))


def features(*shape, seed=0, dtype=torch.float64):
    """Smooth noise, as features of pictures are."""
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return F.avg_pool2d(noise, 3, stride=1, padding=1)


@pytest.mark.parametrize("sizes", [((17, 23), (17, 23)), ((9, 40), (21, 12)), ((2, 1), (3, 5))], ids=str)
@pytest.mark.parametrize(
    "plan", [PatchMatchPlan(), WARM, PatchMatchPlan(coherent=True)], ids=["the paper's", "warm", "coherent"]
)
def test_new_candidates_alone_give_the_same_field(sizes, plan):
    query, reference = features(2, 6, *sizes[0]), features(2, 6, *sizes[1], seed=1)
    fast, plain = (match(query, reference, plan, seed=3) for match in (patchmatch, plain_patchmatch))
    assert torch.equal(fast.index, plain.index)
    assert torch.allclose(fast.score, plain.score, atol=1e-12)
    assert fast.compared < plain.compared


@pytest.mark.parametrize("shift", [(0, 0), (3, -2)])
def test_finds_what_was_moved(shift):
    reference = features(1, 16, 40, 48)
    query = reference.roll(shift, (2, 3))
    field = patchmatch(query, reference)
    y, x = torch.meshgrid(torch.arange(40) - shift[0], torch.arange(48) - shift[1], indexing="ij")
    right = field.index[0] == y * 48 + x
    assert right[5:-5, 5:-5].double().mean() > 0.97
    assert field.score[0, 5:-5, 5:-5].mean() > 0.97


def test_is_nearly_as_relevant_as_exact_search():
    query, reference = features(1, 16, 32, 36), features(1, 16, 32, 36, seed=1)
    reference[..., 4:28, 4:30] = query[..., 6:30, 2:28] + 0.05 * features(1, 16, 24, 26, seed=2)
    padded = [F.pad(values, (1, 1, 1, 1)) for values in (query, reference)]
    exact = plain_exact_search(*padded).score.mean()
    assert patchmatch(query, reference).score.mean() > 0.9 * exact


def test_coherent_neighbours_find_more_with_less():
    """A scene that moves as one, beside noise."""
    reference = features(1, 16, 48, 48)
    query = reference.roll((7, -5), (2, 3)) + 0.1 * features(1, 16, 48, 48, seed=1)
    plain, coherent = (patchmatch(query, reference, PatchMatchPlan(coherent=flag)) for flag in (False, True))
    assert coherent.score.mean() > plain.score.mean() and coherent.compared < plain.compared


def test_scores_are_the_relevance_of_the_matches():
    query, reference = features(2, 5, 12, 9), features(2, 5, 11, 14, seed=1)
    field = patchmatch(query, reference)
    assert torch.allclose(relevance(query, reference, field.index), field.score, atol=1e-12)
    assert field.score.abs().max() <= 1


def test_a_warm_start_begins_where_it_is_told():
    reference = features(1, 16, 24, 24)
    places = torch.arange(24 * 24).view(1, 24, 24)
    warm = patchmatch(reference, reference, PatchMatchPlan(levels=(1,), rounds=(1,)), initial=places)
    assert torch.equal(warm.index, places)
    nearly = (places + 1).clamp(max=24 * 24 - 1)
    assert patchmatch(reference, reference, WARM, initial=nearly).score.mean() > 0.99
    strip = patchmatch(features(1, 4, 2, 30), reference[:, :4], initial=torch.zeros(1, 2, 30, dtype=torch.int64))
    assert strip.index.shape == (1, 2, 30)
    coarse = patchmatch(reference, reference, PatchMatchPlan(levels=(4, 1), rounds=(1, 1)), initial=places)
    assert (coarse.index == places).double().mean() > 0.97


@pytest.mark.parametrize("sizes", [((1, 1), (1, 1)), ((1, 2), (1, 1)), ((2, 1), (2, 2)), ((3, 4), (1, 2))], ids=str)
def test_the_smallest_pictures_are_matched_too(sizes):
    """More candidates than pairs of pixels, and no new ones at all."""
    query, reference = features(1, 4, *sizes[0]), features(1, 4, *sizes[1], seed=1)
    fast, plain = (match(query, reference) for match in (patchmatch, plain_patchmatch))
    assert torch.equal(fast.index, plain.index) and torch.allclose(fast.score, plain.score, atol=1e-12)


def test_a_better_field_never_comes_out_worse():
    query, reference = features(1, 8, 20, 20), features(1, 8, 20, 20, seed=1)
    first = patchmatch(query, reference, PatchMatchPlan((1,), (1,)))
    second = patchmatch(query, reference, PatchMatchPlan((1,), (1,)), initial=first.index)
    assert torch.all(second.score >= first.score)


def test_relevance_is_differentiable_in_both_features():
    query, reference = (features(1, 3, 4, 3, seed=seed).requires_grad_() for seed in (0, 1))
    index = torch.randint(12, (1, 4, 3), generator=torch.Generator().manual_seed(0))
    assert gradcheck(lambda frame, reference: relevance(frame, reference, index), (query, reference))


def test_dilations_follow_the_level():
    assert [dilation_steps(side, side) for side in (1, 8, 16, 31, 64, 250)] == [1, 1, 1, 2, 3, 5]


@pytest.mark.parametrize(
    ("query", "reference", "options", "message"),
    [
        ((1, 4, 8, 8), (1, 5, 8, 8), {}, "equal B and C"),
        ((1, 4, 8, 8), (1, 4, 8, 0), {}, "must hold a patch"),
        ((1, 4, 8, 8), (1, 4, 8, 8), {"initial": torch.zeros(1, 4, 4, dtype=torch.int64)}, "initial is"),
    ],
)
def test_what_cannot_be_matched_is_refused(query, reference, options, message):
    with pytest.raises(ShapeError, match=message):
        patchmatch(torch.rand(query), torch.rand(reference), **options)


@pytest.mark.parametrize(
    ("levels", "message"), [((4, 2), "as many of each"), ((4, 3, 1), "each a multiple"), ((2, 4, 1), "each a multiple")]
)
def test_a_plan_goes_from_coarse_to_fine(levels, message):
    with pytest.raises(ShapeError, match=message):
        PatchMatchPlan(levels, (1,) * len(levels))


def test_the_plain_twin_can_be_exported():
    class Matching(torch.nn.Module):
        def forward(self, query, reference, initial):
            return plain_patchmatch(query, reference, WARM, initial=initial)[:2]

    inputs = (features(1, 4, 6, 7), features(1, 4, 5, 9, seed=1), torch.arange(42).view(1, 6, 7))
    exported = torch.export.export(Matching(), inputs).module()(*inputs)
    assert torch.equal(exported[0], plain_patchmatch(*inputs[:2], WARM, initial=inputs[2]).index)
