#!/usr/bin/env python3
"""What suggested references are worth against as many at a fixed cadence, on a film of several clips.

usage: LFVIDEO_DATA=FOLDER benchmarks/suggest.py [--method METHOD] [--train] [--frames 25 25 25 25] [--counts 4 6 8 12]
       [--lr lossless crf28] [--json FILE]

The clips' first frames, cut to one size, are joined into one film, which is reduced x4 (8-bit bicubic) and kept without
loss, or as H.264 (crf 28). The frames chosen are given back sharp, as stills, and the film is restored as `lfvideo-sr
stream --refs` does it; PSNR-Y is the mean over the frames that are a reference in none of the choices compared.

suggested: `lfvideo-sr refs suggest -n N`, which sees the small film only
cadence:   frames 0, T/N, 2T/N ...
scenes:    scene starts as far as N goes, the longest scenes first, and the rest evenly within: each goes to the scene
           of most frames per reference
--train:   with clips that may be trained on, for trying things out; otherwise those kept for validation.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from data_folder import data_folder

from lfvideo_sr.choose import make_engine
from lfvideo_sr.engine import Engine
from lfvideo_sr.frames import Frame, Size, TimeStamp, size_of
from lfvideo_sr.media.bit_rate import bits_per_pixel
from lfvideo_sr.media.colour import ColourSpec, Layout
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade, resized
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoInfo, VideoSource
from lfvideo_sr.metrics import eight_bit, psnr_y
from lfvideo_sr.stream.job import StreamJob
from lfvideo_sr.stream.options import StreamOptions
from lfvideo_sr.stream.suggesting import ClipChoice
from lfvideo_sr.stream.surveying import survey

VALIDATION = ("video/apple.mp4", "video/cockatoo.mp4", "video/bikes.mp4", "video/paragliding-launch.mp4")
TRAINING = (
    "video_train/car-turn.mp4", "video_train/camel.mp4", "video_train/bmx-trees.mp4", "video_train/meadow-pan.mp4",
    "video/rollercoaster.mp4", "video_train/market-stall.mp4",
)  # fmt: skip
SIZE = Size(640, 272)  # of the narrowest of the clips
RATE = 25


def film(data: Path, clips: list[str], lengths: list[int]) -> Iterator[tuple[int, np.ndarray]]:
    """(clip, picture [3,272,640]) in order."""
    for number, (clip, length) in enumerate(zip(clips, lengths)):
        for frame in VideoSource(data / clip, frames=length, detect_cuts=False):
            yield number, _cut_to_size(frame.pixels)


def _cut_to_size(pixels: np.ndarray) -> np.ndarray:
    """The middle of a picture that is reduced until it only just covers SIZE."""
    size = size_of(pixels)
    factor = max(SIZE.width / size.width, SIZE.height / size.height)
    covering = resized(pixels, Size(*(max(a, round(b * factor)) for a, b in zip(SIZE, size))))
    left, top = (covering.shape[2] - SIZE.width) // 2, (covering.shape[1] - SIZE.height) // 2
    return np.ascontiguousarray(covering[:, top : top + SIZE.height, left : left + SIZE.width])


def write_film(path: Path, pictures: list[np.ndarray], codec: str = "ffv1", crf: int = 0) -> Path:
    size = size_of(pictures[0])
    lossless = codec == "ffv1"
    colour = ColourSpec(Layout.RGB, full_range=True) if lossless else ColourSpec()
    video = VideoInfo(
        path=path, track=0, stream_index=0, size=size, rate=Fraction(RATE), time_base=Fraction(1, 1000),
        frames=len(pictures), seconds=len(pictures) / RATE, colour=colour,
        pixel_format="bgr0" if lossless else "yuv420p", codec=codec,
    )  # fmt: skip
    with VideoSink(path, video, size, codec=codec, crf=crf) as sink:
        for number, pixels in enumerate(pictures):
            sink.write(Frame(pixels, number, TimeStamp(number * 1000 // RATE, Fraction(1, 1000), 1000 // RATE)))
    return path


def suggested(low: Path, count: int) -> list[int]:
    """As the command chooses."""
    clip = VideoSource(low)
    choice = ClipChoice(survey(clip, bits_per_pixel=bits_per_pixel(clip.video)), count)
    print(f"          {count} suggested: {choice.gains[count]:.2f} dB expected in the mean over all frames", flush=True)
    return [suggestion.frame for suggestion in choice.suggestions(count)]


def at_a_cadence(total: int, count: int) -> list[int]:
    return [number * total // count for number in range(count)]


def within_scenes(lengths: list[int], count: int) -> list[int]:
    """Scene starts first, then each goes to the scene with most frames per reference; even within a scene."""
    counts = [0] * len(lengths)
    for _ in range(count):
        scene = max(
            range(len(lengths)), key=lambda number: (counts[number] == 0, lengths[number] / max(counts[number], 1))
        )
        counts[scene] += 1
    starts = np.cumsum([0, *lengths])
    return [
        int(starts[number]) + place for number, k in enumerate(counts) for place in at_a_cadence(lengths[number], k)
    ]


def restored(engine: Engine, low: Path, pictures: list[np.ndarray], chosen: Sequence[int]) -> list[float]:
    """PSNR-Y of each frame with the sharp frames `chosen` as references."""
    with tempfile.TemporaryDirectory() as folder:
        for number in chosen:
            write_png(Path(folder) / f"{number}.png", pictures[number])
        references = {"refs": folder, "ref_every": 1} if chosen else {"no_refs": True}
        with StreamJob(low, engine, StreamOptions(**references)) as job:
            return [psnr_y(eight_bit(result.frame.pixels), eight_bit(truth)) for result, truth in zip(job, pictures)]


def compare(engine: Engine, low: Path, pictures: list[np.ndarray], lengths: list[int], count: int) -> dict:
    """Mean PSNR-Y by choice; equal choices are restored once."""
    choices = {
        "suggested": suggested(low, count),
        "cadence": at_a_cadence(len(pictures), count),
        "scenes": within_scenes(lengths, count),
    }
    different = {tuple(chosen) for chosen in choices.values()}
    restored_scores = {chosen: restored(engine, low, pictures, chosen) for chosen in different}
    scores = {name: restored_scores[tuple(chosen)] for name, chosen in choices.items()}
    apart = set(range(len(pictures))) - {frame for chosen in choices.values() for frame in chosen}
    means = {name: float(np.mean([score[frame] for frame in apart])) for name, score in scores.items()}
    return means | {"frames": len(apart), "choices": choices}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="stream_ref")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--frames", type=int, nargs="+", default=[25])
    parser.add_argument("--counts", type=int, nargs="+", default=[4, 6, 8, 12])
    parser.add_argument("--lr", nargs="+", default=["lossless", "crf28"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    data, clips = data_folder(), list(TRAINING if options.train else VALIDATION)
    counts = (options.frames * len(clips))[: len(clips)]
    numbered = list(film(data, clips, counts))
    pictures = [picture for _, picture in numbered]
    lengths = np.bincount([number for number, _ in numbered]).tolist()
    results = []
    with tempfile.TemporaryDirectory() as folder, make_engine(options.method) as engine:
        small = [degrade(picture) for picture in pictures]
        for kind in options.lr:
            codec = {"lossless": ("ffv1", 0), "crf28": ("libx264", 28)}[kind]
            low = write_film(Path(folder) / f"{kind}.mkv", small, *codec)
            print(f"{kind:9} frames {lengths}", flush=True)
            for count in options.counts:
                row = compare(engine, low, pictures, lengths, count)
                results.append({"lr": kind, "count": count, "method": options.method, **row})
                means = " ".join(f"{name} {row[name]:.2f}" for name in ("suggested", "cadence", "scenes"))
                print(f"{kind:9} {count:3} references: {means} over {row['frames']} frames", flush=True)
                print("         ", *(f"{name} {chosen}" for name, chosen in row["choices"].items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
