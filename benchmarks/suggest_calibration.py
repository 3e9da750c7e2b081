#!/usr/bin/env python3
"""Fits what `lfvideo_sr/stream/expected_gain.py` expects to what is measured, on clips that may be trained on.

usage: LFVIDEO_DATA=FOLDER benchmarks/suggest_calibration.py [--method METHOD] [--clips N]

Two frames of each clip (64 frames of at most 400 lines, reduced x4 by 8-bit bicubic) serve frames up to 40 before or
after them, one at a time. Per pair: the texture of the frame served, the share of it that the other has, and the mean
square errors of luma without and with that reference. The same with the small frames coded as H.264 (crf 28).
"""

import argparse
import io
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from data_folder import data_folder
from scipy.optimize import least_squares

from lfvideo_sr.choose import make_engine
from lfvideo_sr.engine import Engine, Matched
from lfvideo_sr.frames import Frame, TimeStamp
from lfvideo_sr.media.carrying import carried_both_ways, look_at
from lfvideo_sr.media.resize import crop_to_multiple, degrade, to_float, to_uint8
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.metrics import eight_bit, luma
from lfvideo_sr.references import Reference

CLIPS = (
    "video_train/camel.mp4", "video_train/car-turn.mp4", "video_train/bmx-trees.mp4",
    "video_train/flower-timelapse.mp4", "video_train/meadow-pan.mp4", "video_train/lady-running.mp4",
    "video/rollercoaster.mp4", "video/cups.mp4", "video_train/skatepark.mp4", "video_train/signing.mkv",
    "video_train/portrait-sun.mp4", "video_train/bedroom.mp4", "video_train/market-stall.mp4",
    "video/bigbuckbunny.mp4", "video_train/blackswan.mp4", "video_train/snow-car.mp4", "video_train/highway.mp4",
    "video/teddy.mp4",
)  # fmt: skip
OFFSETS = (1, -3, 5, -9, 14, -20, 30, -40)


def h264(pictures: list[np.ndarray], crf: int = 28) -> list[np.ndarray]:
    """Pictures as they come back from H.264 4:2:0; an odd last row or column stays as it was."""
    height, width = (side - side % 2 for side in pictures[0].shape[1:])
    held = io.BytesIO()
    with av.open(held, "w", format="matroska") as target:
        stream = target.add_stream("libx264", rate=25, width=width, height=height, pix_fmt="yuv420p")
        stream.options = {"crf": str(crf)}
        for picture in pictures:
            rgb = np.ascontiguousarray(to_uint8(picture).transpose(1, 2, 0)[:height, :width])
            target.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        target.mux(stream.encode(None))
    held.seek(0)
    coded = [picture.copy() for picture in pictures]
    with av.open(held) as source:
        for picture, decoded in zip(coded, source.decode(video=0)):
            rgb = decoded.to_ndarray(format="rgb24").transpose(2, 0, 1)
            picture[:, :height, :width] = to_float(np.ascontiguousarray(rgb))
    return coded


def measured(engine: Engine, sharp: list[np.ndarray], low: list[np.ndarray], sources: list[int]) -> Iterator[tuple]:
    """(texture, share, error without, error with) of frames served by one of `sources` each."""
    frames = [Frame(one, number, TimeStamp(number, Fraction(1, 25))) for number, one in enumerate(low)]
    for source in sources:
        reference = Reference(("clip", source), Fraction(source, 25), "clip", lambda source=source: sharp[source])
        encoded = engine.encode(reference)
        for served in (source + offset for offset in OFFSETS if 0 <= source + offset < len(sharp)):
            look = look_at(low[served])
            shares, _ = carried_both_ways(look, look_at(low[source]))
            share = float((look.detail * shares).sum() / max(look.detail.sum(), 1e-9))
            match = Matched(encoded, engine.match(frames[served], encoded, None))
            errors = (_error(engine.restore(frames[served], used), sharp[served]) for used in ([], [match]))
            yield float(look.detail.mean()), share, *errors


def _error(picture: np.ndarray, truth: np.ndarray) -> float:
    return float(np.square(luma(eight_bit(picture)) - luma(truth))[4:-4, 4:-4].mean())


def fitted(rows: np.ndarray, coded: np.ndarray) -> dict[str, float]:
    """The model's numbers for rows of `measured`; coded: bool, the rows of crf 28."""
    texture, share, without, with_one = rows.T
    gain = 10 * np.log10(without / with_one)

    def expected(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        factor, steepness, restored, curve, floor, coding = values
        missed = 10**factor * (texture + 1e-3) ** steepness
        always = floor + np.where(coded, coding * np.sqrt(missed), 0)
        return 10 * np.log10((missed + always) / (missed * (1 - restored * share**curve) + always)), missed + always

    def wrong(values: np.ndarray) -> np.ndarray:
        gains, errors = expected(values)
        return np.concatenate([gains - gain, 0.25 * 10 * np.log10(errors / without)])

    bounds = ([-3, 0.5, 0.3, 0.3, 0, 0], [2, 2, 0.995, 2, 10, 100])
    found = least_squares(wrong, [-0.6, 1.2, 0.95, 0.7, 1, 0.5], bounds=bounds, loss="soft_l1")
    off = expected(found.x)[0] - gain
    names = ("missed", "steepness", "restored", "curve", "floor", "coding")
    values = dict(zip(names, [10 ** found.x[0], *found.x[1:]]))
    for name, some in (("lossless", ~coded), ("coded", coded)):
        values[f"{name}_rmse_db"] = float(np.sqrt(np.mean(off[some] ** 2)))
        values[f"{name}_bias_db"] = float(np.mean(off[some]))
        values[f"{name}_mean_gain_db"] = float(np.mean(gain[some]))
    return values


def pairs(engine: Engine, clip: Path) -> Iterator[tuple[bool, tuple]]:
    sharp = [crop_to_multiple(one.pixels, 4) for one in VideoSource(clip, frames=64, max_height=400, detect_cuts=False)]
    small = [degrade(one) for one in sharp]
    count = len(sharp)
    for row in measured(engine, sharp, small, [count // 5, 3 * count // 4]):
        yield False, row
    for row in measured(engine, sharp, h264(small), [count // 2]):
        yield True, row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="stream_ref")
    parser.add_argument("--clips", type=int, default=len(CLIPS))
    options = parser.parse_args()
    data, rows, coded = data_folder(), [], []
    with make_engine(options.method) as engine:
        for clip in CLIPS[: options.clips]:
            for is_coded, row in pairs(engine, data / clip):
                rows.append(row)
                coded.append(is_coded)
            print(f"{clip}: {len(rows)} pairs so far", flush=True)
    print(json.dumps(fitted(np.array(rows), np.array(coded)), indent=1))


if __name__ == "__main__":
    main()
