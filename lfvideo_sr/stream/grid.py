"""A grid as a stream: which view comes when, and which references serve it. Pure choices."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from ..frames import View
from ..lightfields.grid import Grid, distance
from ..lightfields.references import ViewReference
from ..references.reference import Reference
from .guided import Place

_A_FRAME = 4  # one frame of a light-field video counts as much as so many steps of the grid


def order(grid: Grid, frames: int, references: Sequence[ViewReference]) -> Iterator[Place]:
    """Frame by frame; in each the views nearest to a reference first, so that neighbours follow each other."""
    sharp = {reference.view for reference in references} or {grid.centre}
    views = sorted(grid, key=lambda view: (min(distance(view, other) for other in sharp), view))
    return (Place(view, frame) for frame in range(frames) for view in views)


def choose_references(place: Place, references: Iterable[ViewReference], most: int) -> tuple[Reference, ...]:
    """The nearest in the grid and in time, at most `most`; the one at this very place first, if there is one."""
    ranked = sorted(references, key=lambda reference: (_apart(place, reference), reference.frame, reference.view))
    return tuple(reference.reference for reference in ranked[:most])


def nearest_views(grid: Grid, view: View, most: int) -> list[View]:
    """The views nearest to one of a grid, the nearest first."""
    others = (other for other in grid if other != view)
    return sorted(others, key=lambda other: (distance(view, other), other))[:most]


def own_reference(place: Place, references: Iterable[ViewReference]) -> Reference | None:
    """The one that shows this very view at this very moment."""
    here = (
        reference.reference
        for reference in references
        if (reference.view, reference.frame) == (place.view, place.frame)
    )
    return next(here, None)


def _apart(place: Place, reference: ViewReference) -> Fraction:
    return Fraction(distance(place.view, reference.view) + (_A_FRAME * (place.frame - reference.frame)) ** 2)
