"""Which pictures have detail for a frame: sharp ones, and none of those that are enlarged, blurred or empty."""

import cv2
import numpy as np
import pytest
from small_clips import rendered

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.registration.sharpness import adds_detail

SIZE = Size(256, 192)
SHARP, MOVED = rendered(0, 2, seed=3, size=SIZE)
OTHER = rendered(0, 1, seed=11, size=SIZE)[0]
FRAME = degrade(SHARP)


def by_plane(change, picture: np.ndarray) -> np.ndarray:
    return np.stack([change(plane) for plane in picture]).clip(0, 1)


def enlarged(kind: int, low: np.ndarray = FRAME) -> np.ndarray:
    return by_plane(lambda plane: cv2.resize(plane, SIZE, interpolation=kind), low)


def as_jpeg(picture: np.ndarray) -> np.ndarray:
    levels = (picture.transpose(1, 2, 0) * 255).round().astype(np.uint8)
    read = cv2.imdecode(cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, 85])[1], cv2.IMREAD_COLOR)
    return read.transpose(2, 0, 1).astype(np.float32) / 255


WITHOUT = {
    "nearest": enlarged(cv2.INTER_NEAREST),
    "linear": enlarged(cv2.INTER_LINEAR),
    "cubic": enlarged(cv2.INTER_CUBIC),
    "lanczos": enlarged(cv2.INTER_LANCZOS4),
    "of another scene": enlarged(cv2.INTER_CUBIC, degrade(OTHER)),
    "saved as JPEG": as_jpeg(enlarged(cv2.INTER_CUBIC)),
    "out of focus": by_plane(lambda plane: cv2.GaussianBlur(plane, (0, 0), 3), SHARP),
    "flat": np.full_like(SHARP, 0.5),
}


@pytest.mark.parametrize("picture", WITHOUT.values(), ids=WITHOUT)
def test_what_has_no_detail_adds_none(picture):
    assert not adds_detail(FRAME, picture, same=False)


WITH = {
    "the truth": SHARP,
    "another moment": MOVED,
    "another scene": OTHER,
    "saved as JPEG": as_jpeg(SHARP),
    "twice as dense": bicubic(SHARP, SIZE.scaled(2)).clip(0, 1),
    "half as dense": bicubic(bicubic(SHARP, Size(128, 96)), SIZE).clip(0, 1),
    "a part": np.ascontiguousarray(SHARP[:, 40:150, 30:200]),
}


@pytest.mark.parametrize("picture", WITH.values(), ids=WITH)
def test_what_is_sharp_adds_detail(picture):
    assert adds_detail(FRAME, picture, same=False)


def test_a_shaken_picture_is_told_where_the_same_is_known_to_be_shown():
    shaken = by_plane(lambda plane: cv2.filter2D(plane, -1, np.eye(17, dtype=np.float32) / 17), SHARP)
    assert not adds_detail(FRAME, shaken, same=True) and adds_detail(FRAME, MOVED, same=True)


def test_a_blurred_scene_has_no_detail_to_be_had():
    """Its reference is as sharp as the frame, and free of its coding."""
    soft = by_plane(lambda plane: cv2.GaussianBlur(plane, (0, 0), 6), SHARP)
    assert adds_detail(degrade(soft), soft, same=True)


def test_large_pictures_are_judged_by_parts_of_them():
    large = np.tile(SHARP, (1, 7, 6))
    low = degrade(large)
    size = (large.shape[2], large.shape[1])
    smooth = by_plane(lambda plane: cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC), low)
    assert adds_detail(low, large, same=True) and not adds_detail(low, smooth, same=True)
