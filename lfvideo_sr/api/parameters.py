"""The keyword parameters of `open_stream` and `open_light_field`, typed: the fields of the options they fill."""

from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, TypedDict


class StreamParameters(TypedDict, total=False):
    """The fields of `StreamOptions`, which says what each means."""

    ref_every: int | None
    refs: str | None
    ref_source: str | None
    no_refs: bool
    require_refs: bool
    ref_index_base: int | None
    ref_offset: float | str | None
    ref_output: str
    ref_cache: int
    max_refs: int
    causal: bool
    simulate: bool
    scene_refs: bool
    gt: str | None
    lpips: str | None
    frames: int | None
    max_height: int | None
    deinterlace: bool
    decode: str
    trust_manifest: bool
    track: int | None
    alpha: str
    fps: float | str | None
    start: float | str | None
    end: float | str | None


class OpenParameters(TypedDict, total=False):
    """The fields of `OpenOptions`: how the file of a light field is read."""

    layout: str | None
    grid: tuple[int, int] | None
    item: int | None
    pattern: str | None
    transpose: bool
    mirror: Sequence[str]
    sharp: bool
    follow_links: bool
    white: float | None


class GridParameters(OpenParameters, total=False):
    """The fields of `GridOptions`, which says what each means, and those of `OpenOptions`."""

    open: Any
    refs: tuple[str, ...]
    ref_views: tuple[str, ...]
    no_refs: bool
    require_refs: bool
    ref_output: str
    ref_cache: int
    max_refs: int
    ref_every: int
    views: str | None
    matching: str
    epipolar: float
    view_fusion: str
    simulate: bool
    gt: str | None
    trust_manifest: bool


def check_parameters(function: str, names: Sequence[str], *kinds: type) -> None:
    """Raise TypeError, with the nearest spelling, for a name that is a field of none of the dataclasses `kinds`."""
    known = [field.name for kind in kinds for field in fields(kind)]
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it takes {', '.join(known)}"
            raise TypeError(f"{function} has no parameter '{name}'; {hint}")
