#!/usr/bin/env python3
"""A light-field video matched by geometry and freely: processor time to match, PSNR-Y of the views that result.

usage: benchmarks/lightfield_video.py [--seed 3] [--frames 3] [--across 3]

A rendered scene of 256x192 pixels, `across` by `across` views; the middle view of the first and of the last frame is
sharp. Both ways run turn by turn in one process, on stream_ref.
"""

import argparse
import time
from fractions import Fraction

import numpy as np

from lfvideo_sr.choose import make_engine
from lfvideo_sr.engine import Matched
from lfvideo_sr.frames import Frame, Size, View
from lfvideo_sr.lightfields.grid import Grid
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.metrics import eight_bit, psnr_y
from lfvideo_sr.references.reference import Reference
from lfvideo_sr.stream.guided import GuidedEngine, Place
from lfvideo_sr.synthetic import random_scene, render

SIZE = Size(256, 192)
PACE = 1.5  # moments of the scene from frame to frame


def rendered(seed: int, frames: int, grid: Grid, middle: View) -> dict[Place, np.ndarray]:
    scene = random_scene(np.random.default_rng(seed), width=SIZE.width)
    places = [Place(view, frame) for frame in range(frames) for view in grid]
    seen = {place: (place.view.row - middle.row, place.view.column - middle.column) for place in places}
    return {place: eight_bit(render(scene, PACE * place.frame, SIZE, view=seen[place])) for place in places}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--across", type=int, default=3)
    options = parser.parse_args()
    grid = Grid.of(options.across, options.across)
    middle = View(options.across // 2, options.across // 2)
    sharp = rendered(options.seed, options.frames, grid, middle)
    low = {place: degrade(picture) for place, picture in sharp.items()}
    stands = {(frame,): Place(middle, frame) for frame in (0, options.frames - 1)}
    references = [Reference(key, Fraction(0), "rendered", lambda at=at: sharp[at]) for key, at in stands.items()]
    engine = make_engine("stream_ref")

    def around(guide: bool) -> GuidedEngine:
        return GuidedEngine(engine, grid, low.get, stands, lambda frame: Place(frame.stamp, frame.index), guide)

    engines = {"free": around(False), "guided": around(True)}
    encoded = [engine.encode(reference) for reference in references]
    seconds, quality = dict.fromkeys(engines, 0.0), {name: [] for name in engines}
    engine.match(Frame(low[Place(middle, 0)], 0, middle), encoded[0], None)  # warms up
    for place, picture in low.items():
        frame = Frame(picture, place.frame, place.view)
        for name, guided in engines.items():
            started = time.process_time()
            matches = [Matched(reference, guided.match(frame, reference, None)) for reference in encoded]
            seconds[name] += time.process_time() - started
            if place not in stands.values():
                quality[name].append(psnr_y(eight_bit(guided.restore(frame, matches)), sharp[place]))
    for name in engines:
        print(f"{name:8} {1e3 * seconds[name] / len(low):7.1f} ms a view to match   {np.mean(quality[name]):.2f} dB")
    gain = np.subtract(quality["guided"], quality["free"])
    print(
        f"{seconds['free'] / seconds['guided']:.2f} times faster   {gain.mean():+.2f} dB, worst view {gain.min():+.2f}"
    )


if __name__ == "__main__":
    main()
