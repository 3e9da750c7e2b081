#!/usr/bin/env python3
"""CPU milliseconds of each verb of stream_ref, by torch and by ONNX Runtime, both float32, taking turns.

    OMP_NUM_THREADS=1 benchmarks/engines.py [WIDTHxHEIGHT] [ROUNDS]

Processor time, so that other work on the machine weighs less; graphs must be there (`lfvideo-sr engine build stream_ref
--engine onnx`).
"""

import sys
import time
from fractions import Fraction
from itertools import pairwise
from statistics import median

import numpy as np

from lfvideo_sr.choose import make_engine
from lfvideo_sr.engine import Engine, Matched
from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.references import Reference
from lfvideo_sr.synthetic import random_scene, render


def once(engine: Engine, frame: Frame, reference: Reference) -> list[float]:
    """Milliseconds of encode, match, and restore with two references."""
    marks = [time.process_time()]
    encoded = engine.encode(reference)
    marks.append(time.process_time())
    matched = Matched(encoded, engine.match(frame, encoded, None))
    marks.append(time.process_time())
    engine.restore(frame, [matched, matched])
    marks.append(time.process_time())
    return [1e3 * (after - before) for before, after in pairwise(marks)]


def main() -> None:
    size = Size(*map(int, (sys.argv[1] if len(sys.argv) > 1 else "480x270").split("x")))
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    scene = random_scene(np.random.default_rng(0), width=size.width * 4)
    sharp, beside = (render(scene, float(moment), size.scaled(4)) for moment in (0, 1))
    frame = Frame(degrade(sharp), 0, TimeStamp(0, Fraction(1)))
    reference = Reference(("beside",), Fraction(0), "beside", lambda: beside)
    engines = {name: make_engine("stream_ref", device="cpu", dtype="fp32", engine=name) for name in ("torch", "onnx")}
    taken: dict[str, list[list[float]]] = {name: [] for name in engines}
    for number in range(rounds + 1):
        for name, engine in engines.items():
            found = once(engine, frame, reference)
            if number:  # the first round warms up
                taken[name].append(found)
    for verb, number in (("encode", 0), ("match", 1), ("restore", 2)):
        each = {name: median(one[number] for one in taken[name]) for name in engines}
        print(f"{verb:8} {each['torch']:8.0f} {each['onnx']:8.0f} ms, ratio {each['onnx'] / each['torch']:.2f}")


if __name__ == "__main__":
    main()
