"""Pictures as GPUs decode them, to RGB by torch: equal to what the host makes of the same planes."""

from itertools import product

import av
import numpy as np
import pytest
import torch

from lfvideo_sr.errors import ShapeError
from lfvideo_sr.media.colour import ColourSpec, Layout, Siting, planes_to_rgb
from lfvideo_sr.media.planes import planes_of
from lfvideo_sr.nn.planes import DeviceReader, semi_planar_to_rgb

FORMATS = {8: "nv12", 10: "p010le"}
TOLERANCE = 1e-5


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
    found = DeviceReader("cpu")(picture, spec)
    wanted = planes_to_rgb(planes_of(picture, spec), spec)
    assert found.dtype == torch.float32 and tuple(found.shape) == wanted.shape
    assert wanted.std() > 0.2 and np.abs(found.numpy() - wanted).max() < TOLERANCE


@pytest.mark.gpu
@pytest.mark.parametrize("depth", FORMATS)
def test_a_gpu_makes_the_same(gpu, depth):
    spec = ColourSpec(Layout.YUV420, depth)
    luma, chroma = (torch.from_dlpack(plane) for plane in noise(depth).planes)
    found = semi_planar_to_rgb(luma.cuda(), chroma.cuda(), spec)
    assert (found.cpu() - semi_planar_to_rgb(luma, chroma, spec)).abs().max() < TOLERANCE


@pytest.mark.parametrize(
    ("luma", "chroma", "layout"),
    [((4, 5), (2, 2, 2), Layout.YUV420), ((4, 6), (2, 2, 2), Layout.YUV420), ((4, 4), (2, 2, 2), Layout.YUV444)],
)
def test_what_does_not_fit_is_told(luma, chroma, layout):
    planes = (torch.zeros(shape, dtype=torch.uint8) for shape in (luma, chroma))
    with pytest.raises(ShapeError, match="is wanted"):
        semi_planar_to_rgb(*planes, ColourSpec(layout))
