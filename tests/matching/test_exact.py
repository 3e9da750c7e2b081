"""Exact search against its plain twin, and what it promises."""

import pytest
import torch

from lfvideo_sr.errors import ShapeError
from lfvideo_sr.matching import exact as matching
from lfvideo_sr.matching.exact import exact_search, exact_search_to_the_edge, plain_exact_search, search_at_once

SIZES = [((9, 12), (9, 12)), ((7, 5), (11, 16)), ((12, 14), (3, 8)), ((3, 3), (6, 3))]


def features(*shape, seed=0, dtype=torch.float64):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return values / values.norm(dim=1, keepdim=True)


@pytest.fixture(params=[1 << 20, 1], ids=["one strip", "strips of one row"], autouse=True)
def strip(request, monkeypatch):
    monkeypatch.setattr(matching, "_STRIP", request.param)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(("patch", "top", "order"), [(3, 1, 2), (3, 4, 2), (1, 1, 2), (2, 3, 2), (3, 1, 1)])
def test_equals_the_plain_twin(sizes, patch, top, order):
    query, reference = features(2, 5, *sizes[0]), features(2, 5, *sizes[1], seed=1)
    options = {"patch": patch, "top": top, "order": order}
    fast, plain = (search(query, reference, **options) for search in (exact_search, plain_exact_search))
    assert torch.equal(fast.index, plain.index)
    assert torch.allclose(fast.score, plain.score, atol=1e-12)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(("patch", "order"), [(3, 2), (1, 2), (3, 1)])
def test_a_search_at_once_finds_the_same(sizes, patch, order):
    query, reference = features(2, 5, *sizes[0]), features(2, 5, *sizes[1], seed=1)
    fast = search_at_once(query, reference, patch, order)
    expected = exact_search(query, reference, patch=patch, order=order)
    assert torch.equal(fast.index, expected.index) and torch.allclose(fast.score, expected.score, atol=1e-12)


def test_scores_in_float32_are_within_rounding_of_the_twin():
    query, reference = (features(1, 32, 10, 13, seed=seed, dtype=torch.float32) for seed in (0, 1))
    fast, plain = (search(query, reference) for search in (exact_search, plain_exact_search))
    assert torch.allclose(fast.score, plain.score, atol=1e-5)


def test_among_equal_patches_the_first_wins():
    tile = torch.randint(-3, 4, (1, 4, 3, 3), generator=torch.Generator().manual_seed(0)).double()
    query, reference = tile, tile.repeat(1, 1, 3, 4)  # whole numbers: equal patches score exactly equal
    for search in (exact_search, plain_exact_search):
        matches = search(query, reference, top=3)
        assert matches.index.flatten().tolist() == [12 + 1, 12 + 4, 12 + 7]


@pytest.mark.parametrize("patch", [1, 3, 5])
def test_to_the_edge_every_place_has_a_match(patch):
    """The padded search, decoded on the reference's own grid."""
    query, reference = features(2, 5, 6, 7), features(2, 5, 8, 5, seed=1)
    edge = patch // 2
    padded = [torch.nn.functional.pad(values, 4 * [edge]) for values in (query, reference)]
    plain, matches = plain_exact_search(*padded, patch=patch), exact_search_to_the_edge(query, reference, patch=patch)
    y, x = plain.index // (5 + 2 * edge) - edge, plain.index % (5 + 2 * edge) - edge
    assert torch.equal(matches.index, y * 5 + x) and torch.allclose(matches.score, plain.score, atol=1e-12)
    whole = exact_search_to_the_edge(reference, reference, patch=patch).index
    assert torch.equal(whole, torch.arange(40).view(1, 1, 8, 5).expand(2, -1, -1, -1))


@pytest.mark.parametrize("shift", [(0, 0), (2, 1)])
def test_finds_a_picture_in_a_larger_one(shift):
    reference = features(1, 6, 14, 17)
    query = reference[..., shift[0] : shift[0] + 8, shift[1] : shift[1] + 9]
    found = exact_search(query, reference)
    y, x = torch.meshgrid(torch.arange(6) + 1 + shift[0], torch.arange(7) + 1 + shift[1], indexing="ij")
    assert torch.equal(found.index[0, 0], y * 17 + x)
    assert torch.allclose(found.score, torch.ones_like(found.score), atol=1e-4)


@pytest.mark.parametrize(
    ("query", "reference", "options", "message"),
    [
        ((1, 4, 8, 8), (1, 5, 8, 8), {}, "equal B and C"),
        ((4, 8, 8), (4, 8, 8), {}, "equal B and C"),
        ((1, 4, 8, 8), (1, 4, 2, 8), {}, "must hold a patch of 3x3"),
        ((1, 4, 1, 1), (1, 4, 8, 8), {}, "must hold a patch of 3x3"),
        ((1, 4, 8, 8), (1, 4, 3, 3), {"top": 2}, "2 matches are wanted of a reference with 1 patches"),
        ((1, 4, 8, 8), (1, 4, 3, 3), {"top": 0}, "0 matches"),
    ],
)
def test_what_cannot_be_searched_is_refused(query, reference, options, message):
    for search in (exact_search, plain_exact_search):
        with pytest.raises(ShapeError, match=message):
            search(torch.rand(query), torch.rand(reference), **options)


def test_numbers_that_are_none_are_refused():
    query = torch.rand(1, 4, 8, 8)
    query[0, 0, 0, 0] = torch.nan
    with pytest.raises(ShapeError, match="not finite"):
        exact_search(query, torch.rand(1, 4, 8, 8))


def test_a_single_pixel_patch_takes_a_single_pixel():
    matches = exact_search(torch.ones(1, 3, 1, 1), torch.ones(1, 3, 1, 1), patch=1)
    assert matches.index.item() == 0 and matches.score.item() == pytest.approx(1, abs=1e-4)
