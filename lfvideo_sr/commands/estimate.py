"""How long a run will take, from one small piece of work done for the purpose."""

import time
from fractions import Fraction

import numpy as np

from ..engine import Matched
from ..errors import EngineError
from ..frames import Frame, Size, TimeStamp
from ..references import Reference
from ..stream.job import StreamJob

_PIECE = Size(160, 96)  # low-resolution pixels
_SLOW = 2.0  # seconds after which warming up no longer matters
_ENCODING = 6e-9  # seconds per output pixel, a mild guess for conversion and encoding


def estimated_seconds(job: StreamJob) -> float | None:
    """Seconds for the whole clip, or None where its length is unknown, or where the engine takes no small picture of
    noise, on which it is tried."""
    if not job.info.frames:
        return None
    try:
        per_pixel = _seconds_per_pixel(job)
    except EngineError:  # a plan for larger sizes; what is wrong beyond that, the first frame will tell
        return None
    width, height = job.info.size
    each = per_pixel * width * height + _ENCODING * width * height * job.engine.info.scale**2
    return max(1.0, each * job.info.frames)


def _seconds_per_pixel(job: StreamJob) -> float:
    engine = job.engine
    noise = np.random.default_rng(0)
    frame = Frame(noise.random((3, _PIECE.height, _PIECE.width), np.float32), 0, TimeStamp(0, Fraction(1)))
    large = noise.random((3, _PIECE.height * engine.info.scale, _PIECE.width * engine.info.scale), np.float32)
    count = 0 if job.reference_kind == "none" else engine.info.references
    encoded = engine.encode(Reference(("estimate",), Fraction(0), "estimate", lambda: large)) if count else None
    for _ in range(2):  # the first round warms up
        started = time.perf_counter()
        matches = [Matched(encoded, engine.match(frame, encoded, None))] if encoded is not None else []
        matching = time.perf_counter() - started
        engine.restore(frame, matches * count)
        taken = time.perf_counter() - started + matching * max(count - 1, 0)  # one match stands for all
        if taken > _SLOW:
            break
    return taken / (_PIECE.width * _PIECE.height)
