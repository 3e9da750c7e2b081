#!/usr/bin/env python3
"""What the search that seeds a match is worth: detail transferred along its field as flow_transfer does, no network.

usage: LFVIDEO_DATA=FOLDER benchmarks/seeds.py [CLIP...]

For each search: PSNR-Y over the frames that are no references (every 8th frame stays sharp, 25 frames of at most 540
lines), mean over the clips, and milliseconds per field. CLIPs are paths below the folder; by default some that
stream_ref was trained on, since these figures choose a setting.
"""

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from data_folder import data_folder
from quality import mean_psnr

from lfvideo_sr.engines.numpy_engine import NumpyEngine
from lfvideo_sr.matching.flow import FlowSettings
from lfvideo_sr.matching.seed import FlowSeeder
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.method import Features, Method, MethodInfo
from lfvideo_sr.methods import flow_transfer
from lfvideo_sr.methods.bicubic import enlarge
from lfvideo_sr.nn.warp import finer_positions

CLIPS = ("video/rollercoaster.mp4", "video/dog.mp4", "video_train/tennis.mp4", "video_train/highway.mp4")
USUAL = FlowSettings(patch_stride=4, descents=25, refinements=5)
SEARCHES = {
    "low resolution": FlowSeeder(stride=4, settings=USUAL),
    "enlarged x2, stream_ref's": FlowSeeder(stride=2),
    "enlarged x2": FlowSeeder(stride=2, settings=USUAL),
    "enlarged x4": FlowSeeder(stride=1, settings=FlowSettings(finest_scale=1, patch_stride=4, refinements=5)),
}


class TimedSearch:
    """A matcher that follows one seeder's field, and how long that took."""

    def __init__(self, seeder: FlowSeeder, stride: int):
        self._seeder, self._stride = seeder, stride
        self.taken: list[float] = []

    def __call__(self, frame: np.ndarray, reference: Features, seed: None) -> tuple[np.ndarray, np.ndarray]:
        other = self._seeder.prepare(reference["reduced"])  # once per reference in the stream, so not on the clock
        started = time.perf_counter()
        positions = self._seeder(self._seeder.prepare(frame[0]), other, None)
        self.taken.append(1e3 * (time.perf_counter() - started))
        positions = finer_positions(positions, self._stride)
        return positions[None], flow_transfer.agreement(enlarge(frame[0]), reference, positions)[None]


def encode(reference: np.ndarray) -> Features:
    return {**flow_transfer.encode(reference), "reduced": degrade(reference[0])}


def measure(seeder: FlowSeeder, clips: Sequence[Path]) -> tuple[float, float]:
    """Mean PSNR-Y over `clips` and median milliseconds of a search."""
    search = TimedSearch(seeder, seeder.stride)
    info = MethodInfo("seeds", "detail along a seed field", worthless_below=0.02)
    method = Method(info=info, encoder=encode, matcher=search, restorer=flow_transfer.restore)
    scores = map(partial(mean_psnr, NumpyEngine(method)), clips)
    return float(np.mean([score["psnr_y"] for score in scores])), float(np.median(search.taken))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", default=CLIPS)
    options = parser.parse_args()
    clips = [data_folder() / name for name in options.clips]
    for name, seeder in SEARCHES.items():
        psnr, milliseconds = measure(seeder, clips)
        print(f"{name:28} {psnr:.2f} dB  {milliseconds:.0f} ms", flush=True)


if __name__ == "__main__":
    main()
