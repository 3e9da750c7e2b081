"""Reduction kernels: as taps, they make of a picture what OpenCV, FFmpeg and the papers make of it."""

import av
import cv2
import numpy as np
import pytest

from lfvideo_sr.camera.reduction import WAYS, papers_taps, reduce_by, reduction_taps
from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import bicubic

HIGH, WIDE = 96, 128


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    rough = np.random.default_rng(0).uniform(0, 255, (HIGH, WIDE, 3)).astype(np.float32)
    return np.clip((cv2.GaussianBlur(rough, (0, 0), 1.2) - 127) * 3 + 127, 0, 255).astype(np.uint8)


def by_ffmpeg(picture: np.ndarray, way: str) -> np.ndarray:
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    return frame.reformat(width=WIDE // 4, height=HIGH // 4, interpolation=way, format="rgb24").to_ndarray()


THEIRS = {
    "bicubic": lambda picture: bicubic(picture.transpose(2, 0, 1), Size(WIDE // 4, HIGH // 4)).transpose(1, 2, 0),
    "area": lambda picture: cv2.resize(picture, (WIDE // 4, HIGH // 4), interpolation=cv2.INTER_AREA),
    "gauss": lambda picture: cv2.resize(cv2.GaussianBlur(picture, (0, 0), 2.0), (WIDE // 4, HIGH // 4)),
    "lanczos": lambda picture: by_ffmpeg(picture, "LANCZOS"),
    "bilinear": lambda picture: by_ffmpeg(picture, "BILINEAR"),
}


@pytest.mark.parametrize("way", WAYS)
def test_taps_reduce_as_others_do(picture, way):
    """Within the rounding of 8 bits, and for FFmpeg of its 14-bit coefficients; the edges are each library's own."""
    taps = np.stack([reduction_taps(way, spread=np.hypot(2.0, 0.5))] * 2)  # OpenCV samples between two blurred pixels
    ours = reduce_by(taps, picture.transpose(2, 0, 1)).transpose(1, 2, 0)
    apart = (ours - THEIRS[way](picture))[4:-4, 4:-4]
    assert np.sqrt(np.mean(apart**2)) < (1.3 if way in ("lanczos", "bilinear") else 0.6)


@pytest.mark.parametrize("way", WAYS)
def test_a_phase_moves_the_kernel(picture, way):
    """A quarter of a low-resolution pixel is one output pixel: the same as reducing the picture moved by one."""
    moved = np.roll(picture, (-1, -1), (0, 1)).transpose(2, 0, 1)
    taps, later = (np.stack([reduction_taps(way, phase)] * 2) for phase in (0.0, 0.25))
    apart = (reduce_by(taps, moved) - reduce_by(later, picture.transpose(2, 0, 1)))[:, 4:-4, 4:-4]
    assert np.abs(apart).max() < 0.6


def test_flat_pictures_stay_flat_and_the_papers_kernel_is_bicubic():
    assert np.allclose(reduce_by(papers_taps(), np.full((3, 16, 16), 0.3)), 0.3)
    assert np.array_equal(papers_taps()[0], reduction_taps("bicubic")) and papers_taps().dtype == np.float32
