"""The package from Python: streams, light fields and pictures, from files or from memory."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import fields, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from ..choose import view_network
from ..engine import Engine
from ..errors import UsageError
from ..frames import size_of
from ..lightfields.opening import OpenOptions
from ..matching.view_samples import Fuse
from ..method import Method
from ..picture import RestoredPicture, restore
from ..references.pictures import load_picture, picture_references
from ..stream.grid_job import GridJob
from ..stream.grid_options import GridOptions
from ..stream.job import StreamJob
from ..stream.opening import low_size
from ..stream.options import StreamOptions
from .frames import NAME, CallerFrames, CallerReferences
from .parameters import GridParameters, StreamParameters, check_parameters
from .results import RestoredFrame, UsedReference
from .running import engine_in_context
from .stream import OpenLightField, OpenStream, OpenVideo
from .views import CallerViews, references_by_view
from .wording import python_errors

__all__ = [
    "OpenLightField",
    "OpenStream",
    "OpenVideo",
    "RestoredFrame",
    "UsedReference",
    "open_light_field",
    "open_stream",
    "restore_picture",
]

Rate = Fraction | float | int


def open_stream(
    source: Path | str | Iterable[Any],
    *,
    references: Mapping[int, Any] | None = None,
    rate: Rate = 25,
    method: str | Method = "stream_ref",
    engine: str | Engine = "auto",
    quality: str = "auto",
    weights: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    **options: Unpack[StreamParameters],
) -> OpenVideo:
    """Open a video, or frames in memory, for super-resolution.

    source:     a file; or frames [3,H,W] RGB, uint8 or floats in [0,1]: a list, an array [N,3,H,W], or any iterable,
                such as a camera. Arrays of NumPy, and tensors of torch and others by DLPack.
    references: sharp pictures by the index of the frame that they show, counted from 0: files, arrays or tensors of any
                size. None: as `refs` says, or what is found beside the file.
    rate:       frames per second, of frames in memory.
    method, engine: by name, or your own `Method` or engine. Your own engine stays open when the stream is closed.
    quality, weights, device, dtype: of a method by name, see `lfvideo_sr.choose.EngineOptions`.
    options:    the fields of `StreamOptions` (ref_every, refs, causal ...).

    Raises InputError for what cannot be read, UsageError (a ValueError) for options that contradict each other,
    EngineError (a RuntimeError) for a device or an engine that cannot be had.
    """
    check_parameters("open_stream", list(options), StreamOptions)
    with python_errors(), ExitStack() as context:
        asked = StreamOptions(**options)
        path, clip = _frames(source, asked, rate)
        if references is not None and (asked.refs or asked.ref_source or asked.no_refs or asked.simulate):
            raise UsageError("references contradicts refs, ref_source, no_refs and simulate; drop one of them")
        size = low_size(path, asked) if clip is None else clip.info.size
        entered = context.enter_context(engine_in_context(method, engine, weights, device, dtype, size, quality))

        def opened() -> StreamJob:
            if references is None:
                return StreamJob(path, entered, asked, clip)
            return _with_references(path, entered, asked, clip, references)

        return OpenVideo(opened(), opened, context.pop_all())


def _frames(source: Any, options: StreamOptions, rate: Rate) -> tuple[Path, CallerFrames | None]:
    """Where frames come from: a file's path, or the caller's frames under a name of their own."""
    if isinstance(source, str | Path):
        return Path(source), None
    if not isinstance(source, Iterable):
        raise UsageError(f"the source is a {type(source).__name__}; give a path, or an iterable of frames [3,H,W]")
    for name in ("refs", "ref_source", "simulate", "scene_refs", "max_height", "deinterlace", "fps", "start", "end"):
        if getattr(options, name):
            raise UsageError(f"{name} is for files; leave it out for frames in memory")
    if rate <= 0:
        raise UsageError(f"rate is {rate}; give a number of frames per second above 0")
    return Path(NAME), CallerFrames(source, Fraction(rate).limit_denominator(1001), options.frames)


def _with_references(
    path: Path, engine: Engine, options: StreamOptions, clip: CallerFrames | None, pictures: Mapping[int, Any]
) -> StreamJob:
    """A job whose references are the caller's. A file's own are not looked for."""
    if clip is None:
        with StreamJob(path, engine, replace(options, no_refs=True, require_refs=False)) as plain:
            video, low, rate = plain.video, plain.info.size, None
    else:
        video, low, rate = clip.video, clip.info.size, clip.video.rate
    return StreamJob(
        path, engine, options, clip, CallerReferences(pictures, video, low.scaled(engine.info.scale), rate)
    )


def open_light_field(
    source: Any,
    *,
    references: Mapping[tuple[int, int], Any] | None = None,
    method: str | Method = "stream_ref",
    engine: str | Engine = "auto",
    quality: str = "best",
    weights: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    **options: Unpack[GridParameters],
) -> OpenLightField:
    """Open a light field for super-resolution; its frames are stamped with views.

    source:     a file or folder, as the command line takes it; or views in memory, [rows,columns,3,H,W] RGB, uint8 or
                floats in [0,1], an array or a tensor.
    references: sharp pictures by view, (row, column): files, arrays or tensors of any size. None: as `refs` says, or
                what is found in the file.
    method, engine, quality, weights, device, dtype: as of `open_stream`.
    options:    the fields of `GridOptions` (refs, ref_views, simulate, matching ...) and of `OpenOptions`, which says
                how the file is read (layout, grid, item, pattern, transpose, mirror).

    Raises InputError for what cannot be read, UsageError (a ValueError) for options that contradict each other,
    EngineError (a RuntimeError) for a device or an engine that cannot be had.
    """
    check_parameters("open_light_field", list(options), GridOptions, OpenOptions)
    with python_errors(), ExitStack() as context:
        asked = _grid_options(dict(options))
        if references is not None and (asked.refs or asked.ref_views or asked.no_refs or asked.simulate):
            raise UsageError("references contradicts refs, ref_views, no_refs and simulate; drop one of them")
        entered = context.enter_context(engine_in_context(method, engine, weights, device, dtype, quality=quality))
        fuse = view_network(device)
        return OpenLightField(*_grid_jobs(source, references, entered, asked, fuse), context.pop_all())


def _grid_options(options: dict[str, Any]) -> GridOptions:
    """The options of a run, with those of opening gathered in `open`."""
    names = [field.name for field in fields(OpenOptions)]
    opening = {name: options.pop(name) for name in names if name in options}
    if opening and "open" in options:
        raise UsageError(f"open contradicts {', '.join(opening)}; give one of them")
    return GridOptions(**({"open": OpenOptions(**opening)} | options))


def _grid_jobs(
    source: Any,
    pictures: Mapping[tuple[int, int], Any] | None,
    engine: Engine,
    options: GridOptions,
    fuse: Callable[[], Fuse | None],
) -> tuple[GridJob, Callable[[], GridJob]]:
    """The first job, and what opens the next ones."""
    in_memory = None if isinstance(source, str | Path) else CallerViews(source)
    path = NAME if in_memory else source

    scale = engine.info.scale
    references = None if pictures is None else partial(references_by_view, pictures=pictures, scale=scale)

    def opened() -> GridJob:
        return GridJob(path, engine, options, source=in_memory, references=references, fuse=fuse)

    return opened(), opened


def restore_picture(
    picture: Any,
    references: Iterable[Any] = (),
    *,
    method: str | Method = "stream_ref",
    engine: str | Engine = "auto",
    quality: str = "best",
    weights: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
) -> RestoredPicture:
    """A low-resolution picture x4, made with the best of some sharp references of any size.

    picture, references: files, or arrays and tensors [3,H,W] RGB, uint8 or floats in [0,1].
    method, engine, quality, weights, device, dtype: as of `open_stream`.

    Raises InputError for what cannot be read and for floats outside [0,1], ShapeError for another shape or type.
    """
    with python_errors():
        low = load_picture(picture, "the picture")
        with engine_in_context(method, engine, weights, device, dtype, size_of(low), quality) as entered:
            return restore(entered, low, picture_references(references, size_of(low), entered.info.scale))
