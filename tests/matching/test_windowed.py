"""Windowed search equals its literal twin; its scores teach."""

import pytest
import torch

from lfvideo_sr.errors import ShapeError
from lfvideo_sr.matching.windowed import windowed_search


def features(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def literal_search(query, reference, reach):
    """Pixel by pixel."""
    index, score = (torch.zeros(query.shape[1:]) for _ in range(2))
    for y in range(query.shape[1]):
        for x in range(query.shape[2]):
            scores = torch.einsum("c,cij->ij", query[:, y, x], reference)
            rows, columns = torch.meshgrid(*(torch.arange(side) for side in scores.shape), indexing="ij")
            scores[((rows - y).abs() > reach) | ((columns - x).abs() > reach)] = -torch.inf
            index[y, x], score[y, x] = scores.argmax(), scores.max()
    return index.long(), score


@pytest.mark.parametrize("sizes", [((6, 9), (6, 9)), ((5, 4), (8, 11)), ((7, 8), (6, 6))], ids=str)
@pytest.mark.parametrize("reach", [2, 3, 100])
def test_equals_the_literal_twin(sizes, reach):
    query, reference = features(2, 4, *sizes[0]), features(2, 4, *sizes[1], seed=1)
    matches = windowed_search(query, reference, reach=reach)
    for number in range(2):
        index, score = literal_search(query[number], reference[number], reach)
        assert torch.equal(matches.index[number, 0], index)
        assert torch.allclose(matches.score[number, 0], score.double(), atol=1e-5)


@pytest.mark.parametrize("reach", [1, 3, 100])
def test_windows_may_be_centred_elsewhere(reach):
    """Every fourth row and every third column of the reference, as a frame of fewer pixels asks."""
    query, reference = features(1, 4, 3, 5), features(1, 4, 11, 14, seed=1)
    rows, columns = torch.tensor([1, 5, 9]), torch.tensor([1, 4, 7, 10, 13])
    matches = windowed_search(query, reference, reach=reach, centres=(rows, columns))
    spread = torch.zeros(4, 11, 14, dtype=query.dtype)
    spread[:, rows[:, None], columns] = query[0]
    index, score = literal_search(spread, reference[0], reach)
    assert torch.equal(matches.index[0, 0], index[rows[:, None], columns])
    assert torch.allclose(matches.score[0, 0], score[rows[:, None], columns].double(), atol=1e-5)


def literal_together(query, reference, reach, rows, columns, patch):
    """Displacement by displacement; beyond an edge its pixels again."""
    height, width = reference.shape[1:]
    half = patch // 2
    index = torch.zeros(query.shape[1:], dtype=torch.int64)
    for y in range(query.shape[1]):
        for x in range(query.shape[2]):
            best = -torch.inf
            for dy in range(-reach, reach + 1):
                for dx in range(-reach, reach + 1):
                    there = int(rows[y]) + dy, int(columns[x]) + dx
                    if not (0 <= there[0] < height and 0 <= there[1] < width):
                        continue
                    total = 0.0
                    for i in range(-half, half + 1):
                        for j in range(-half, half + 1):
                            v, u = min(max(y + i, 0), len(rows) - 1), min(max(x + j, 0), len(columns) - 1)
                            row = min(max(int(rows[v]) + dy, 0), height - 1)
                            column = min(max(int(columns[u]) + dx, 0), width - 1)
                            total += float(query[:, v, u] @ reference[:, row, column])
                    if total > best:
                        best, index[y, x] = total, there[0] * width + there[1]
    return index


@pytest.mark.parametrize("reach", [1, 3])
def test_neighbours_may_be_scored_together(reach):
    query, reference = features(1, 4, 3, 5), features(1, 4, 11, 14, seed=1)
    rows, columns = torch.tensor([1, 5, 9]), torch.tensor([1, 4, 7, 10, 13])
    matches = windowed_search(query, reference, reach=reach, centres=(rows, columns), patch=3)
    assert torch.equal(matches.index[0, 0], literal_together(query[0], reference[0], reach, rows, columns, 3))


def test_among_equal_places_the_first_wins():
    matches = windowed_search(torch.ones(1, 2, 3, 4), torch.ones(1, 2, 3, 4), reach=1)
    assert matches.index[0, 0].tolist() == [[0, 0, 1, 2], [0, 0, 1, 2], [4, 4, 5, 6]]


def test_nothing_in_reach_is_refused():
    with pytest.raises(ShapeError, match="a window of 2 pixels leaves parts"):
        windowed_search(features(1, 3, 9, 4), features(1, 3, 6, 4), reach=2)
    with pytest.raises(ShapeError, match="equal B and C"):
        windowed_search(features(1, 3, 4, 4), features(1, 2, 4, 4), reach=2)
