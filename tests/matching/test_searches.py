"""What every search keeps to, whatever precision it is asked in."""

import pytest
import torch
import torch.nn.functional as F

from lfvideo_sr.matching.block import block_search
from lfvideo_sr.matching.exact import exact_search
from lfvideo_sr.matching.patchmatch import patchmatch
from lfvideo_sr.matching.windowed import windowed_search

SEARCHES = [exact_search, patchmatch, block_search, windowed_search]


@pytest.fixture
def smooth():
    """Positive and smooth, as features behind a ReLU are: neighbours differ by little."""
    noise = torch.randn(1, 64, 24, 24, generator=torch.Generator().manual_seed(0))
    return F.avg_pool2d(noise, 3, stride=1, padding=1) + 1


@pytest.mark.parametrize("search", SEARCHES)
def test_autocast_changes_nothing(search, smooth):
    plain = search(smooth, smooth)
    with torch.autocast("cpu", torch.bfloat16):
        cast = search(smooth, smooth)
    assert torch.equal(cast.index, plain.index) and torch.equal(cast.score, plain.score)


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_empty_patches_in_half_precision_leave_the_others_alone(search, dtype, smooth):
    holed = smooth.clone()
    holed[..., :6, :6] = 0
    matches = search(holed.to(dtype), holed.to(dtype))
    assert matches.score.isfinite().all() and matches.score.dtype == torch.float32
    expected = search(holed.to(dtype).float(), holed.to(dtype).float())
    assert torch.equal(matches.index, expected.index)


@pytest.mark.parametrize("search", SEARCHES)
def test_no_gradient_is_recorded(search, smooth):
    assert not search(smooth.requires_grad_(), smooth).score.requires_grad
