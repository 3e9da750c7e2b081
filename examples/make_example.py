"""Makes examples/in.mp4: a small low-resolution clip with sharp key frames beside it, as a hybrid camera gives them.

Track 1 is the clip, 240x136. Track 2, not flagged default, holds 960x544 pictures of frames 0, 8, 16, ... and of the
frame after the cut, each with the time stamp of the frame it shows. Track 3 is a quiet tone.

    python examples/make_example.py                              # examples/in.mp4
    python examples/make_example.py --ground-truth truth.mkv     # also every frame at 960x544, lossless
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path as FilePath

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from drawing import SIZE
from harbour import harbour
from street import street

from lfvideo_sr.frames import Size
from lfvideo_sr.media.resize import degrade, to_uint8
from lfvideo_sr.synthetic import render

RATE = 24
FRAMES = 48
CUT = 29
EVERY = 8
TICK = Fraction(1, RATE * 512)


@dataclass(frozen=True)
class Moment:
    """One frame of the clip, as float32 [3,544,960] in [0,1]."""

    index: int
    pixels: np.ndarray

    @property
    def is_reference(self) -> bool:
        return self.index % EVERY == 0 or self.index == CUT


def film(seed: int) -> Iterator[Moment]:
    """The clip, frame by frame: the street, then the harbour."""
    rng = np.random.default_rng(seed)
    before, after = street(rng), harbour(rng)
    for index in range(FRAMES):
        scene, time = (before, index) if index < CUT else (after, index - CUT)
        yield Moment(index, render(scene, time, SIZE))


def add_track(target: av.container.OutputContainer, size: Size, crf: int) -> av.VideoStream:
    """An H.264 track, BT.709 limited, whose time stamps need not be regular."""
    track = target.add_stream("libx264", rate=RATE)
    track.width, track.height, track.pix_fmt = size.width, size.height, "yuv420p"
    track.options = {"crf": str(crf), "preset": "veryslow", "bf": "0"}
    track.time_base = track.codec_context.time_base = TICK
    track.codec_context.colorspace = Colorspace.ITU709
    track.codec_context.color_primaries = ColorPrimaries.BT709
    track.codec_context.color_trc = ColorTrc.BT709
    track.codec_context.color_range = ColorRange.MPEG
    return track


def picture(pixels: np.ndarray) -> av.VideoFrame:
    """8-bit RGB as a frame."""
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(to_uint8(pixels).transpose(1, 2, 0)), format="rgb24")


def write_picture(
    target: av.container.OutputContainer, track: av.VideoStream, moment: Moment, pixels: np.ndarray
) -> None:
    frame = picture(pixels).reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,  # without it the planes are BT.601, whatever the tags say
        dst_color_range=ColorRange.MPEG,
        interpolation="BICUBIC",
    )
    frame.pts, frame.time_base = moment.index * int(1 / TICK / RATE), TICK
    target.mux(track.encode(frame))


def write_tone(target: av.container.OutputContainer, track: av.AudioStream) -> None:
    """A quiet chord that fades in and out, as long as the clip."""
    rate = 44100
    time = np.arange(rate * FRAMES // RATE) / rate
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220, 277.18, 329.63))
    sound = (0.05 * chord * np.sin(np.pi * time / time[-1])).astype(np.float32)
    for start in range(0, sound.size, 1024):
        frame = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], format="fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        target.mux(track.encode(frame))


def write_example(output: FilePath, truth: FilePath | None, seed: int) -> None:
    """Render the clip once and write the two-track file and, where wanted, the ground truth."""
    with av.open(str(output), "w") as target, GroundTruth(truth) as ground_truth:
        low = add_track(target, Size(SIZE.width // 4, SIZE.height // 4), crf=14)
        low.disposition = Disposition.default
        high = add_track(target, SIZE, crf=16)
        audio = target.add_stream("aac", rate=44100, layout="mono", bit_rate=48000)
        for moment in film(seed):
            write_picture(target, low, moment, degrade(moment.pixels))
            if moment.is_reference:
                write_picture(target, high, moment, moment.pixels)
            ground_truth.write(moment)
        write_tone(target, audio)
        for track in (low, high, audio):
            target.mux(track.encode(None))


class GroundTruth:
    """Every frame as lossless FFV1, RGB; writes nothing where no path is given."""

    def __init__(self, path: FilePath | None) -> None:
        self.target = av.open(str(path), "w") if path else None
        if self.target:
            self.track = self.target.add_stream("ffv1", rate=RATE)
            self.track.width, self.track.height, self.track.pix_fmt = *SIZE, "bgr0"

    def __enter__(self) -> "GroundTruth":
        return self

    def write(self, moment: Moment) -> None:
        if self.target:
            frame = picture(moment.pixels).reformat(format="bgr0")
            frame.pts, frame.time_base = moment.index, Fraction(1, RATE)
            self.target.mux(self.track.encode(frame))

    def __exit__(self, *error: object) -> None:
        if self.target:
            self.target.mux(self.track.encode(None))
            self.target.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=FilePath, default=FilePath(__file__).with_name("in.mp4"))
    parser.add_argument("--ground-truth", type=FilePath, metavar="PATH", help="also write every frame at 960x544, FFV1")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    write_example(options.output, options.ground_truth, options.seed)


if __name__ == "__main__":
    main()
