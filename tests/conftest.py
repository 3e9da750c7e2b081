"""Small rendered clips that many tests share. They are made once, lossless, and never changed."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.media.colour import ColourSpec, Layout
from lfvideo_sr.media.hybrid_file import write_hybrid
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoInfo, VideoSource
from lfvideo_sr.synthetic import random_scene, render

HIGH = Size(192, 128)
LOW = Size(48, 32)
FRAMES, CUT = 14, 9  # frames 0..8 show one scene, 9..13 another
EVERY = 4
STEP, TICK = 40, Fraction(1, 1000)


def stamp(number: int) -> TimeStamp:
    """Of a clip with 25 frames a second."""
    return TimeStamp(number * STEP, TICK, STEP)


def rendered(first: int, count: int, seed: int, size: Size = HIGH) -> list[np.ndarray]:
    """`count` pictures of one moving scene, float32 [3,H,W]."""
    scene = random_scene(np.random.default_rng(seed), width=size.width)
    return [render(scene, float(first + number), size) for number in range(count)]


def write_clip(path: Path, pictures: list[np.ndarray], **options) -> Path:
    """A lossless RGB clip of pictures of one size, with 25 frames a second."""
    size = Size(pictures[0].shape[2], pictures[0].shape[1])
    video = VideoInfo(
        path=path, track=0, stream_index=0, size=size, rate=Fraction(25), time_base=TICK, frames=len(pictures),
        seconds=len(pictures) / 25, colour=ColourSpec(Layout.RGB, full_range=True), pixel_format="bgr0", codec="ffv1",
    )  # fmt: skip
    with VideoSink(path, video, size, codec="ffv1", **options) as sink:
        for number, pixels in enumerate(pictures):
            sink.write(Frame(pixels, number, stamp(number)))
    return path


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Two rendered scenes with a hard cut between frames CUT - 1 and CUT; exactly what `high_clip` decodes to."""
    shown = rendered(0, CUT, seed=3) + rendered(CUT, FRAMES - CUT, seed=11)
    return [(np.round(one * 255) / 255).astype(np.float32) for one in shown]


@pytest.fixture(scope="session")
def high_clip(pictures, tmp_path_factory) -> Path:
    """The pictures as a high-resolution clip."""
    return write_clip(tmp_path_factory.mktemp("clips") / "high.mkv", pictures)


@pytest.fixture(scope="session")
def low_clip(pictures, tmp_path_factory) -> Path:
    """The pictures made small, with nothing beside them."""
    return write_clip(tmp_path_factory.mktemp("low") / "low.mkv", [degrade(one) for one in pictures])


@pytest.fixture(scope="session")
def hybrid_clip(high_clip) -> Path:
    """All frames small, and frames 0, EVERY, 2 * EVERY ... sharp as a second track."""
    path = high_clip.with_name("hybrid.mkv")
    with VideoSource(high_clip) as clip:
        write_hybrid(clip, path, EVERY)
    return path
