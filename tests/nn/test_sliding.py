"""Sliding windows against windows taken one by one, pixel by pixel."""

import cv2
import numpy as np
import pytest
import torch

from lfvideo_sr.nn import sliding
from lfvideo_sr.nn.sliding import corners, slide, smoothed

ROUNDING = 1e-5


@pytest.mark.parametrize(
    ("side", "expected"), [(8, [0]), (9, [0, 1]), (10, [0, 2]), (13, [0, 2, 4, 5]), (12, [0, 2, 4])]
)
def test_windows_reach_the_edge(side, expected):
    assert [top for top, _ in corners(side, 8, 8, 2)] == expected
    assert [left for _, left in corners(8, side, 8, 2)] == expected


def test_every_place_is_covered():
    seen = np.zeros((13, 21))
    for top, left in corners(13, 21, 8, 5):
        seen[top : top + 8, left : left + 8] += 1
    assert seen.min() >= 1


def test_masks_are_smoothed_by_a_gaussian_of_three_pixels():
    masks = torch.rand(2, 1, 32, 40, generator=torch.Generator().manual_seed(1))
    for mask, smooth in zip(masks, smoothed(masks)):
        expected = cv2.GaussianBlur(mask[0].numpy(), (19, 19), 3, borderType=cv2.BORDER_REPLICATE)
        assert np.allclose(smooth[0].numpy(), expected, atol=ROUNDING)


@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_fusion_equals_the_literal_average(at_once, monkeypatch):
    """For every pixel of the output: predictions weighted by their smoothed masks (section 4)."""
    monkeypatch.setattr(sliding, "_AT_ONCE", at_once)
    rng = torch.Generator().manual_seed(3)
    places = corners(7, 10, 4, 2)
    made = {place: (torch.rand(3, 8, 8, generator=rng), torch.rand(1, 8, 8, generator=rng)) for place in places}

    def predict(some):
        assert len(some) <= at_once
        pictures, masks = zip(*(made[place] for place in some))
        return torch.stack(pictures), torch.stack(masks)

    together = slide(predict, places, 7, 10, 2)
    for y in range(14):
        for x in range(20):
            total, weights = torch.zeros(3), 0.0
            for (top, left), (picture, mask) in made.items():
                if 2 * top <= y < 2 * top + 8 and 2 * left <= x < 2 * left + 8:
                    weight = smoothed(mask[None])[0, 0, y - 2 * top, x - 2 * left] + 1e-3
                    total, weights = total + weight * picture[:, y - 2 * top, x - 2 * left], weights + weight
            assert torch.allclose(together[:, y, x], total / weights, atol=ROUNDING)
