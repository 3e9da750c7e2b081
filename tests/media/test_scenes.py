"""Hard cuts: found between different pictures; not in pans, flashes, fades, dissolves and noise."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from lfvideo_sr.media.scenes import CutDetector
from lfvideo_sr.media.video import VideoSource

WHITE = np.ones((3, 90, 160), np.float32)


def wide_picture(seed: int) -> np.ndarray:
    """A panorama [3,90,900]: blobs of several sizes and colours, as pictures of places have."""
    random = np.random.default_rng(seed)
    layers = [
        cv2.resize(random.random((2 * n, 20 * n, 3)), (900, 90), interpolation=cv2.INTER_CUBIC) for n in (1, 3, 9)
    ]
    return np.clip(sum(layers) / 3 * 1.6 - 0.3, 0, 1).astype(np.float32).transpose(2, 0, 1)


def pan(seed: int, frames: int, step: int = 3) -> list[np.ndarray]:
    """`frames` pictures [3,90,160] out of a panorama, `step` pixels apart."""
    picture = wide_picture(seed)
    return [picture[:, :, step * index : step * index + 160] for index in range(frames)]


def cuts(pictures: list[np.ndarray]) -> list[int]:
    detector = CutDetector()
    return [index for index, pixels in enumerate(pictures) if detector.is_cut(np.ascontiguousarray(pixels))]


@pytest.mark.parametrize("seed", range(8))
def test_cuts_are_found(seed):
    assert cuts(pan(seed, 10) + pan(seed + 100, 6) + pan(seed + 200, 10)) == [10, 16]


@pytest.mark.parametrize("light", [0.3, 0.6])
def test_cuts_are_found_in_the_dark(light):
    assert cuts([pixels * light for pixels in pan(1, 8) + pan(2, 8)]) == [8]


@pytest.mark.parametrize("step", [1, 8, 20])
def test_pans_are_no_cuts(step):
    """20 of 160 pixels a frame is faster than an eye follows."""
    assert cuts(pan(3, 30, step)) == []


def test_a_sudden_fast_pan_is_no_cut():
    still = [wide_picture(4)[:, :, :160]] * 10
    assert cuts(still + pan(4, 20, 20)) == []


def test_a_cut_within_a_fast_pan_is_found():
    assert cuts(pan(5, 12, 8) + pan(6, 12, 8)) == [12]


@pytest.mark.parametrize(
    "flash",
    [lambda p: np.clip(p * 1.8 + 0.1, 0, 1), lambda p: np.clip(p * 0.2 + 0.8, 0, 1), lambda p: p * 0 + 1],
    ids=["bright", "pale", "white"],
)
@pytest.mark.parametrize("length", [1, 2])
def test_flashes_are_no_cuts(flash, length):
    pictures = pan(7, 20)
    pictures[10 : 10 + length] = [flash(pixels) for pixels in pictures[10 : 10 + length]]
    assert cuts(pictures) == []


def test_fades_and_dissolves_are_no_cuts():
    levels = np.concatenate([np.ones(5), np.linspace(1, 0, 12), np.zeros(4), np.linspace(0, 1, 12)]).astype(np.float32)
    assert cuts([pixels * level for pixels, level in zip(pan(8, 33), levels)]) == []
    mix = np.clip(np.linspace(-0.3, 1.3, 26), 0, 1).astype(np.float32)
    assert cuts([a * (1 - m) + b * m for a, b, m in zip(pan(8, 26), pan(9, 26), mix)]) == []


def test_noise_repeated_frames_and_black_are_no_cuts():
    random = np.random.default_rng(0)
    noisy = [np.clip(p + random.normal(0, 0.05, p.shape), 0, 1).astype(np.float32) for p in pan(10, 15, 1)]
    assert cuts(noisy) == []
    assert cuts([WHITE * 0] * 5 + [WHITE * 0.002] * 5) == []
    assert cuts(pan(11, 3) * 1 + [pan(11, 3)[-1]] * 8 + pan(11, 12)[3:]) == []


def test_through_black_the_new_scene_is_a_cut():
    assert cuts(pan(12, 8) + [WHITE * 0] * 4 + pan(13, 8)) == [12]


REAL = {
    "video/bikes.mp4": [30, 76, 137, 187, 242],
    "video/odd/vfr.mp4": [30, 76, 137, 187, 242],
    "video/odd/multitrack_audio_subs.mp4": [202],
    "video/apple.mp4": [],
    "video/cockatoo.mp4": [],
    "video/paragliding-launch.mp4": [],
    "video/rollercoaster.mp4": [],
    "video/teddy.mp4": [],
    "video_train/blackswan.mp4": [],
    "video_train/bmx-trees.mp4": [],
    "video_train/lady-running.mp4": [],
    "video_train/snow-car.mp4": [],
}


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_real_clips(name):
    folder = os.environ.get("LFVIDEO_DATA")
    if not folder or not Path(folder, name).exists():
        pytest.skip(f"LFVIDEO_DATA names no folder with {name}")
    assert [frame.index for frame in VideoSource(Path(folder, name)) if frame.cut] == [0, *REAL[name]]
