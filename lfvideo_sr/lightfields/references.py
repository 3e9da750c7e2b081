"""Which sharp views stand beside a light field, and where they come from."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError, ReferencesMissing, UsageError
from ..frames import Size, View, size_of
from ..media.images import read_image, read_size
from ..media.picture_formats import PICTURES, read_or_why, shown_unreadable
from ..references.reference import Reference
from ..references.source import ClipFit
from ..references.still_names import MANIFEST, read_manifest
from ..registration.conform import conform
from .field import LightField
from .folder import name_views
from .grid import name_of
from .simulated import SimulatedField


class ViewReference(NamedTuple):
    """A reference and the view, of a frame, where it is."""

    reference: Reference
    view: View
    frame: int = 0


@dataclass(frozen=True)
class ViewReferences:
    """kind: refs, same-file, simulate, anchor or none; description: one line for people; warnings: of what is left
    out."""

    kind: str
    description: str
    placed: tuple[ViewReference, ...] = ()
    warnings: tuple[str, ...] = ()


Loader = Callable[[View, int], np.ndarray]


def chosen_views(low: LightField, views: Sequence[View]) -> tuple[View, ...]:
    """Those named, checked, each once; the centre where none is."""
    grid = low.info.grid
    return tuple(dict.fromkeys(grid.check(view) for view in views)) or (grid.centre,)


def frames_with_references(low: LightField, every: int) -> range:
    """Of a light-field video, every so many frames; of a single frame, that one."""
    return range(0, low.info.frames, every)


def from_fields(kind: str, name: str, load: Loader, views: Iterable[View], frames: Iterable[int]) -> ViewReferences:
    """References from a sharp light field of the same grid, or whatever else gives views."""
    views, frames = tuple(views), tuple(frames)
    placed = tuple(
        ViewReference(
            _reference(kind, f"{name} view {name_of(view)}", partial(load, view, frame), view, frame), view, frame
        )
        for frame in frames
        for view in views
    )
    shown = "; ".join(name_of(view) for view in views[:6]) + (" ..." if len(views) > 6 else "")
    some = f", every {frames[1]}. frame" if len(frames) > 1 else ""
    return ViewReferences(kind, f"{name}, {len(views)} of its views: {shown}{some}", placed)


def _reference(
    kind: str, origin: str, load: Callable[[], np.ndarray], view: View, frame: int, aligned: bool = True
) -> Reference:
    generated = kind == "anchor"
    return Reference((kind, frame, view.row, view.column), Fraction(frame), origin, load, aligned, generated)


def simulated(low: SimulatedField, views: Sequence[View], every: int) -> ViewReferences:
    """The papers' protocol: these views stay sharp."""
    name = f"simulated: {low.info.name}"
    return from_fields("simulate", name, low.truth, chosen_views(low, views), frames_with_references(low, every))


def same_file(low: LightField, sharp: LightField, views: Sequence[View], every: int, scale: int) -> ViewReferences:
    """The high-resolution part of the file that holds the light field."""
    fit = _fit(low, scale)

    def load(view: View, frame: int) -> np.ndarray:
        return fit(sharp.read(view, frame))

    frames = frames_with_references(low, every)
    return from_fields("same-file", sharp.info.name, load, chosen_views(low, views), frames)


def anchors(low: LightField, views: Sequence[View], every: int, restore: Loader) -> ViewReferences:
    """Views that are super-resolved by the single-image path, once, and serve the others."""
    chosen = chosen_views(low, views)
    once = lru_cache(maxsize=len(chosen))(restore)  # a view is both given out and encoded, one soon after the other
    references = from_fields("anchor", "anchor", once, chosen, frames_with_references(low, every))
    shown = "; ".join(name_of(view) for view in chosen)
    return ViewReferences("anchor", f"none found: view {shown} is an anchor", references.placed)


def from_pictures(
    low: LightField, named: Sequence[str], views: Sequence[View], scale: int, white: float | None = None
) -> ViewReferences:
    """Pictures, each at the view of its own --ref-view, in their order; or folders and manifests that say the views,
    whose damaged pictures are left out.

    white: of pictures of 16 bits.
    """
    fit = _fit(low, scale)
    paths = [Path(name) for name in named]
    files = _placed_files(paths, low, list(views))
    left_out = {} if views or paths[0] in files.values() else _refused(files.values())
    files = {view: path for view, path in files.items() if path not in left_out}
    if not files:
        why = "; ".join(shown_unreadable(left_out))
        raise ReferencesMissing(f"{paths[0]} holds no pictures that can be read: {why}")
    placed, sizes = [], []
    for view, path in files.items():
        low.info.grid.check(view, f"{path.name}: view")
        size = size_of(read_image(path, white))
        sizes.append(size)
        load = partial(_load_picture, path, fit, low, view, white)
        reference = _reference("refs", f"{path} at view {name_of(view)}", load, view, 0, aligned=fit.exact(size))
        placed.append(ViewReference(reference, view))
    where = "; ".join(f"{path.name} at view {name_of(view)}" for view, path in list(files.items())[:4])
    shown = f"{where}{' ...' if len(files) > 4 else ''}, {fit.describe(sizes)}"
    return ViewReferences(
        "refs", shown, tuple(placed), tuple(f"left out: {line}" for line in shown_unreadable(left_out))
    )


def _refused(paths: Iterable[Path]) -> dict[Path, str]:
    """The pictures that cannot serve, each with why, to be read after its name."""
    sizes = {path: read_or_why(read_size, path) for path in paths}
    return {path: why for path, why in sizes.items() if isinstance(why, str)}


def _load_picture(path: Path, fit: ClipFit, low: LightField, view: View, white: float | None) -> np.ndarray:
    return at_view(read_image(path, white), fit, low, view)


def at_view(pixels: np.ndarray, fit: ClipFit, low: LightField, view: View) -> np.ndarray:
    """A picture [3,H,W] taken where a view is: as it is where it has the output's size, else resampled and brought to
    the view's framing and colours as far as one transform does."""
    exact = fit.exact(size_of(pixels))
    return fit(pixels) if exact else conform(low.read(view), fit(pixels)).picture


def _placed_files(named: Sequence[Path], low: LightField, views: list[View]) -> dict[View, Path]:
    missing = [path for path in named if not path.exists()]
    if missing:
        raise ReferencesMissing(f"no references at {missing[0]}; give a picture, a folder of views or a light field")
    pictures = [path for path in named if path.suffix.lower() in PICTURES and path.is_file()]
    if pictures and len(pictures) < len(named):
        raise UsageError("--refs mixes pictures with folders or files; give pictures, or one of the others")
    if pictures:
        return _pictures(pictures, low, views)
    if len(named) > 1:
        raise UsageError("--refs names several folders; give one, or a manifest refs.csv with the columns file,view")
    return _folder(named[0], views)


def _pictures(pictures: list[Path], low: LightField, views: list[View]) -> dict[View, Path]:
    if not views and len(pictures) == 1:
        views = [low.info.grid.centre]
    if len(pictures) != len(views):
        raise UsageError(
            f"{len(pictures)} pictures with --refs and {len(views)} --ref-view: where does each stand? Give as many"
        )
    if len(set(views)) < len(views):
        raise UsageError("two pictures stand at the same --ref-view; give each its own")
    return dict(zip(views, pictures))


def _folder(folder: Path, views: list[View]) -> dict[View, Path]:
    """All the views a folder or a manifest names, or those of them asked for."""
    manifest = folder if folder.suffix.lower() == ".csv" else folder / MANIFEST
    if manifest.is_file():
        lines = read_manifest(manifest)
        if any(line.view is None for line in lines):
            raise InputError(f'{manifest} places pictures by time; a light field wants file,view with "row,column"')
        files = {line.view: line.path for line in lines if line.view is not None}
    else:
        files = dict(name_views(folder).files)
    for view in views:
        if view not in files:
            raise InputError(f"--ref-view {name_of(view)} is not in {folder}; it has {len(files)} views")
    return {view: files[view] for view in views} if views else files


def _fit(low: LightField, scale: int) -> ClipFit:
    size: Size = low.info.size.scaled(scale)
    return ClipFit(size, size.width / size.height)
