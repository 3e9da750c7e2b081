"""Pictures on a device, decoded ones to RGB and restored ones to an output's planes: as the host makes them."""

import random
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import av
import numpy as np
import pytest
import torch

from lfvideo_sr.engines.cuda_graphs import Replayed
from lfvideo_sr.errors import ShapeError
from lfvideo_sr.media import colour
from lfvideo_sr.media.colour import ColourSpec, Layout, Siting, planes_to_rgb
from lfvideo_sr.media.planes import planes_of
from lfvideo_sr.nn.planes import DeviceReader, rgb_to_planes, semi_planar_to_rgb

FORMATS = {8: "nv12", 10: "p010le"}
TOLERANCE = 1e-5
UNEQUAL = {8: 3e-5, 10: 1e-4, 12: 4e-4, 16: 5e-3}  # of all pixels, by depth: sums that end on two sides of a half
WRITTEN = [
    ColourSpec(*values) for values in product(Layout, (8, 10, 12, 16), colour.LUMA_WEIGHTS, (False, True), Siting)
]  # every one that a file may have


def noise(depth: int, width: int = 38, height: int = 22) -> av.VideoFrame:
    """A frame as NVDEC gives it, but in the host's memory: any integers, in rows longer than the picture."""
    generator = np.random.default_rng(depth)
    frame = av.VideoFrame(width, height, FORMATS[depth])
    dtype = np.dtype(np.uint8 if depth == 8 else np.uint16)
    for plane in frame.planes:
        values = generator.integers(0, 1 << depth, plane.buffer_size // dtype.itemsize, dtype)
        np.frombuffer(plane, dtype)[:] = values << (dtype.itemsize * 8 - depth)
    return frame


@pytest.mark.parametrize(
    ("depth", "matrix", "full", "siting"), list(product((8, 10), (601, 2020), (False, True), Siting))
)
def test_it_is_what_the_host_makes_of_the_same_planes(depth, matrix, full, siting):
    spec = ColourSpec(Layout.YUV420, depth, matrix, full, siting)
    picture = noise(depth)
    assert picture.planes[0].line_size > picture.width * (1 if depth == 8 else 2)
    pixels = DeviceReader("cpu")(picture, spec)
    expected = planes_to_rgb(planes_of(picture, spec), spec)
    assert pixels.dtype == torch.float32 and tuple(pixels.shape) == expected.shape
    assert expected.std() > 0.2 and np.abs(pixels.numpy() - expected).max() < TOLERANCE


@pytest.mark.gpu
@pytest.mark.parametrize("depth", FORMATS)
def test_a_gpu_makes_the_same(gpu, depth):
    spec = ColourSpec(Layout.YUV420, depth)
    luma, chroma = (torch.from_dlpack(plane) for plane in noise(depth).planes)
    pixels = semi_planar_to_rgb(luma.cuda(), chroma.cuda(), spec)
    assert (pixels.cpu() - semi_planar_to_rgb(luma, chroma, spec)).abs().max() < TOLERANCE


@pytest.mark.parametrize(
    ("luma", "chroma", "layout"),
    [((4, 5), (2, 2, 2), Layout.YUV420), ((4, 6), (2, 2, 2), Layout.YUV420), ((4, 4), (2, 2, 2), Layout.YUV444)],
)
def test_what_does_not_fit_is_told(luma, chroma, layout):
    planes = (torch.zeros(shape, dtype=torch.uint8) for shape in (luma, chroma))
    with pytest.raises(ShapeError, match="is wanted"):
        semi_planar_to_rgb(*planes, ColourSpec(layout))


def picture(seed: int, height: int, width: int) -> torch.Tensor:
    """Colours from black to full, the two ends among them; a part of a larger picture, as a padded one's is."""
    whole = torch.rand(3, height + 3, width + 5, generator=torch.Generator().manual_seed(seed)) * 1.5 - 0.25
    return whole.clamp_(0, 1)[:, :height, :width]


def difference(device: str, spec: ColourSpec, seed: int) -> np.ndarray:
    """How far a picture's planes made on a device are from the host's, all pixels after each other. Sides are even and
    odd, down to a single row or column."""
    height, width = random.Random(seed).choice([(36, 38), (35, 37), (1, 64), (64, 1), (2, 3)])
    pixels = picture(seed, height, width)
    before = pixels.clone()
    planes, expected = rgb_to_planes(pixels.to(device), spec), colour.rgb_to_planes(pixels.numpy(), spec)
    assert [(plane.shape, plane.dtype) for plane in planes] == [(plane.shape, plane.dtype) for plane in expected]
    assert torch.equal(pixels, before)
    return np.concatenate([(ours.astype(int) - theirs).ravel() for ours, theirs in zip(planes, expected)])


def check_planes(device: str) -> None:
    """Every kind of output: within one code everywhere, and equal nearly everywhere."""
    for depth, unequal in UNEQUAL.items():
        specs = [spec for spec in WRITTEN if spec.bit_depth == depth]
        off = np.concatenate([difference(device, spec, seed) for seed, spec in enumerate(3 * specs)])
        assert np.abs(off).max() <= 1 and (off != 0).mean() < unequal, depth


def test_planes_made_there_are_those_of_the_host():
    check_planes("cpu")


@pytest.mark.gpu
def test_a_gpu_makes_the_same_planes(gpu):
    check_planes("cuda")


def test_planes_of_codes_are_the_codes():
    """8-bit 4:4:4 to RGB and back there: nothing is lost but what RGB cannot hold."""
    spec = ColourSpec(Layout.YUV444, full_range=True)
    codes = [np.random.default_rng(plane).integers(100, 156, (9, 11), dtype=np.uint8) for plane in range(3)]
    again = rgb_to_planes(torch.from_numpy(planes_to_rgb(codes, spec)), spec)
    assert all(np.array_equal(plane, other) for plane, other in zip(again, codes))


@pytest.mark.gpu
def test_planes_are_made_while_another_thread_captures_a_graph(gpu):
    """As in a stream, whose engine captures what repeats while the frames before are written."""
    spec, pixels = ColourSpec(), picture(0, 270, 480)
    expected, done, off = colour.rgb_to_planes(pixels.numpy(), spec), threading.Event(), []

    def convert() -> None:
        there = pixels.cuda()
        while not done.is_set() or not off:
            planes = rgb_to_planes(there.clone(), spec)
            off.append(max(int(np.abs(plane.astype(int) - other).max()) for plane, other in zip(planes, expected)))

    with ThreadPoolExecutor(1) as other, warnings.catch_warnings():
        warnings.filterwarnings("error", message="no CUDA graph")
        running = other.submit(convert)
        for size in range(1, 9):
            replayed = Replayed(lambda x: x.sin().relu())
            for _ in range(4):
                x = torch.rand(64 * size, 64 * size, device="cuda")
                torch.testing.assert_close(replayed(x), x.sin().relu())
        done.set()
        running.result()
    assert max(off) <= 1
