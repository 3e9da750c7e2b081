#!/usr/bin/env python3
"""Fits what `lfvideo_sr/stream/expected_gain.py` expects to what is measured, on clips that may be trained on.

usage: LFVIDEO_DATA=FOLDER benchmarks/suggest_calibration.py [--method METHOD] [--clips N]

Two frames of each clip (64 frames of at most 400 lines, reduced x4 by 8-bit bicubic) serve frames up to 40 before or
after them, one at a time. Per pair: the texture of the frame served, the share of it that the other has, and the mean
square errors of luma without and with that reference. The same with the small frames coded as H.264 (crf 28). What
coding costs is fitted over crf 18, 23, 28 and 33.
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
from lfvideo_sr.media.resize import crop_to_multiple, degrade, to_float, to_uint8
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.metrics import eight_bit, luma
from lfvideo_sr.references.reference import Reference
from lfvideo_sr.stream.carrying import carried_both_ways, texture_of

CLIPS = (
    "video_train/camel.mp4", "video_train/car-turn.mp4", "video_train/bmx-trees.mp4",
    "video_train/flower-timelapse.mp4", "video_train/meadow-pan.mp4", "video_train/lady-running.mp4",
    "video/rollercoaster.mp4", "video/cups.mp4", "video_train/skatepark.mp4", "video_train/signing.mkv",
    "video_train/portrait-sun.mp4", "video_train/bedroom.mp4", "video_train/market-stall.mp4",
    "video/bigbuckbunny.mp4", "video_train/blackswan.mp4", "video_train/snow-car.mp4", "video_train/highway.mp4",
    "video/teddy.mp4",
)  # fmt: skip
CRF = 28
CRFS = (18, 23, CRF, 33)  # for what coding costs
OFFSETS = (1, -3, 5, -9, 14, -20, 30, -40)


def h264(pictures: list[np.ndarray], crf: int) -> tuple[list[np.ndarray], float]:
    """Pictures as they come back from H.264 4:2:0, and bits per pixel; an odd last row or column stays as it was."""
    height, width = (side - side % 2 for side in pictures[0].shape[1:])
    held = io.BytesIO()
    with av.open(held, "w", format="matroska") as target:
        stream = target.add_stream("libx264", rate=25, width=width, height=height, pix_fmt="yuv420p")
        stream.options = {"crf": str(crf)}
        for picture in pictures:
            rgb = np.ascontiguousarray(to_uint8(picture).transpose(1, 2, 0)[:height, :width])
            target.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        target.mux(stream.encode(None))
    bits = 8 * len(held.getvalue()) / (len(pictures) * height * width)
    held.seek(0)
    coded = [picture.copy() for picture in pictures]
    with av.open(held) as source:
        for picture, decoded in zip(coded, source.decode(video=0)):
            rgb = decoded.to_ndarray(format="rgb24").transpose(2, 0, 1)
            picture[:, :height, :width] = to_float(np.ascontiguousarray(rgb))
    return coded, bits


def measured(engine: Engine, sharp: list[np.ndarray], low: list[np.ndarray], sources: list[int]) -> Iterator[tuple]:
    """(texture, share, error without, error with) of frames served by one of `sources` each."""
    frames = [Frame(pixels, number, TimeStamp(number, Fraction(1, 25))) for number, pixels in enumerate(low)]
    for source in sources:
        reference = Reference(("clip", source), Fraction(source, 25), "clip", lambda source=source: sharp[source])
        encoded = engine.encode(reference)
        for served in (source + offset for offset in OFFSETS if 0 <= source + offset < len(sharp)):
            look = texture_of(low[served])
            shares, _ = carried_both_ways(look, texture_of(low[source]))
            share = float((look.detail * shares).sum() / max(look.detail.sum(), 1e-9))
            match = Matched(encoded, engine.match(frames[served], encoded, None))
            errors = (_error(engine.restore(frames[served], used), sharp[served]) for used in ([], [match]))
            yield float(look.detail.mean()), share, *errors


def _error(picture: np.ndarray, truth: np.ndarray) -> float:
    return float(np.square(luma(eight_bit(picture)) - luma(truth))[4:-4, 4:-4].mean())


def lost_by_coding(rows: np.ndarray) -> np.ndarray:
    """(factor, power of texture, power of bits) for rows (texture, bits per pixel, mean square error of coding)."""
    texture, bits, error = np.log(rows.T)
    factor, busy, spent = np.linalg.lstsq(np.stack([np.ones(len(rows)), texture, bits], 1), error, rcond=None)[0]
    return np.array([np.exp(factor), busy, -spent])


def fitted(rows: np.ndarray, bits: np.ndarray, coding: np.ndarray) -> dict[str, float]:
    """The model's numbers for rows of `measured`, whose frames were coded with `bits` per pixel (inf: without loss);
    coding: as `lost_by_coding` gives it."""
    texture, share, without, with_one = rows.T
    gain = 10 * np.log10(without / with_one)
    lost = coding[0] * (texture + 1e-3) ** coding[1] * bits ** -coding[2]

    def expected(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        factor, steepness, restored, curve, floor, harm, harm_curve = values
        missed = 10**factor * (texture + 1e-3) ** steepness
        always = floor + harm * lost**harm_curve * np.sqrt(missed)
        return 10 * np.log10((missed + always) / (missed * (1 - restored * share**curve) + always)), missed + always

    def wrong(values: np.ndarray) -> np.ndarray:
        gains, errors = expected(values)
        return np.concatenate([gains - gain, 0.25 * 10 * np.log10(errors / without)])

    bounds = ([-3, 0.5, 0.3, 0.3, 0, 0, 0.2], [2, 2, 0.995, 2, 10, 100, 3])
    fit = least_squares(wrong, [-0.6, 1.2, 0.95, 0.7, 1, 0.5, 1], bounds=bounds, loss="soft_l1")
    off = expected(fit.x)[0] - gain
    names = ("missed", "steepness", "restored", "curve", "floor", "harm", "harm_curve")
    values = dict(zip(names, [10 ** fit.x[0], *fit.x[1:]]))
    values |= dict(zip(("coded", "busy", "spent"), coding))
    for name, some in (("lossless", np.isinf(bits)), ("coded", np.isfinite(bits))):
        values[f"{name}_rmse_db"] = float(np.sqrt(np.mean(off[some] ** 2)))
        values[f"{name}_bias_db"] = float(np.mean(off[some]))
        values[f"{name}_mean_gain_db"] = float(np.mean(gain[some]))
    return values


def look_into(engine: Engine, clip: Path) -> tuple[list[tuple], list[float], list[tuple]]:
    """Rows of `measured`, their bits per pixel, and rows for `lost_by_coding`, of one clip."""
    sharp = [
        crop_to_multiple(frame.pixels, 4) for frame in VideoSource(clip, frames=64, max_height=400, detect_cuts=False)
    ]
    small = [degrade(picture) for picture in sharp]
    rows = list(measured(engine, sharp, small, [len(sharp) // 5, 3 * len(sharp) // 4]))
    bits = [np.inf] * len(rows)
    lost = []
    for crf in CRFS:
        coded, spent = h264(small, crf)
        for before, after in list(zip(small, coded))[::4]:
            error = (255 / 219) ** 2 * np.square(luma(after) - luma(before)).mean()
            lost.append((float(texture_of(after).detail.mean()), spent, error))
        if crf == CRF:
            rows += measured(engine, sharp, coded, [len(sharp) // 2])
            bits += [spent] * (len(rows) - len(bits))
    return rows, bits, lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="stream_ref")
    parser.add_argument("--clips", type=int, default=len(CLIPS))
    options = parser.parse_args()
    data = data_folder()
    parts: tuple[list, list, list] = ([], [], [])
    with make_engine(options.method) as engine:
        for clip in CLIPS[: options.clips]:
            for all_of_them, new in zip(parts, look_into(engine, data / clip)):
                all_of_them.extend(new)
            print(f"{clip}: {len(parts[0])} pairs so far", flush=True)
    rows, bits, lost = (np.array(part) for part in parts)
    print(json.dumps(fitted(rows, bits, lost_by_coding(lost)), indent=1))


if __name__ == "__main__":
    main()
