"""Decoding a track from a time on: the file is searched for a key frame before it, and nothing is lost or damaged."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import floor

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..frames import TimeStamp
from .part import Window
from .probe import VideoInfo, open_input, video_stream
from .pyav import fraction

_BACK = (0, 2, 10, 60)  # seconds before a time, at which the file is searched for key frames


def seek_to(container: InputContainer, stream: VideoStream, ticks: int | None) -> None:
    """Go on at the last key frame up to `ticks` of the stream's time base; None: at the beginning."""
    if ticks is not None:
        container.seek(ticks, stream=stream)


def seek_point(video: VideoInfo, window: Window | None) -> int | None:
    """Ticks to seek to so that every frame of the window is decoded; None: the file is decoded from its beginning.

    Each place is tried: files have wrong indices, and streams with key frames that are none.
    """
    if window is None or not window.exact:
        return None
    for back in _BACK:
        ticks = floor((window.begin - back) / video.time_base)
        if _has_key_frame(video, ticks, window.begin):
            return ticks
    return None


def _has_key_frame(video: VideoInfo, ticks: int, before: Fraction) -> bool:
    """Whether a key frame decodes after seeking that is shown no later than `before`: all frames behind it decode."""
    try:
        with open_input(video.path) as container:
            stream = video_stream(container, video.stream_index)
            container.seek(ticks, stream=stream)
            for frame in container.decode(stream):
                time = _time_of(frame, video)
                if time is None or time > before or frame.is_corrupt:
                    return False
                if frame.key_frame:
                    return True
    except av.FFmpegError:
        pass
    return False


def _time_of(picture: VideoFrame, video: VideoInfo) -> Fraction | None:
    """When a decoded picture is shown by the file, seconds."""
    ticks = picture.pts if picture.pts is not None else picture.dts
    return None if ticks is None else ticks * (fraction(picture.time_base) or video.time_base)


def within(pictures: Iterable[tuple[VideoFrame, TimeStamp]], window: Window) -> Iterator[tuple[VideoFrame, TimeStamp]]:
    """Those of the window, in order; no more are decoded than it takes."""
    for picture, stamp in pictures:
        if window.end is not None and stamp.seconds >= window.end:
            return
        if stamp.seconds >= window.begin:
            yield picture, stamp
