"""Small grey pictures by which frames and stills are compared: with each other, not looked at.

A thumbnail has the aspect that a clip is shown with, but is turned as the clip's coded frames are.
"""

from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from ..frames import Size
from ..media.clock import shown_pictures
from ..media.luma import luma
from ..media.probe import VideoInfo
from ..media.sequence_source import sequence_frame

LONGEST = 160  # pixels of a clip's thumbnail
_SPREAD = 6.0  # pixels: over what neighbourhood brightness and contrast are evened
_NOISE = 4.0  # of 255: contrast below this is not stretched to the full


@dataclass(frozen=True)
class Scale:
    """How large the thumbnails of a clip are.

    shown: width / height of the clip's frames as they are shown, before rotation.
    """

    shown: float

    @property
    def size(self) -> Size:
        if self.shown >= 1:
            return Size(LONGEST, max(8, round(LONGEST / self.shown)))
        return Size(max(8, round(LONGEST * self.shown)), LONGEST)


def thumbnails(video: VideoInfo, times: Collection[Fraction], size: Size) -> dict[Fraction, np.ndarray]:
    """Of the frames at these times, seconds on the clip's clock: uint8 [h,w]. Decodes up to the last of them; a time
    that no frame has, or that is beyond damage, is missing."""
    requested = frozenset(times)
    pictures: dict[Fraction, np.ndarray] = {}
    last = max(requested, default=None)
    if last is None:
        return pictures
    if video.pictures is not None:
        of_times = {time: _of_sequence(video, time, size) for time in sorted(requested)}
        return {time: small for time, small in of_times.items() if small is not None}
    with closing(shown_pictures(video)) as shown:
        for picture, stamp in shown:
            if stamp.seconds in requested:
                grey = picture.reformat(size.width, size.height, format="gray", interpolation="AREA")
                pictures[stamp.seconds] = grey.to_ndarray()
            if stamp.seconds >= last:
                break
    return pictures


def _of_sequence(video: VideoInfo, time: Fraction, size: Size) -> np.ndarray | None:
    """Of the picture of a sequence that is shown from `time` on; None where it cannot be read."""
    pixels = sequence_frame(video, time)
    if pixels is None:
        return None
    small = cv2.resize(luma(pixels), size, interpolation=cv2.INTER_AREA)
    return (small * 255).astype(np.uint8)


def thumbnail_of(pixels: np.ndarray) -> np.ndarray:
    """Of a picture, float32 [3,H,W] in [0,1]: uint8 [h,w] with its own aspect, in the scale of a clip's thumbnails but
    half as large again, since a still may show more than the clip does."""
    height, width = pixels.shape[1:]
    factor = min(1.0, 1.5 * LONGEST / max(height, width))
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    return (cv2.resize(luma(pixels), size, interpolation=cv2.INTER_AREA) * 255).astype(np.uint8)


def evened(thumbnail: np.ndarray) -> np.ndarray:
    """uint8 [h,w] -> float32 [h,w]: edges and texture alone, in units of the contrast around them, so that pictures of
    another exposure, or with another light on one side, come out alike."""
    grey = cv2.GaussianBlur(thumbnail.astype(np.float32), (0, 0), 1.0)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), _SPREAD)
    contrast = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), _SPREAD))
    return detail / (contrast + _NOISE)


def outlines(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """Of evened thumbnails of one size: float32 [N,M], a row each of length 1 and mean 0, so coarse that a few per cent
    of turning or enlarging change it little. The product of two rows is their correlation."""
    rows = []
    for picture in pictures:
        soft = cv2.GaussianBlur(picture, (0, 0), 2.0)
        row = cv2.resize(soft, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA).ravel()
        row = row - row.mean()
        rows.append(row / (np.linalg.norm(row) + 1e-6))
    return np.stack(rows)
