"""Clips through VideoSource and VideoSink, and what is asked of the result."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from odd_media import moving_planes

from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoSource

FAST = {"codec": "libx264", "options": {"preset": "ultrafast"}}


def clip_planes(count: int = 10, size: tuple[int, int] = (64, 48), depth: int = 8) -> list:
    return [moving_planes(index, *size, depth) for index in range(count)]


def copy(source: Path, target: Path, **options) -> VideoSink:
    """Through VideoSource and VideoSink, with everything that goes along."""
    clip = VideoSource(source)
    options = {"preset": "ultrafast", "copy_from": source, **options}
    with VideoSink(target, clip.video, clip.info.size, **options) as sink:
        for frame in clip:
            sink.write(frame)
    return sink


def stamps(path: Path) -> list[TimeStamp]:
    return [frame.stamp for frame in VideoSource(path)]


def seconds(path: Path) -> list[Fraction]:
    return [stamp.seconds for stamp in stamps(path)]


def blank(size: Size, index: int = 0) -> Frame:
    return Frame(np.full((3, size.height, size.width), 0.5, np.float32), index, TimeStamp(index, Fraction(1, 25)))


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
