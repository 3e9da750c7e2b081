"""The same streams and pictures as the command line's, from Python."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .choose import make_engine
from .frames import Frame, size_of
from .lightfields.opening import OpenOptions
from .media.images import read_image
from .picture import RestoredPicture, picture_references, restore
from .stream.grid_job import GridJob, GridOptions
from .stream.job import StreamJob, StreamOptions


class OpenStream:
    """Iterate it once for the super-resolved frames, in order, or the views of a light field, nearest to a reference
    first; a context manager that ends decoding when left. What torch restores on a GPU is brought to the host as it is
    asked for, on the present stream: iterate where that is torch's default one.

    job: what runs behind it: sizes, where references come from, cache and timings.
    """

    def __init__(self, job: StreamJob | GridJob):
        self.job = job

    def __iter__(self) -> Iterator[Frame]:
        for restored in self.job:
            yield restored.frame.fetched()  # whoever keeps many must not fill a GPU

    def __enter__(self) -> "OpenStream":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.job.close()


def open_stream(
    path: Path | str,
    *,
    method: str = "stream_ref",
    weights: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    engine: str = "auto",
    **options: Any,
) -> OpenStream:
    """Open a video for super-resolution; `options` are the fields of `StreamOptions` (ref_every, refs, causal ...).

    Raises InputError for what cannot be read, UsageError for options that contradict each other.
    """
    running = make_engine(method, weights=weights, device=device, dtype=dtype, engine=engine)
    return OpenStream(StreamJob(path, running, StreamOptions(**options)))


def open_light_field(
    path: Path | str,
    *,
    method: str = "stream_ref",
    weights: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    layout: str | None = None,
    **options: Any,
) -> OpenStream:
    """Open a light field for super-resolution; its frames are stamped with views. `options` are the fields of
    `GridOptions` (refs, ref_views, simulate, matching ...); `open=OpenOptions(...)` says more than `layout`.

    Raises InputError for what cannot be read, UsageError for options that contradict each other.
    """
    engine = make_engine(method, weights=weights, device=device, dtype=dtype)
    return OpenStream(GridJob(path, engine, GridOptions(**{"open": OpenOptions(layout=layout), **options})))


def restore_picture(
    picture: Path | str | np.ndarray,
    references: Iterable[Path | str | np.ndarray] = (),
    *,
    method: str = "stream_ref",
    weights: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
) -> RestoredPicture:
    """A low-resolution picture x4, with the best of some sharp references; files or float32 [3,H,W] RGB in [0,1].

    Raises InputError for what cannot be read.
    """
    low = picture if isinstance(picture, np.ndarray) else read_image(picture)
    with make_engine(method, weights=weights, device=device, dtype=dtype) as engine:
        return restore(engine, low, picture_references(references, size_of(low), engine.info.scale))
