"""Which video track of a file is restored, where it has several."""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from ..media.clock import Nearest, frame_times
from ..media.probe import VideoInfo, media_info, video_track, video_tracks
from .thumbnails import Scale, evened, outlines, thumbnails
from .tracks import is_larger

_COMPARED = 3  # moments at which two tracks are compared
_APART = 4  # frames of the larger track between two of them
_TEXTURE = 0.1  # mean of what `evened` gives; where both pictures are below it, there is nothing to compare
_ALIKE = (
    0.45  # mean correlation from which on two tracks show the same; of one scene they have 0.8 to 1, else up to 0.3
)
_MARGIN = 6  # the middle of a picture leaves out one part in so many at each side


def picture_track(path: Path | str, requested: int | None = None) -> VideoInfo:
    """The track that is restored: number `requested`; else the narrowest, where another one is at least 1.5x wider and
    shows the same; else the one that the file marks as its default, or the first."""
    if requested is not None:
        return video_track(path, requested)
    tracks = video_tracks(path)
    narrowest, widest = min(tracks, key=_width), max(tracks, key=_width)
    if is_larger(widest.size, narrowest.size) and _show_the_same(narrowest, widest):
        return narrowest
    return _default_of(tracks)


def _width(video: VideoInfo) -> int:
    return video.size.width


def _default_of(tracks: Sequence[VideoInfo]) -> VideoInfo:
    return next((video for video in tracks if video.default), tracks[0])


@lru_cache(maxsize=64)
def _show_the_same(small: VideoInfo, large: VideoInfo) -> bool:
    """Whether two tracks of a file show the same scene, or nothing speaks against it, at the first moments that they
    share."""
    pairs = _shared_moments(small, large)
    size = Scale(small.size.width / small.size.height).size
    small_pictures = thumbnails(small, [time for time, _ in pairs], size)
    large_pictures = thumbnails(large, [time for _, time in pairs], size)
    compared = [
        (evened(small_pictures[time]), evened(large_pictures[other]))
        for time, other in pairs
        if time in small_pictures and other in large_pictures
    ]
    textured = [pair for pair in compared if max(np.abs(picture).mean() for picture in pair) > _TEXTURE]
    return not textured or float(np.mean([_likeness(*pair) for pair in textured])) >= _ALIKE


def _shared_moments(small: VideoInfo, large: VideoInfo) -> list[tuple[Fraction, Fraction]]:
    """Times of frames of both that differ by less than a frame's turn."""
    turn = 1 / (small.rate or Fraction(25))
    times = list(islice(frame_times(large), 0, _COMPARED * _APART, _APART))
    nearest = Nearest(frame_times(small), time_of=lambda time: time)
    found = [(nearest.at(time, turn), time) for time in times]
    return [(time, other) for time, other in found if time is not None]


def _likeness(first: np.ndarray, second: np.ndarray) -> float:
    """The correlation of two evened thumbnails: of their outlines, or of the middle of one wherever it is in the other,
    since the cameras of a rig stand beside each other."""
    rows = outlines([first, second])
    height, width = first.shape
    top, left = height // _MARGIN, width // _MARGIN
    middle = np.ascontiguousarray(first[top : height - top, left : width - left])
    return max(float(rows[0] @ rows[1]), float(cv2.matchTemplate(second, middle, cv2.TM_CCOEFF_NORMED).max()))


def unused_tracks(path: Path, used: Sequence[VideoInfo]) -> list[str]:
    """A line for each video track of a file that is neither among those `used` nor copied."""
    numbers, info = {video.track for video in used}, media_info(path)
    unused = [
        f"video track {video.track} of {path} ({video.size}) is neither restored nor copied; --track {video.track} "
        "restores it"
        for video in info.tracks
        if video.track not in numbers
    ]
    damaged = [f"video track {track} of {path} is left out: no frame of it decodes" for track in info.damaged]
    unknown = [f"video stream #{index} of {path} is left out: its codec is not known here" for index in info.unknown]
    return unused + damaged + unknown
