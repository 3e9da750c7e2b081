"""How long a run will take and how much disk it fills, from one small piece of work done for the purpose."""

import shutil
import time
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..engine import Engine, Last, Matched
from ..errors import EngineError
from ..frames import Frame, Size, TimeStamp
from ..references.arrays import ArrayReferences
from ..references.reference import Reference
from ..references.still_references import StillReferences
from ..stream.guided import probe_views
from ..stream.job import StreamJob
from ..stream.view_store import SAMPLE_BYTES
from .texts import shown_bytes

if TYPE_CHECKING:  # a stream is estimated without light fields
    from ..stream.grid_job import GridJob

_PIECE = Size(160, 96)  # low-resolution pixels; where the engine does not take this size, the nearest that it takes
_SLOW = 2.0  # seconds after which warming up no longer matters
_ENCODING = 6e-9  # seconds per output pixel, a mild guess for conversion and encoding
_AGREEING = 8e-8  # likewise, for what neighbouring views take from each other
_FUSING = 2e-5  # seconds per low-resolution pixel, for what views take from each other where none is sharp
_PREDICTED = 0.25  # of a search: a field that is predicted from others


class Pace(NamedTuple):
    """Seconds per low-resolution pixel: to search all references, and to restore."""

    match: float
    restore: float


def estimated_seconds(job: StreamJob) -> float | None:
    """Seconds for the whole clip, or None where its length is unknown, or where the engine fails on a small picture of
    noise, on which it is tried."""
    if not job.info.frames:
        return None
    pace = _pace(job.engine, references_used(job))
    if pace is None:
        return None
    pixels = job.info.size.width * job.info.size.height
    each = sum(pace) * pixels + _ENCODING * pixels * job.engine.info.scale**2
    return max(1.0, each * job.info.frames)


def estimated_grid_seconds(job: "GridJob", engine: Engine) -> float | None:
    """Likewise for all views of a light field by the job's engine: few are searched where the others' fields are
    predicted from theirs."""
    count = min(len(job.references.placed), engine.info.references, job.options.max_refs)
    pace = _pace(engine, count)
    if pace is None:
        return None
    pixels, scale, views = job.info.size.width * job.info.size.height, engine.info.scale, len(job.grid)
    frames = job.source.info.frames
    searches = float(views)
    if job.engine.guides and count:
        probes = len(probe_views(job.source.info.grid, job.references.placed[0].view))
        searches = min(views, probes + _PREDICTED * views)
    fusing = _FUSING if job.fusing is not None else 0.0
    each = pace.match * searches + (pace.restore + fusing) * views
    written = _ENCODING + (_AGREEING if job.agreement is not None and count else 0.0)
    return max(1.0, frames * pixels * (each + written * views * scale**2))


def references_used(job: StreamJob) -> int:
    """How many references serve a frame at most: no more than the method takes, the user allows, or there are."""
    if job.reference_kind == "none":
        return 0
    most = min(job.engine.info.references, job.options.max_refs)
    if isinstance(job.references, StillReferences | ArrayReferences):  # tracks and anchors have enough
        return len(list(islice(job.references, most)))
    return most


def most_bytes(job: "GridJob") -> int:
    """What the output takes at most, uncompressed; 0 where nothing can be said."""
    return job.size.width * job.size.height * (job.info.frames or 0) * job.source.info.pixel


def kept_bytes(job: "GridJob") -> int:
    """What the views take that are kept beside the output until it is whole."""
    return job.size.width * job.size.height * (job.info.frames or 0) * SAMPLE_BYTES


def lacking(folder: Path, most: int) -> str:
    """A warning where a folder's disk has less room than that; else ""."""
    free = shutil.disk_usage(folder).free
    return f"the disk has {shown_bytes(free)} left, which may not do" if free < most else ""


def _pace(engine: Engine, count: int) -> Pace | None:
    """With so many references; None where the engine fails: its first frame will show why."""
    try:
        return _measured(engine, count)
    except EngineError:
        return None


def _measured(engine: Engine, count: int) -> Pace:
    noise, size = np.random.default_rng(0), engine.nearest_size(_PIECE)
    large = size.scaled(engine.info.scale)
    frame = Frame(noise.random((3, size.height, size.width), np.float32), 0, TimeStamp(0, Fraction(1)))
    picture = noise.random((3, large.height, large.width), np.float32)
    last = Last(frame, frame.with_pixels(picture))
    encoded = engine.encode(Reference(("estimate",), Fraction(0), "estimate", lambda: picture)) if count else None
    for _ in range(2):  # the first round warms up
        started = time.perf_counter()
        matches = [] if encoded is None else [Matched(encoded, engine.match(frame, encoded, None))]
        between = time.perf_counter()
        engine.restore(frame, matches * count, last)
        ended = time.perf_counter()
        if ended - started > _SLOW:
            break
    pixels = size.width * size.height
    return Pace(count * (between - started) / pixels, (ended - between) / pixels)  # one match stands for all
