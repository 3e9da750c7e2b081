#!/usr/bin/env python3
"""CPU milliseconds of each verb of stream_ref, by torch and by ONNX Runtime, both float32, taking turns; and the least
that restoring could take on this core, by what torch counts as floating-point operations and by bytes.

    OMP_NUM_THREADS=1 benchmarks/engines.py [WIDTHxHEIGHT] [ROUNDS]

Processor time, so that other work on the machine weighs less. The floor takes operations at the rate of a large matrix
product on this core, and bytes (weights, what is read of frame and references, the picture) at that of a copy.
"""

import argparse
import time
from fractions import Fraction
from itertools import pairwise
from statistics import median

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from lfvideo_sr.choose import load_learned, make_engine
from lfvideo_sr.engine import Engine, Matched
from lfvideo_sr.frames import Frame, Size, TimeStamp
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.method import Match
from lfvideo_sr.references.reference import Reference
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


def fastest(work, rounds: int = 5) -> float:
    """Least seconds of processor time of some rounds."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def floor(frame: Frame, reference: Reference) -> str:
    """Of restoring with two references."""
    method, pixels = load_learned("stream_ref"), torch.from_numpy(frame.pixels)[None]
    features = method.encoder(torch.from_numpy(reference.load())[None])
    places = method.info.scale // method.field_stride
    positions = torch.zeros(1, places * frame.size.height, places * frame.size.width, 2)
    match = Match(features, positions, positions[..., 0] + 1)
    with FlopCounterMode(display=False) as counted:  # with gradients: fused convolutions are not counted
        picture = method.restorer(pixels, [match, match])
    weights = sum(parameter.numel() for parameter in method.restorer.parameters())
    read = 2 * sum(feature.numel() for feature in features.values()) + 2 * 3 * positions.numel() // 2
    moved = 4 * (weights + read + pixels.numel() + picture.numel())
    side, vector = torch.rand(1024, 1024), torch.rand(1 << 24)
    rate, bandwidth = 2 * 1024**3 / fastest(lambda: side @ side), 8 * vector.numel() / fastest(vector.clone)
    work = counted.get_total_flops()
    return (
        f"floor    {1e3 * work / rate:8.0f} ms for {work / 1e9:.2f} GFLOP at {rate / 1e9:.0f} GFLOP/s; "
        f"{1e3 * moved / bandwidth:.1f} ms for {moved / 1e6:.1f} MB at {bandwidth / 1e9:.1f} GB/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", nargs="?", default="160x90")
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    options = parser.parse_args()
    size, rounds = Size(*map(int, options.size.split("x"))), options.rounds
    scene = random_scene(np.random.default_rng(0), width=size.width * 4)
    sharp, beside = (render(scene, float(moment), size.scaled(4)) for moment in (0, 1))
    frame = Frame(degrade(sharp), 0, TimeStamp(0, Fraction(1)))
    reference = Reference(("beside",), Fraction(0), "beside", lambda: beside)
    engines = {name: make_engine("stream_ref", device="cpu", dtype="fp32", engine=name) for name in ("torch", "onnx")}
    taken: dict[str, list[list[float]]] = {name: [] for name in engines}
    for number in range(rounds + 1):
        for name, engine in engines.items():
            seconds = once(engine, frame, reference)
            if number:  # the first round warms up
                taken[name].append(seconds)
    for verb, number in (("encode", 0), ("match", 1), ("restore", 2)):
        each = {name: median(seconds[number] for seconds in taken[name]) for name in engines}
        print(f"{verb:8} {each['torch']:8.1f} {each['onnx']:8.1f} ms, ratio {each['onnx'] / each['torch']:.2f}")
    print(floor(frame, reference))


if __name__ == "__main__":
    main()
