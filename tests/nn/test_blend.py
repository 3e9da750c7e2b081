"""Pictures put together from detail by its shares."""

import pytest
import torch
import torch.nn.functional as F

from lfvideo_sr.nn.blend import Blend, shares
from lfvideo_sr.nn.residual import conv3x3
from lfvideo_sr.nn.source import Source

BLEND = Blend(4, 2, sources=3)


@pytest.fixture(params=[2, 4], ids=lambda stride: f"a place every {stride} pixels")
def blend(request):
    return Blend(4, request.param, sources=3)


def test_relevance_spreads_over_its_own_pixels():
    places = torch.arange(4.0).reshape(1, 4, 1, 1)
    spread = F.pixel_shuffle(BLEND.spread(places), 4)[0, 0]
    assert spread.tolist() == [[0, 0, 1, 1]] * 2 + [[2, 2, 3, 3]] * 2


@pytest.mark.parametrize("wish", [-3.0, 0.0, 20.0])
def test_shares_stay_below_one_and_follow_relevance(wish):
    def shared(*relevances):
        maps = [torch.full((1, 16, 2, 3), relevance) for relevance in relevances]
        return shares([torch.full((1, 16, 2, 3), wish)] * 2, maps)

    good, poor = (share.mean() for share in shared(0.9, 0.3))
    assert good + poor < 1 and good == pytest.approx(3 * poor.item(), rel=1e-4)
    good, none = shared(0.9, 0.0)
    assert torch.all(none == 0) and (good.min() > 0.99 or wish < 20)


def nothing(blend):
    """A tail that adds nothing and wishes for nothing."""
    tail = torch.zeros(1, blend.channels, 5, 6)
    tail[:, 48:] = -30.0
    return tail


def source(blend):
    places = blend.across**2
    return Source(torch.rand(1, 48, 5, 6), torch.rand(1, 3 * places, 5, 6) - 0.5, torch.ones(1, places, 5, 6))


def test_a_picture_is_its_frame_enlarged_with_what_is_added_and_the_detail_that_is_wished(blend):
    frame, seen, tail = torch.rand(1, 3, 5, 6), source(blend), nothing(blend)
    base = F.pixel_shuffle(blend.enlarge(frame), 4)
    assert torch.allclose(blend(frame, tail, []), base)
    tail[:, 16:32] = 0.25  # of green alone
    tail[:, 48:64] = 30.0  # the first source's detail is surely wished
    expected = base + F.pixel_shuffle(seen.detail, 4)
    expected[:, 1] += 0.25
    assert torch.allclose(blend(frame, tail, [seen, None, None]), expected, atol=1e-3)


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_a_source_whose_misfit_is_wished_too_gives_its_whole_pixels(blend, slot):
    """Its low-resolution side is flat and so is the frame: what is between them is a step in brightness."""
    places = blend.across**2
    frame, side, sharp = torch.full((1, 3, 5, 6), 0.4), 0.7, torch.rand(1, 3, 20, 24)
    seen = Source(
        F.pixel_unshuffle(sharp - side, 4), torch.full((1, 3 * places, 5, 6), side - 0.4), torch.ones(1, places, 5, 6)
    )
    tail = nothing(blend)
    tail[:, 48 + 16 * slot : 64 + 16 * slot] = 30.0
    tail[:, 96 + places * slot : 96 + places * (slot + 1)] = 30.0
    slots = [seen if number == slot else None for number in range(3)]
    assert torch.allclose(blend(frame, tail, slots), sharp, atol=2e-3)


def test_places_take_their_misfit_alone():
    """Misfit that one place of each low-resolution pixel wishes for changes the picture there and little beside."""
    frame, tail = torch.zeros(1, 3, 5, 6), nothing(BLEND)
    seen = Source(torch.zeros(1, 48, 5, 6), torch.ones(1, 12, 5, 6), torch.ones(1, 4, 5, 6))
    tail[:, 96:100, 2, 3] = 30.0
    picture = BLEND(frame, tail, [seen, None, None])
    assert picture[0, 0, 9:11, 13:15].min() > 0.9 and picture[0, 0, :5].abs().max() < 1e-3


@pytest.mark.parametrize("present", [(), (0,), (2,), (0, 2), (0, 1, 2)], ids=str)
def test_on_the_host_a_blend_is_the_plain_one(blend, present):
    layer = conv3x3(8, blend.channels).to(memory_format=torch.channels_last)
    features, frame = (torch.rand(2, count, 7, 9).contiguous(memory_format=torch.channels_last) for count in (8, 3))
    places = blend.across**2
    slots = [
        Source(torch.randn(2, 48, 7, 9), torch.randn(2, 3 * places, 7, 9), torch.rand(2, places, 7, 9))
        if slot in present
        else None
        for slot in range(3)
    ]
    with torch.inference_mode():
        torch.testing.assert_close(
            blend.behind(layer, features, frame, slots), blend(frame, layer(features), slots), rtol=1e-5, atol=1e-5
        )
