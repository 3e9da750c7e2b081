import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import bicubic
from lfvideo_sr.nn import resize
from lfvideo_sr.nn.residual import pixel_shuffle, pixel_unshuffle
from lfvideo_sr.nn.resize import BicubicEnlarge, BicubicReduce, KernelReduce

TOLERANCE = 2e-6  # of a picture in [0,1]; away from the border


@pytest.fixture(params=[(48, 64), (32, 100)])
def picture(request):
    return np.random.default_rng(0).random((3, *request.param), np.float32)


def test_reduce_equals_the_numpy_twin_inside(picture):
    height, width = picture.shape[1:]
    expected = bicubic(picture, Size(width // 4, height // 4))
    reduced = BicubicReduce()(torch.from_numpy(picture)[None])[0].numpy()
    assert reduced.shape == expected.shape
    assert np.abs(reduced - expected)[:, 2:-2, 2:-2].max() < TOLERANCE


@pytest.mark.parametrize("stride", [2, 4])
def test_reduction_by_convolutions_is_that_by_sums(picture, stride, monkeypatch):
    """Which CUDA takes."""
    reduce, x = BicubicReduce(4, stride), torch.from_numpy(picture)[None].contiguous(memory_format=torch.channels_last)
    expected = reduce(x)
    monkeypatch.setattr(BicubicReduce, "_summed", BicubicReduce._convolved)
    assert torch.allclose(reduce(x), expected, atol=1e-6)


def test_the_same_blur_at_more_places(picture):
    """Stride 2 has a place one pixel before and one behind each place of a reduction."""
    x = torch.from_numpy(picture)[None]
    blur = BicubicReduce(4, stride=2)(x)
    assert blur.shape == (1, 3, picture.shape[1] // 2, picture.shape[2] // 2)
    for moved in (1, -1):
        reduced = BicubicReduce(4)(x.roll((moved, moved), (2, 3)))
        expected = blur[..., (1 - moved) // 2 :: 2, (1 - moved) // 2 :: 2]
        assert torch.allclose(reduced[..., 3:-3, 3:-3], expected[..., 3:-3, 3:-3], atol=TOLERANCE)


def test_enlarge_equals_the_numpy_twin_inside(picture):
    height, width = picture.shape[1:]
    expected = bicubic(picture, Size(width * 4, height * 4))
    reduced = F.pixel_shuffle(BicubicEnlarge()(torch.from_numpy(picture)[None]), 4)[0].numpy()
    assert reduced.shape == expected.shape
    assert np.abs(reduced - expected)[:, 8:-8, 8:-8].max() < TOLERANCE


def test_a_constant_stays_constant_up_to_the_border():
    flat = torch.full((1, 3, 16, 24), 0.3)
    assert torch.allclose(BicubicReduce()(flat), torch.full((1, 3, 4, 6), 0.3), atol=1e-6)
    assert torch.allclose(BicubicEnlarge()(flat), torch.full((1, 48, 16, 24), 0.3), atol=1e-6)


def test_enlarging_stays_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        assert BicubicEnlarge()(torch.rand(1, 3, 8, 8)).dtype == torch.float32
        assert BicubicReduce()(torch.rand(1, 3, 16, 16)).dtype == torch.float32


SIZES = [Size(25, 16), Size(96, 60), Size(131, 47), Size(1, 1), Size(30, 9)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_any_size_equals_pillow_bit_by_bit(size):
    eight = np.random.default_rng(1).integers(0, 256, (37, 52, 3), np.uint8)
    reduced = resize.bicubic(torch.from_numpy(eight).permute(2, 0, 1), size).permute(1, 2, 0).numpy()
    assert np.array_equal(reduced, Image.fromarray(eight).resize(size, Image.Resampling.BICUBIC))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_any_size_in_float_equals_the_numpy_twin(size):
    numbers = np.random.default_rng(2).random((2, 3, 37, 52), np.float32)
    assert np.abs(resize.bicubic(torch.from_numpy(numbers), size).numpy() - bicubic(numbers, size)).max() < TOLERANCE


def test_resizing_in_float_is_differentiable():
    x = torch.rand(1, 1, 7, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: resize.bicubic(x, Size(4, 11)), x)


@pytest.mark.parametrize("scale", [2, 4])
def test_all_colours_at_once_are_enlarged_as_each_apart(picture, scale):
    enlarge, x = BicubicEnlarge(scale), torch.from_numpy(picture)[None].repeat(2, 1, 1, 1)
    apart = torch.cat([enlarge(x[:, colour : colour + 1]) for colour in range(3)], 1)
    assert torch.allclose(enlarge(x), apart, atol=1e-6)


@pytest.mark.parametrize("stride", [2, 4])
def test_reduction_by_opencv_is_that_by_sums(picture, stride):
    """The sums are what training takes."""
    taps = torch.rand(2, 2, 24, generator=torch.Generator().manual_seed(1))
    taps = taps / taps.sum(2, keepdim=True)
    reduce, x = KernelReduce(stride), torch.from_numpy(picture)[None].repeat(2, 1, 1, 1)
    with torch.inference_mode():
        fast = reduce(x, taps)
    assert torch.allclose(fast, reduce(x, taps), atol=1e-6)
    assert not torch.allclose(fast[0], fast[1], atol=1e-3), "each has its kernel"


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_unshuffled_as_torch_does_it(picture, layout):
    x = torch.from_numpy(picture)[None].repeat(2, 1, 1, 1).contiguous(memory_format=layout)
    assert torch.equal(pixel_unshuffle(x, 4), F.pixel_unshuffle(x, 4))


@pytest.mark.parametrize("ratio", [2, 3, 4])
@pytest.mark.parametrize("memory", [torch.channels_last, torch.contiguous_format], ids=["last", "first"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_pixels_are_shuffled_as_torch_does(ratio, memory, dtype):
    for height, width in ((5, 7), (1, 1), (1, 6)):
        x = torch.rand(2, 3 * ratio**2, height, width).to(dtype).contiguous(memory_format=memory)
        with torch.inference_mode():
            assert torch.equal(pixel_shuffle(x, ratio), F.pixel_shuffle(x, ratio))
            assert torch.equal(pixel_shuffle(x[:1], ratio), F.pixel_shuffle(x[:1], ratio))
