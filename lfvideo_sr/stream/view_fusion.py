"""Light fields without a sharp view: each view is restored by itself, and then takes what the views around it measured.

All views are of one moment, so every view is a reference of every other. Iterative back-projection along the disparity
brings a restored view nearer to what was measured. Of clean views a network, if there is one, goes on. The result is
taken only where the views show the same, and where it fits the view.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from ..camera.reduction import papers_taps, reduce_by
from ..engine import AroundAnother, Engine, Last, Matched
from ..errors import InputError
from ..frames import Frame, View
from ..lightfields.field import FieldInfo
from ..lightfields.grid import Grid, step
from ..lightfields.references import ViewReferences
from ..lightfields.simulated import SCALE
from ..matching.plane_sweep import Neighbour, disparity_range, sweep
from ..matching.view_samples import Fuse, FusionInput, fusion_input, gathered
from ..media.luma import STUDIO_RANGE, studio_luma
from .grid import nearest_views
from .guided import Place

NEIGHBOURS = 24  # views that a view takes from, the nearest ones: all others of 5x5
VIEWS = "views"  # the kind of references that views are of each other
FEWEST = 3  # views of a light field of which each takes from the others
_SWEPT = 8  # of them, by which disparity is found
_UNLIKE = 0.65  # share of a view's texture that is in no neighbour, above which the view is restored by itself
_CLEAN = 0.6  # levels: the median spread up to which views count as clean; the network makes others worse
_OFF, _WORSE = 2.0, 1.5  # levels, and times what it is without neighbours: how far off the view a reduced result may be
_HELD = 256 << 20  # bytes of lumas that are kept for the next views

Bounds = tuple[float, float] | None  # of disparities; None: nothing has texture


def may_fuse(field: FieldInfo, scale: int) -> bool:
    """Whether a light field has enough views to take from each other, at the one scale that this is made for."""
    return len(field.grid) >= FEWEST and scale == SCALE


def from_each_other(field: FieldInfo, scale: int) -> ViewReferences:
    """What stands for references where there are none: the views themselves; InputError where there are too few."""
    if not may_fuse(field, scale):
        raise InputError(
            f"{field.name} has {field.grid}, and view_fusion needs {FEWEST} or more; pass --method stream_ref"
        )
    return ViewReferences(VIEWS, f"no sharp view; each takes from up to {NEIGHBOURS} others (view_fusion)")


def disparity_bounds(grid: Grid, lumas: Callable[[View], np.ndarray]) -> Bounds:
    """Of a light field's centre, in low-resolution pixels from one column to the next."""
    centre = grid.centre
    beside = nearest_views(grid, centre, 4)
    return disparity_range(lumas(centre), [Neighbour(lumas(view), step(centre, view)) for view in beside])


def measured(
    view: np.ndarray, restored: np.ndarray, neighbours: Sequence[Neighbour], bounds: tuple[float, float]
) -> tuple[FusionInput, float]:
    """Of a view's luma f32 [h,w], a restored one f32 [4h,4w] and its neighbours, the nearest first: what the network
    sees, and the share of its texture that is not in the neighbours."""
    every = -(-len(neighbours) // _SWEPT)
    swept = sweep(view, neighbours[::every], bounds)
    return fusion_input(gathered(view, swept.disparity, neighbours), restored), swept.unlike


class FusingEngine(AroundAnother):
    """An engine around another, for a light field whose views are given to it in any order: what the other one restores
    without references takes what other views measured. Else it is the other one.

    fuse: a network; None: back-projection alone. grid, read: the light field at low resolution, all of it.
    place_of: the view of a frame.
    fused, alone: how many views took from others, and how many could not.
    """

    def __init__(
        self,
        engine: Engine,
        fuse: Fuse | None,
        grid: Grid,
        read: Callable[[Place], np.ndarray],
        place_of: Callable[[Frame], Place],
    ):
        self._engine, self._fuse, self._grid, self._place_of = engine, fuse, grid, place_of
        self._lumas = _Lumas(read)
        self._bounds: dict[int, Bounds] = {}  # of the present frame
        self.fused = self.alone = 0

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        pixels = self._engine.restore(frame, matches, last)
        if matches:
            return pixels
        change = self._change(frame, pixels)
        self.fused += change is not None
        self.alone += change is None
        return pixels if change is None else np.clip(pixels + change / STUDIO_RANGE, 0, 1)

    def restore_frame(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> Frame:
        return frame.with_pixels(self.restore(frame, matches, last))

    def _change(self, frame: Frame, pixels: np.ndarray) -> np.ndarray | None:
        """What to add to the luma of a view; None where its neighbours do not show the same, or the result does not."""
        place = self._place_of(frame)
        bounds = self._bounds_of(place.frame)
        if bounds is None:
            return None
        view, restored = self._lumas(place), studio_luma(pixels)
        others = nearest_views(self._grid, place.view, NEIGHBOURS)
        neighbours = [Neighbour(self._lumas(Place(other, place.frame)), step(place.view, other)) for other in others]
        seen, unlike = measured(view, restored, neighbours, bounds)
        if unlike > _UNLIKE:
            return None
        change = seen.planes[1] - restored
        if self._fuse is not None and np.median(seen.spread) <= _CLEAN:
            change = change + self._fuse(seen)
        return change if _fits(view, restored, restored + change) else None

    def _bounds_of(self, frame: int) -> Bounds:
        if frame not in self._bounds:
            self._bounds = {frame: disparity_bounds(self._grid, lambda view: self._lumas(Place(view, frame)))}
        return self._bounds[frame]


def _fits(view: np.ndarray, restored: np.ndarray, fused: np.ndarray) -> bool:
    """Whether a fused luma, reduced, is about as near to the view as the restored one."""
    off, without = (_off(view, picture) for picture in (fused, restored))
    return bool(np.isfinite(off)) and off <= _OFF + _WORSE * without


def _off(view: np.ndarray, picture: np.ndarray) -> float:
    reduced = reduce_by(papers_taps(), picture[None])[0]
    return float(np.sqrt(np.mean(np.square(reduced - view))))


class _Lumas:
    """Lumas f32 [h,w] of the views that were asked for last, within _HELD bytes, and of a view with its neighbours."""

    def __init__(self, read: Callable[[Place], np.ndarray]):
        self._read, self._kept = read, OrderedDict[Place, np.ndarray]()

    def __call__(self, place: Place) -> np.ndarray:
        values = self._kept.pop(place) if place in self._kept else studio_luma(self._read(place))
        self._kept[place] = values
        while len(self._kept) > NEIGHBOURS + 1 and len(self._kept) * values.nbytes > _HELD:
            self._kept.popitem(last=False)
        return values
