"""A large frame restored a strip of rows at a time, so that neither the picture nor what is between two layers of a
network is ever held whole."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .engine import Engine, Matched
from .frames import Frame, Size
from .media.resize import bicubic

PLACES = 1 << 18  # low-resolution pixels at a time on a CPU
_ON_A_GPU = 16  # times as many there
_TAPS = 3  # rows on either side that an enlarged row depends on, and one


class Strip(NamedTuple):
    """Low-resolution rows: those from `first` to before `last` are finished, those from `top` to before `bottom` are
    looked at."""

    first: int
    last: int
    top: int
    bottom: int

    @property
    def looked_at(self) -> slice:
        return slice(self.top, self.bottom)


def strips_of(size: Size, halo: int | None, places: int = PLACES) -> list[Strip]:
    """The strips of a frame, from top to bottom, each of at most `places` pixels or of one row.

    halo: rows on either side that a finished row depends on; None: it may be all, so that there is one strip.
    """
    rows = max(1, places // size.width)
    if halo is None or rows >= size.height:
        return [Strip(0, size.height, 0, size.height)]
    edges = [(first, min(first + rows, size.height)) for first in range(0, size.height, rows)]
    return [Strip(first, last, max(0, first - halo), min(size.height, last + halo)) for first, last in edges]


def restored_strips(
    engine: Engine, frame: Frame, matches: Sequence[Matched], places: int | None = None
) -> Iterator[np.ndarray]:
    """What `engine.restore` makes of a frame, from top to bottom: float32 [3,n,scale*w], up to rounding.

    places: see strips_of; None: as many as are right for the engine's device.
    """
    if places is None:
        places = PLACES * (1 if engine.device == "cpu" else _ON_A_GPU)
    cuttable = all(_rows(match, frame) for match in matches)
    strips = strips_of(frame.size, engine.info.halo if cuttable else None, places)
    if len(strips) == 1:
        yield engine.restore(frame, matches)
        return
    for strip in strips:
        part = frame.with_pixels(np.ascontiguousarray(frame.pixels[:, strip.looked_at]))
        made = engine.restore(part, [_cut(match, strip, _rows(match, frame)) for match in matches])
        start, end = (engine.info.scale * (row - strip.top) for row in (strip.first, strip.last))
        yield made[:, start:end]


def _rows(match: Matched, frame: Frame) -> int:
    """Rows of a field for each row of the frame; 0 where that is no whole number."""
    count, rest = divmod(match.correspondence.positions.shape[1], frame.size.height)
    return 0 if rest else count


def _cut(match: Matched, strip: Strip, rows: int) -> Matched:
    """The match of the rows of a strip."""
    field, part = match.correspondence, slice(rows * strip.top, rows * strip.bottom)
    return match._replace(
        correspondence=replace(field, positions=field.positions[:, part], relevance=field.relevance[:, part])
    )


def with_alpha(strips: Iterable[np.ndarray], alpha: np.ndarray) -> Iterator[np.ndarray]:
    """Strips of a result [3,n,W], from top to bottom, with the transparency of the picture, [h,w] enlarged by bicubic,
    as a fourth channel: float32 [4,n,W]."""
    top = 0
    for strip in strips:
        bottom = top + strip.shape[1]
        yield np.concatenate([strip, _enlarged(alpha, strip.shape[2] // alpha.shape[1], top, bottom)[None]])
        top = bottom


def _enlarged(plane: np.ndarray, scale: int, top: int, bottom: int) -> np.ndarray:
    """Rows `top` to before `bottom` of a plane [h,w] that is enlarged, in [0,1]."""
    first, last = max(0, top // scale - _TAPS), min(len(plane), -(-bottom // scale) + _TAPS)
    rows = bicubic(plane[None, first:last], Size(plane.shape[1], last - first).scaled(scale))[0]
    return np.clip(rows[top - first * scale : bottom - first * scale], 0, 1)
