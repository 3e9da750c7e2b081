"""Match and swap against a literal reading of the paper, patch by patch."""

import pytest
import torch

from lfvideo_sr.errors import ShapeError
from lfvideo_sr.matching.swap import ALPHAS, swap
from lfvideo_sr.methods.e2ent2 import search


def random_features(seed=0, ratio=2, query=(5, 6), low=(6, 4), channels=3):
    rng = torch.Generator().manual_seed(seed)
    shapes = (query, low, tuple(ratio * side for side in low))
    return [torch.randn(2, channels, *shape, generator=rng, dtype=torch.float64) for shape in shapes]


def centres(size):
    return [(y, x) for y in range(1, size[0] - 1) for x in range(1, size[1] - 1)]


def patch(features, y, x, ratio=1):
    """The patch of 3x3 cells round cell (y, x); a view."""
    return features[:, ratio * (y - 1) : ratio * (y + 2), ratio * (x - 1) : ratio * (x + 2)]


def literal_match(query, low):
    """Eq. 3 and 4: the centre of each patch's match, {(y, x): (Y, X)}."""
    matches = {}
    for y, x in centres(query.shape[1:]):
        scores = {}
        for Y, X in centres(low.shape[1:]):
            other = patch(low, Y, X)
            scores[Y, X] = (patch(query, y, x) * other).sum() / other.abs().sum()
        matches[y, x] = max(scores, key=scores.get)
    return matches


def literal_swap(query, low, high, ratio):
    total = torch.zeros(query.shape[0], ratio * query.shape[1], ratio * query.shape[2], dtype=query.dtype)
    count = torch.zeros_like(total)
    for place, match in literal_match(query, low).items():
        patch(total, *place, ratio).add_(patch(high, *match, ratio))
        patch(count, *place, ratio).add_(1)
    return total / count


def literal_backward(query, low, high, error, ratio):
    """Eq. 5, literally: error terms of patches, accumulated over matches, averaged where patches overlap."""
    matches = literal_match(query, low)
    reduced = torch.nn.functional.avg_pool2d(error[None], ratio)[0]
    results = []
    for features, share, source, scale in (
        (query, ALPHAS[0], reduced, 1),
        (low, ALPHAS[1], reduced, 1),
        (high, ALPHAS[2], error, ratio),
    ):
        terms = {}
        for place, match in matches.items():
            at = place if features is query else match
            terms[at] = terms.get(at, 0) + share * patch(source, *place, scale)
        total, count = torch.zeros_like(features), torch.zeros_like(features)
        for place, term in terms.items():
            patch(total, *place, scale).add_(term)
            patch(count, *place, scale).add_(1)
        results.append(total / count.clamp(min=1))
    return results


@pytest.mark.parametrize("ratio", [1, 2, 4])
@pytest.mark.parametrize("sizes", [((5, 6), (6, 4)), ((3, 3), (5, 7)), ((7, 4), (3, 3))], ids=str)
def test_equals_the_literal_twin(ratio, sizes):
    query, low, high = random_features(ratio=ratio, query=sizes[0], low=sizes[1])
    for number, picture in enumerate(swap(query, low, high, search(query, low))):
        assert torch.allclose(picture, literal_swap(query[number], low[number], high[number], ratio), atol=1e-12)


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_the_backward_pass_is_equation_5(ratio, seed):
    maps = random_features(seed, ratio, query=(8, 7), low=(4, 5))  # small, so that matches are shared
    inputs = [features.requires_grad_() for features in maps]
    swapped = swap(*inputs, search(*(features.detach() for features in inputs[:2])))
    error = torch.randn(swapped.shape, dtype=torch.float64)
    swapped.backward(error)
    for number in range(2):
        expected = literal_backward(*(tensor.detach()[number] for tensor in inputs), error[number], ratio)
        for name, tensor, gradient in zip(("query", "low", "high"), inputs, expected):
            assert torch.allclose(tensor.grad[number], gradient, atol=1e-12), name


def test_a_reference_that_is_the_frame_gives_its_own_detail():
    _, low, high = random_features(low=(6, 7), ratio=4, channels=8)
    low = low.sign()  # all patches of one length, so that each is most similar to itself
    index = search(low, low)
    centres = torch.arange(42).view(6, 7)[1:-1, 1:-1]
    assert torch.equal(index, centres.expand(2, -1, -1))
    assert torch.allclose(swap(low, low, high, index), high)


def test_what_does_not_fit_is_refused():
    query, low, high = random_features()
    index = search(query, low)
    with pytest.raises(ShapeError, match="no whole multiple"):
        swap(query, low, high[..., :-1], index)
    with pytest.raises(ShapeError, match="equal B and C"):
        swap(query, low[:, :2], high, index)
    with pytest.raises(ShapeError, match="equal B and C"):
        search(query[:, :2], low)
