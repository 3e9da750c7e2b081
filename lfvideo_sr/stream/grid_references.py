"""Where the references of a light field come from."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import InputError, ReferencesMissing, UsageError
from ..frames import View
from ..lightfields.field import LightField
from ..lightfields.grid import parse_view
from ..lightfields.layouts import LAYOUTS
from ..lightfields.opening import OpenOptions, open_light_field, split_key
from ..lightfields.quilt import view_named
from ..lightfields.references import ViewReferences, anchors, chosen_views, from_pictures, same_file, simulated
from ..lightfields.simulated import SimulatedField
from ..media.picture_formats import PICTURES
from ..method import MethodInfo
from ..references.still_names import check_below
from ..references.stills import manifest_of
from .grid_options import GridOptions
from .view_fusion import from_each_other, may_fuse

Opened = Callable[[LightField], LightField]
"""Given a light field that was opened: sees to it that it is closed, and returns it."""


def find_view_references(
    path: Path, source: LightField, options: GridOptions, method: MethodInfo,
    restored_alone: Callable[[View, int], np.ndarray], opened: Opened,
) -> ViewReferences:  # fmt: skip
    """The first that applies: none, those named, the simulation's, the file's own, the views themselves, anchors.

    restored_alone: a view of a frame by the single-image path, f32 [3,H,W].
    """
    views = tuple(view_named(source.info, parse_view(text)) for text in options.ref_views)
    chosen_views(source, views)
    if options.view_fusion == "always":
        return from_each_other(source.info, method.scale)
    if not method.references:
        return ViewReferences("none", f"{method.name} takes none")
    if options.no_refs:
        return ViewReferences("none", "every view by the single-image path")
    if options.refs:
        return _named(path, source, options, views, method.scale, opened)
    if isinstance(source, SimulatedField):
        return simulated(source, views, options.ref_every)
    sharp = _sharp_part(path, source, options.open, opened)
    if sharp is not None:
        return same_file(source, sharp, views, options.ref_every, method.scale)
    if options.require_refs:
        raise ReferencesMissing(f"{path} has no references; give a sharp view with --refs and --ref-view")
    if options.view_fusion == "auto" and not options.ref_views and may_fuse(source.info, method.scale):
        return from_each_other(source.info, method.scale)
    return anchors(source, views, options.ref_every, restored_alone)


def _named(
    path: Path, source: LightField, options: GridOptions, views: tuple[View, ...], scale: int, opened: Opened
) -> ViewReferences:
    """--refs: a light field of the same grid, or pictures."""
    named = options.refs
    first, _ = split_key(named[0])
    if first.is_dir() or first.suffix.lower() in PICTURES | {".csv"} or not first.exists():
        manifest = manifest_of(first)
        if manifest is not None and not options.trust_manifest:
            check_below(manifest)
        return from_pictures(source, named, views, scale, options.open.white)
    if len(named) > 1:
        raise UsageError("--refs names several files; give one light field, or pictures with a --ref-view each")
    sharp = opened(open_beside(path, named[0], options.open))
    if sharp.info.grid != source.info.grid:
        raise InputError(f"{named[0]} has {sharp.info.grid}, the input {source.info.grid}; give the same grid")
    references = same_file(source, sharp, views, options.ref_every, scale)
    return replace(references, kind="refs")


def _sharp_part(path: Path, source: LightField, options: OpenOptions, opened: Opened) -> LightField | None:
    """The high-resolution views of a file that holds both."""
    if not LAYOUTS[source.info.layout].holds_both:
        return None
    sharp = open_light_field(path, replace(options, sharp=True))
    if sharp.info.name == source.info.name:
        sharp.close()
        return None
    return opened(sharp)


def open_beside(path: Path, named: str, options: OpenOptions) -> LightField:
    """A sharp light field of the layout that the input at `path` has; in another kind of file its layout is detected
    anew."""
    options = replace(options, sharp=True)
    if split_key(named)[0].suffix != split_key(str(path))[0].suffix:
        options = replace(options, layout=None, pattern=None)
    return open_light_field(named, options)
