"""Warping: coordinates and their order, and the host's fast path beside its plain twin."""

import cv2
import numpy as np
import pytest
import torch

from lfvideo_sr.nn.warp import grid_positions, inside, sample, sample_bicubic, upsampled_positions, warp_upsampled

FAST_PATH = 4e-3  # of a picture in [0,1]: OpenCV rounds positions to 1/32 pixel


@pytest.fixture
def picture():
    noise = np.random.default_rng(1).random((60, 80, 3), np.float32)
    return torch.from_numpy(cv2.GaussianBlur(noise, (0, 0), 2)).permute(2, 0, 1)[None].contiguous()


def shifted(height, width, stride, dx, dy):
    unmoved = grid_positions(height, width) * stride + (stride - 1) / 2
    return unmoved + torch.tensor([dx, dy])


def test_sampling_at_its_own_grid_is_the_identity(picture):
    for mode in ("bilinear", "bicubic"):
        assert torch.allclose(sample(picture, grid_positions(60, 80), mode), picture, atol=1e-5)


def test_x_comes_first_and_points_right(picture):
    moved = sample(picture, grid_positions(60, 80) + torch.tensor([3.0, 1.0]))
    assert torch.allclose(moved[..., :-1, :-3], picture[..., 1:, 3:], atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (2.5, -1.25), (-30.0, 0.0)])
def test_upsampled_positions_keep_a_constant_displacement_to_the_border(stride, shift):
    finer = upsampled_positions(shifted(5, 7, stride, *shift), stride)
    assert torch.allclose(finer, grid_positions(5 * stride, 7 * stride) + torch.tensor(shift), atol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
def test_host_warp_equals_its_plain_twin(picture, stride):
    generator = torch.Generator().manual_seed(0)
    positions = shifted(60 // stride, 80 // stride, stride, 1.3, -0.7)
    positions = positions + torch.rand(positions.shape, generator=generator)
    plain = sample(picture, upsampled_positions(positions, stride), mode="bicubic")
    with torch.inference_mode():
        fast = warp_upsampled(picture, positions, stride)
    assert fast.shape == plain.shape
    assert (fast - plain).abs().max() < FAST_PATH
    assert (fast - plain).abs().mean() < FAST_PATH / 10


def test_host_samples_equal_their_plain_twin(picture):
    positions = torch.rand(1, 20, 30, 2, generator=torch.Generator().manual_seed(0)) * 90 - 5  # some beyond the edge
    plain = sample(picture, positions, mode="bicubic")
    with torch.inference_mode():
        fast = sample_bicubic(picture, positions)
    assert fast.shape == plain.shape == (1, 3, 20, 30)
    assert (fast - plain).abs().max() < FAST_PATH


def test_training_takes_the_plain_twin_with_gradients(picture):
    positions = shifted(30, 40, 2, 0.4, 0.2).requires_grad_()
    warp_upsampled(picture, positions, 2).sum().backward()
    assert positions.grad is not None and positions.grad.abs().sum() > 0


def test_inside_counts_whole_pixels():
    positions = torch.tensor([[[[-0.6, 0.0], [-0.5, 0.0], [9.5, 4.5], [9.6, 0.0], [0.0, 4.6]]]])
    assert inside(positions, 5, 10).flatten().tolist() == [0, 1, 1, 0, 0]


def test_half_precision_samples_the_right_place():
    """bfloat16 cannot tell 470 from 471."""
    source = torch.zeros(1, 1, 2, 480)
    source[..., 470] = 1
    assert torch.allclose(sample(source.bfloat16(), grid_positions(2, 480)).float(), source, atol=1e-3)
