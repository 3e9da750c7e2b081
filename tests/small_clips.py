"""Makes the small rendered clips and the engines that many tests use."""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np

from lfvideo_sr.choose import make_engine
from lfvideo_sr.engine import Engine
from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.media.colour import ColourSpec, Layout
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoInfo, VideoSource
from lfvideo_sr.methods import METHODS
from lfvideo_sr.synthetic import Scene, random_scene, render

HIGH = Size(192, 128)
LOW = Size(48, 32)
FRAMES, CUT = 14, 9  # frames 0..8 show one scene, 9..13 another
EVERY = 4
STEP, TICK = 40, Fraction(1, 1000)

SKILLED = [name for name, entry in METHODS.items() if not entry.trained]  # trained for long, or not learned
_ENGINES: dict[str, Engine] = {}


def engine_of(method: str) -> Engine:
    """The engine that runs a method; made once, because loading one takes longer than a test."""
    if method not in _ENGINES:
        _ENGINES[method] = make_engine(method, device="cpu", dtype="fp32")
    return _ENGINES[method]


def stamp(number: int) -> TimeStamp:
    """Of a clip with 25 frames a second."""
    return TimeStamp(number * STEP, TICK, STEP)


def uneven(number: int) -> TimeStamp:
    """Of a clip whose rate varies: from frame 3 on each is shown longer than the one before, after a pause."""
    return TimeStamp(1000 + (number * STEP if number < 3 else 2000 + 7 * number**2), TICK)


def rendered(first: int, count: int, seed: int, size: Size = HIGH) -> list[np.ndarray]:
    """`count` pictures of one moving scene, float32 [3,H,W]."""
    return [render(_scene(seed, size.width), float(first + number), size) for number in range(count)]


@lru_cache(8)
def _scene(seed: int, width: int) -> Scene:
    """Making a scene takes as long as rendering it several times."""
    return random_scene(np.random.default_rng(seed), width=width)


def write_clip(path: Path, pictures: list[np.ndarray], stamps: Callable[[int], TimeStamp] = stamp, **options) -> Path:
    """A lossless RGB clip of pictures of one size; `options` are VideoSink's."""
    size = Size(pictures[0].shape[2], pictures[0].shape[1])
    video = VideoInfo(
        path=path, track=0, stream_index=0, size=size, rate=Fraction(25), time_base=TICK, frames=len(pictures),
        seconds=len(pictures) / 25, colour=ColourSpec(Layout.RGB, full_range=True), pixel_format="bgr0", codec="ffv1",
    )  # fmt: skip
    with VideoSink(path, video, size, codec="ffv1", **options) as sink:
        for number, pixels in enumerate(pictures):
            sink.write(Frame(pixels, number, stamps(number)))
    return path


def frames_of(path: Path, track: int = 0) -> list[np.ndarray]:
    """The pictures of a clip, float32 [3,H,W]."""
    return [frame.pixels for frame in VideoSource(path, track=track, detect_cuts=False)]


def ticks_of(path: Path) -> list[tuple[int, Fraction]]:
    """When a clip's pictures are shown, as the file has it."""
    with av.open(str(path)) as container:
        return [(frame.pts, frame.time_base) for frame in container.decode(video=0)]
