"""Matches between places, against features moved by a known part of a place and against the plain twin."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lfvideo_sr.matching import subplace
from lfvideo_sr.matching.exact import exact_search_to_the_edge
from lfvideo_sr.matching.patchmatch import relevance
from lfvideo_sr.matching.subplace import between_places


def smooth(x, y, channels=32):
    """Waves at places (x, y), [1,C,h,w]: features that can be had anywhere."""
    rng = np.random.default_rng(2)
    across, down, phase = [*rng.normal(0, 0.5, (2, channels)).tolist(), rng.uniform(0, 6, channels).tolist()]
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([(a * columns + d * rows + p).sin() for a, d, p in zip(across, down, phase)])[None]


def places(height, width):
    return torch.arange(width, dtype=torch.float64), torch.arange(height, dtype=torch.float64)


@pytest.mark.parametrize("moved", [(0.0, 0.0), (0.3, 0.0), (-0.2, 0.35), (0.1, -0.3)], ids=str)
def test_finds_the_part_of_a_place(moved):
    x, y = places(16, 20)
    reference, query = smooth(x, y), smooth(x + moved[0] + 2, y + moved[1])
    index, _ = (part[:, 0] for part in exact_search_to_the_edge(query, reference))
    inner = (slice(None), slice(3, -3), slice(3, -5))
    expected = (torch.arange(16)[:, None] * 20 + torch.arange(20) + 2).expand(1, -1, -1)
    assert torch.equal(index[inner], expected[inner])
    parts = between_places(query, reference, index)[inner]
    error = (parts - torch.tensor(moved)).abs()
    assert error.mean() < 0.05 and error.max() < 0.15
    assert parts.abs().max() <= 0.5


@pytest.mark.parametrize("twin", ["whole patches", "as a graph has it"])
def test_equals_its_twins(twin, monkeypatch):
    query, reference = (F.avg_pool2d(torch.randn(1, 6, *size), 3, 1, 1) for size in ((9, 12), (14, 7)))
    index, _ = (part[:, 0] for part in exact_search_to_the_edge(query, reference))
    fast = between_places(query, reference, index)
    if twin == "whole patches":
        monkeypatch.setattr(subplace, "_scores", whole_patches)
    else:
        monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    assert torch.allclose(between_places(query, reference, index), fast, atol=1e-4)
    assert fast.count_nonzero() > fast.numel() / 2


def whole_patches(query, reference, candidates):
    return torch.stack([relevance(query, reference, candidate) for candidate in candidates.unbind(-1)], -1)


def test_stays_at_the_edge_and_where_there_is_no_peak():
    reference = torch.ones(1, 3, 6, 6)
    everywhere = torch.arange(36).view(1, 6, 6)
    flat = between_places(reference, reference, everywhere)
    assert not flat[:, 2:4, 2:4].any()  # one value only: nothing is better than anything
    noise = torch.randn(1, 5, 6, 6)
    parts = between_places(noise, noise.roll(1, 2), everywhere)
    assert not parts[:, :, 0, 0].any() and not parts[:, :, 5, 0].any()  # x, in the first and the last column
    assert not parts[:, 0, :, 1].any() and not parts[:, 5, :, 1].any()
    assert parts.abs().max() <= 0.5
