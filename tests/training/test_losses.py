"""Losses of stream_ref: what each of them measures, and what it must not depend on."""

import math

import pytest
import torch

from lfvideo_sr.training.losses import alignment_loss, decibel_loss, field_loss, relevance_loss


def pictures(error, count=2):
    """A grey truth, and pictures that miss it by `error` everywhere."""
    truth = torch.full((count, 3, 8, 8), 0.5)
    return truth + torch.as_tensor(error, dtype=torch.float32).view(-1, 1, 1, 1), truth


def test_ten_times_the_error_costs_twenty_decibels():
    small, large = (decibel_loss(*pictures(error), floor=0) for error in (0.01, 0.1))
    assert large - small == pytest.approx(math.log(100), rel=1e-4)


def test_every_sample_counts_alike():
    """Halving the error of a hard sample gains as much as halving that of an easy one."""
    start, easy, hard = (
        decibel_loss(*pictures(errors), floor=0) for errors in ([0.01, 0.2], [0.005, 0.2], [0.01, 0.1])
    )
    assert start - easy == pytest.approx((start - hard).item(), rel=1e-3)


def test_luma_weighs_more_than_a_colour_that_leaves_it_alone():
    truth = torch.full((1, 3, 4, 4), 0.5)
    bright, tint = truth.clone(), truth.clone()
    bright += 0.1
    tint[:, 0] += 0.1 * 0.587 / 0.299
    tint[:, 1] -= 0.1
    assert decibel_loss(bright, truth) > decibel_loss(tint, truth)


def test_below_the_floor_nothing_is_gained():
    assert decibel_loss(*pictures(1e-5)) == pytest.approx(math.log(1e-5), abs=1e-3)


def test_occluded_places_pull_no_harder_than_the_cap():
    assert alignment_loss(*pictures(0.9), cap=0.15) == pytest.approx(0.15)


def test_relevance_is_told_by_which_is_nearer_to_the_truth():
    truth = torch.zeros(1, 3, 8, 8)
    base, better, worse = truth + 0.1, truth + 0.02, truth + 0.3
    high, low = torch.full((1, 4, 4), 0.9), torch.full((1, 4, 4), 0.1)
    assert relevance_loss(high, better, base, truth) < relevance_loss(low, better, base, truth)
    assert relevance_loss(high, worse, base, truth) > relevance_loss(low, worse, base, truth)


def test_a_field_is_measured_where_the_truth_is_visible():
    """The truth moves by (3, -2); the field is right on the left half, and a pixel off on the right one, unseen."""
    flow = torch.tensor([3.0, -2.0]).expand(1, 8, 8, 2)
    y, x = torch.meshgrid(torch.arange(4.0) * 2 + 0.5, torch.arange(4.0) * 2 + 0.5, indexing="ij")
    positions = (torch.stack([x, y], -1) + torch.tensor([3.0, -2.0]) + 16)[None]
    positions[:, :, 2:] += 1
    visible = torch.ones(1, 8, 8)
    seen_right = field_loss(positions, flow, visible, origin=16.0)
    visible[:, :, 4:] = 0
    assert field_loss(positions, flow, visible, origin=16.0) < 0.02 < seen_right
