import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import bicubic
from lfvideo_sr.nn.resize import BicubicEnlarge, BicubicReduce

TOLERANCE = 2e-6  # of a picture in [0,1]; away from the border


@pytest.fixture(params=[(48, 64), (32, 100)])
def picture(request):
    return np.random.default_rng(0).random((3, *request.param), np.float32)


def test_reduce_equals_the_numpy_twin_inside(picture):
    height, width = picture.shape[1:]
    wanted = bicubic(picture, Size(width // 4, height // 4))
    given = BicubicReduce()(torch.from_numpy(picture)[None])[0].numpy()
    assert given.shape == wanted.shape
    assert np.abs(given - wanted)[:, 2:-2, 2:-2].max() < TOLERANCE


def test_enlarge_equals_the_numpy_twin_inside(picture):
    height, width = picture.shape[1:]
    wanted = bicubic(picture, Size(width * 4, height * 4))
    given = F.pixel_shuffle(BicubicEnlarge()(torch.from_numpy(picture)[None]), 4)[0].numpy()
    assert given.shape == wanted.shape
    assert np.abs(given - wanted)[:, 8:-8, 8:-8].max() < TOLERANCE


def test_a_constant_stays_constant_up_to_the_border():
    flat = torch.full((1, 3, 16, 24), 0.3)
    assert torch.allclose(BicubicReduce()(flat), torch.full((1, 3, 4, 6), 0.3), atol=1e-6)
    assert torch.allclose(BicubicEnlarge()(flat), torch.full((1, 48, 16, 24), 0.3), atol=1e-6)


def test_enlarging_stays_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        assert BicubicEnlarge()(torch.rand(1, 3, 8, 8)).dtype == torch.float32
        assert BicubicReduce()(torch.rand(1, 3, 16, 16)).dtype == torch.float32
