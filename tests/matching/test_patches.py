"""Patches that are never gathered, against patches cut out one by one."""

import pytest
import torch

from lfvideo_sr.matching.patch_products import patch_products
from lfvideo_sr.matching.patches import PATCH, Patches
from lfvideo_sr.matching.search import EPSILON

ROUNDING = 1e-10
OWN, OTHER = (5, 4), (3, 7)


def features(size, seed):
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def literal_patch(features, which, row, column):
    """[C,3,3] round a pixel; zero beyond the edge."""
    height, width = features.shape[2:]
    patch = torch.zeros(features.shape[1], PATCH, PATCH, dtype=features.dtype)
    for dy in range(PATCH):
        for dx in range(PATCH):
            y, x = row + dy - PATCH // 2, column + dx - PATCH // 2
            if 0 <= y < height and 0 <= x < width:
                patch[:, dy, dx] = features[which, :, y, x]
    return patch


def literal_products(query, reference, candidates):
    """Inner products with the candidates, lists of (row, column), of each place of both pictures in order."""
    products = []
    for (which, row, column), places in candidates.items():
        mine = literal_patch(query, which, row, column)
        products += [(mine * literal_patch(reference, which, *place)).sum() for place in places]
    return torch.stack(products) if products else query.new_zeros(0)


def candidates_of(count):
    """For every place of both pictures so many places of the other picture as `count` of the place's number says."""
    rng = torch.Generator().manual_seed(5)
    candidates = {}
    for number in range(2 * OWN[0] * OWN[1]):
        which, rest = divmod(number, OWN[0] * OWN[1])
        places = torch.randint(OTHER[0] * OTHER[1], (count(number),), generator=rng).tolist()
        candidates[which, rest // OWN[1], rest % OWN[1]] = [divmod(place, OTHER[1]) for place in places]
    return candidates


@pytest.mark.parametrize(
    "count",
    [lambda number: 1, lambda number: number % 4, lambda number: 6 * (number == 17), lambda number: 0],
    ids=["one each", "none to three", "all at one place", "none at all"],
)
def test_products_equal_patches_cut_out_one_by_one(count):
    query, reference = features(OWN, 0), features(OTHER, 1)
    candidates = candidates_of(count)
    numbers = torch.tensor([len(places) for places in candidates.values()]).view(2, *OWN)
    flat = [(which, row * OTHER[1] + column) for (which, _, _), places in candidates.items() for row, column in places]
    which, centre = torch.tensor(flat, dtype=torch.int64).reshape(-1, 2).unbind(1)
    mine, theirs = Patches(query), Patches(reference)
    products = patch_products(mine, theirs, numbers, theirs.corners(which, centre))
    assert products.shape == (numbers.sum(),)
    assert torch.allclose(products, literal_products(query, reference, candidates), atol=ROUNDING)


def test_more_candidates_than_there_are_pairs():
    """As at the coarsest level of a small frame: 1x2 places, each asked for eight of 1x2."""
    query, reference = features((1, 2), 0)[:1], features((1, 2), 1)[:1]
    candidates = {(0, 0, column): [(0, place % 2) for place in range(column, 8 + column)] for column in range(2)}
    centre = torch.tensor([column for places in candidates.values() for _, column in places])
    mine, theirs = Patches(query), Patches(reference)
    products = patch_products(mine, theirs, torch.tensor([[[8, 8]]]), theirs.corners(torch.zeros_like(centre), centre))
    assert torch.allclose(products, literal_products(query, reference, candidates), atol=ROUNDING)


def test_lengths_equal_patches_cut_out_one_by_one():
    values = features(OWN, 2)
    expected = torch.zeros(2, *OWN, dtype=torch.float64)
    for which, row, column in candidates_of(lambda number: 0):
        expected[which, row, column] = literal_patch(values, which, row, column).norm() + EPSILON
    assert torch.allclose(Patches(values).lengths, expected, atol=ROUNDING)


def test_patches_at_places_are_of_the_first_picture_and_of_unit_length():
    values = features(OWN, 3)
    centre = torch.tensor([[0, 7], [19, 3]])
    patches = Patches(values).at(centre)
    for here in torch.cartesian_prod(torch.arange(2), torch.arange(2)):
        row, column = divmod(int(centre[tuple(here)]), OWN[1])
        patch = literal_patch(values, 0, row, column)
        expected = patch.permute(1, 2, 0).flatten() / (patch.norm() + EPSILON)  # pixel by pixel
        assert torch.allclose(patches[tuple(here)], expected, atol=ROUNDING)
