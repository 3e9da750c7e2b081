"""Pictures put together from detail by its shares."""

import pytest
import torch
import torch.nn.functional as F

from lfvideo_sr.nn.blend import Blend

BLEND = Blend(4, 2)


def test_relevance_spreads_over_its_own_pixels():
    places = torch.arange(4.0).reshape(1, 4, 1, 1)
    spread = F.pixel_shuffle(BLEND.spread(places), 4)[0, 0]
    assert spread.tolist() == [[0, 0, 1, 1]] * 2 + [[2, 2, 3, 3]] * 2


@pytest.mark.parametrize("wish", [-3.0, 0.0, 20.0])
def test_shares_of_detail_stay_below_one_and_follow_relevance(wish):
    def shares(*relevances):
        maps = [torch.full((1, 4, 2, 3), relevance) for relevance in relevances]
        return BLEND.shares([torch.full((1, 16, 2, 3), wish)] * 2, maps)

    good, poor = (share.mean() for share in shares(0.9, 0.3))
    assert good + poor < 1 and good == pytest.approx(3 * poor.item(), rel=1e-4)
    good, none = shares(0.9, 0.0)
    assert torch.all(none == 0) and (good.min() > 0.99 or wish < 20)


def test_a_picture_is_its_frame_enlarged_with_what_is_added_and_the_detail_that_is_wished():
    frame, detail = torch.rand(1, 3, 5, 6), torch.rand(1, 48, 5, 6)
    tail = torch.zeros(1, 80, 5, 6)
    base = F.pixel_shuffle(BLEND.enlarge(frame), 4)
    assert torch.allclose(BLEND(frame, tail, []), base)
    tail[:, 16:32] = 0.25  # of green alone
    tail[:, 48:64] = 30.0  # the first reference is surely wished
    picture = BLEND(frame, tail, [(detail, torch.ones(1, 4, 5, 6))])
    wanted = base + F.pixel_shuffle(detail, 4)
    wanted[:, 1] += 0.25
    assert torch.allclose(picture, wanted, atol=1e-3)
