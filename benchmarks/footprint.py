#!/usr/bin/env python3
"""Seconds and peak memory of one frame: encode and match each reference, match again from that field, restore.

usage: benchmarks/footprint.py METHOD [--weights FILE] [--size 480x270] [--dtype bf16] [--references 1]

Without weights, the untrained network of the paper's size: cost does not depend on what was learned, but for
PatchMatch, which compares more where descriptors are alike. The picture is a rendered scene. Memory is the process's
peak so far.
"""

import argparse
import resource
import time
from fractions import Fraction
from importlib import import_module

import numpy as np

from lfvideo_sr.choose import load_learned
from lfvideo_sr.commands.texts import parse_size
from lfvideo_sr.engine import Matched
from lfvideo_sr.engines.torch_engine import TorchEngine
from lfvideo_sr.frames import Frame, View
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.methods import METHODS
from lfvideo_sr.references.reference import Reference
from lfvideo_sr.synthetic import random_scene, render


def method_of(name: str, weights: str | None):
    if weights or METHODS[name].weights:
        return load_learned(name, weights)
    module = import_module(f"lfvideo_sr.methods.{METHODS[name].module}")
    return module.build(module.network({}))


def timed(what: str, work, *arguments):
    """The result of work(*arguments), and a printed line with its cost."""
    started, used = time.perf_counter(), time.process_time()
    result = work(*arguments)
    seconds, used = time.perf_counter() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{what:14} {seconds:8.1f} s   {used:8.1f} s of processors   peak {peak:.2f} GB", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method")
    parser.add_argument("--weights")
    parser.add_argument("--size", default="480x270", help="of the low-resolution frame")
    parser.add_argument("--dtype", default="bf16")
    parser.add_argument("--references", type=int, default=1)
    options = parser.parse_args()
    size = parse_size(options.size).scaled(4)
    scene = random_scene(np.random.default_rng(1), width=size.width)
    frame = Frame(np.ascontiguousarray(degrade(render(scene, 0.0, size)), np.float32), 0, View(0, 0))
    engine = TorchEngine(method_of(options.method, options.weights), "cpu", options.dtype)
    matches = []
    for number in range(options.references):
        sharp = render(scene, 2.0 + number, size)
        encoded = timed("encode", engine.encode, Reference((number,), Fraction(0), "rendered", lambda one=sharp: one))
        field = timed("match", engine.match, frame, encoded, None)
        field = timed("match, warm", engine.match, frame, encoded, field)
        matches.append(Matched(encoded, field))
    timed("restore", engine.restore, frame, matches)


if __name__ == "__main__":
    main()
