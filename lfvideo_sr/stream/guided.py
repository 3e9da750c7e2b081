"""An engine that knows the grid: it matches a few views of a light field and predicts the others' fields."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ..correspondence import Correspondence, like
from ..engine import AroundAnother, Engine
from ..frames import Frame, View, on_host
from ..lightfields.grid import Grid, distance, step
from ..lightfields.samples import is_empty
from ..matching.flow import gray
from ..matching.seed import in_pixels, on_grid
from ..references.reference import EncodedReference, Reference
from .parallax import Parallax, Probe, look_up, misfit_of

REACH = 4  # steps of the grid: no probe is further from the reference along either axis
_WORSE = 1.5  # times the probes' misfit: a prediction that fits worse is only the start of a search


class Place(NamedTuple):
    """A view of a frame; light fields without motion have frame 0 only."""

    view: View
    frame: int = 0


class GuidedEngine(AroundAnother):
    """An engine around another. `encode` and `restore` are the other's; `match` searches for the probes of each
    reference, once, and predicts the rest. In other frames of a light-field video than the reference's own, it
    searches for the view of the reference, from the frame before on, and predicts the rest through that.
    Frames come in order.

    grid, read: the light field at low resolution, all of it; places: the views of references, by key;
    place_of: the view of a frame. guide: False matches every view freely. `guides` is whether it predicts any.
    """

    def __init__(
        self,
        engine: Engine,
        grid: Grid,
        read: Callable[[Place], np.ndarray],
        places: Mapping[tuple, Place],
        place_of: Callable[[Frame], Place],
        guide: bool = True,
    ):
        self._engine, self._grid, self._read = engine, grid, read
        self._places, self._place_of = places, place_of
        self.guides = guide and engine.info.guided
        self._known: dict[tuple, _Guide | None] = {}  # by reference, at its own frame
        self._followed: dict[tuple, _Guide] = {}  # at the present frame, where that is another
        self._before: dict[tuple, Correspondence] = {}  # the fields that led to the frame before
        self._now = 0
        self.searched = 0  # matches that took a search, those of probes included
        self.guided = 0  # matches that were predicted
        self.mistrusted = False  # whether some reference's views did not move as a grid's have to

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        """Predicted; searched, from the prediction on, where that fits badly. `previous` is not used: the view before
        may be on the other side of the reference."""
        guide = self._guide_of(frame, reference)
        if guide is None:
            return self._search(frame, reference, None)
        field, misfit = guide.predict(frame, self._place_of(frame).view)
        if misfit > guide.tolerable:
            return self._search(frame, reference, field)
        self.guided += 1
        return field

    def recall(self, frame: Frame, reference: EncodedReference) -> None:
        """Know again what was known once a view was matched, which is restored already."""
        self._guide_of(frame, reference)

    def match_all(
        self, frame: Frame, references: Sequence[EncodedReference], previous: Sequence[Correspondence | None]
    ) -> list[Correspondence]:
        pairs = zip(references, previous, strict=True)
        return [self.match(frame, reference, before) for reference, before in pairs]

    def motion(self, place: Place, reference: Reference) -> np.ndarray | None:
        """How far what a view shows moves, x and y, from one column to the next and from one row to the next: output
        pixels, f32 [h,w,4] on a grid of the field's stride. None where nothing is known of the reference's views."""
        at_its_frame = self._places[reference.key].frame == place.frame
        guide = (self._known if at_its_frame else self._followed).get(reference.key)
        if guide is None:
            return None
        return guide.parallax.per_step(step(guide.view, place.view)) * np.float32(guide.sample.stride)

    def _search(self, frame: Frame, reference: EncodedReference, start: Correspondence | None) -> Correspondence:
        self.searched += 1
        return self._engine.match(frame, reference, start)

    def _guide_of(self, frame: Frame, reference: EncodedReference) -> "_Guide | None":
        """What is known of a reference's views in a frame; None where they predict nothing."""
        place = self._places.get(reference.key)
        if not self.guides or place is None or reference.size != frame.size.scaled(self.info.scale):
            return None  # positions of another picture size are no motion between views
        self._turn_to(self._place_of(frame).frame)
        if reference.key not in self._known:
            self._known[reference.key] = self._probed(place, reference)
        guide = self._known[reference.key]
        if guide is None or place.frame == self._now:
            return guide
        if reference.key not in self._followed:
            self._followed[reference.key] = self._follow(guide, reference)
        return self._followed[reference.key]

    def _turn_to(self, frame: int) -> None:
        """Forget what the frame before last needed: guides of references that served the last one stay."""
        if frame == self._now:
            return
        served = {key for key in self._known if key in self._followed or self._places[key].frame == self._now}
        self._known = {key: guide for key, guide in self._known.items() if key in served or guide is None}
        fields = {key: guide.through for key, guide in self._followed.items()}
        self._before = {key: field for key, field in fields.items() if field is not None}
        self._followed, self._now = {}, frame

    def _follow(self, guide: "_Guide", reference: EncodedReference) -> "_Guide":
        """From a reference's own frame to the present one, by the view of the reference."""
        low = self._read(Place(guide.view, self._now))
        field = self._search(Frame(low, 0, guide.view), reference, self._before.get(reference.key))
        return guide.followed(field, low)

    def _probed(self, place: Place, reference: EncodedReference) -> "_Guide | None":
        seen, pictures = self._read(place), {}

        def shows_something(view: View) -> bool:
            pictures[view] = self._read(Place(view, place.frame))
            return not is_empty(pictures[view], seen)

        probes = []
        for view in probe_views(self._grid, place.view, shows_something):
            frame = Frame(pictures[view], 0, view)
            probes.append((frame, self._search(frame, reference, None)))
        if not probes:
            return None
        guide = _Guide.of(place.view, seen, probes, self.info.scale)
        self.mistrusted |= not guide.parallax.trusted
        return guide if guide.parallax.trusted else None


def probe_views(grid: Grid, view: View, usable: Callable[[View], bool] = lambda _: True) -> list[View]:
    """The corners of the grid round a view, within REACH steps: up to four, of a row or column up to two. Where
    one is absent or not usable: the view nearest to it on the way there, another than for other corners if possible."""
    rows, columns = _reach(grid.rows, view.row), _reach(grid.columns, view.column)
    probes: dict[View, None] = {}
    for corner in (View(row, column) for row in dict.fromkeys(rows) for column in dict.fromkeys(columns)):
        on_the_way = [other for other in grid if other != view and _is_between(other, view, corner)]
        ranked = sorted(on_the_way, key=lambda other: (distance(other, corner), other in probes, other))
        probes |= dict.fromkeys(next(([other] for other in ranked if usable(other)), []))
    return sorted(probes, key=lambda probe: (distance(probe, view), probe))


def _is_between(view: View, start: View, end: View) -> bool:
    """Whether a view is in the rectangle that two others span."""
    return all(min(a, b) <= at <= max(a, b) for at, a, b in zip(view, start, end))


def _reach(names: Sequence[int], centre: int) -> tuple[int, int]:
    """The first and the last row (or column) within REACH steps of one of them; where there is none, the nearest."""
    near = [name for name in names if abs(name - centre) <= REACH] or [min(names, key=lambda name: abs(name - centre))]
    return min(near), max(near)


class _Guide(NamedTuple):
    """The parallax seen from a reference, and what makes a correspondence of its predictions.

    through: in another frame than the reference's, where its view in that frame is found in it.
    """

    view: View
    parallax: Parallax
    sample: Correspondence  # of a probe: stride, size and kind of array
    places: int  # of the field in a low-resolution pixel, along each side
    tolerable: float  # mean misfit
    through: Correspondence | None = None

    @classmethod
    def of(cls, view: View, low: np.ndarray, probed: Sequence[tuple[Frame, Correspondence]], scale: int) -> "_Guide":
        sample = probed[0][1]
        per_pixel = max(1, scale // sample.stride)
        luma = _luma(low, per_pixel)
        probes, misfits = [], []
        for frame, field in probed:
            assert isinstance(frame.stamp, View)
            places = _places(field)
            probes.append(Probe(step(view, frame.stamp), places, on_host(field.relevance)[0].astype(np.float32)))
            misfits.append(float(misfit_of(_luma(frame.pixels, per_pixel), luma, places).mean()))
        return cls(view, Parallax.of(probes, luma), sample, per_pixel, _WORSE * max(misfits) + 1)

    def followed(self, field: Correspondence, low: np.ndarray) -> "_Guide":
        """Of the frame in which the reference's view is `low` and was matched so."""
        relevance = on_host(field.relevance)[0].astype(np.float32)
        parallax = self.parallax.followed(_places(field), relevance, _luma(low, self.places))
        return self._replace(parallax=parallax, through=field)

    def predict(self, frame: Frame, view: View) -> tuple[Correspondence, float]:
        """The field of a view, and its mean misfit in levels of 255."""
        prediction = self.parallax.predict(step(self.view, view), _luma(frame.pixels, self.places))
        stride, places = self.sample.stride, prediction.places
        if self.through is not None:
            places = look_up(_places(self.through), (places[..., 0], places[..., 1]))
        positions = in_pixels(places, stride)
        field = Correspondence(
            like(positions[None], self.sample.positions),
            like(prediction.relevance[None].astype(np.float32), self.sample.relevance),
            stride,
            self.sample.reference_size,
        )
        return field, prediction.misfit


def _places(field: Correspondence) -> np.ndarray:
    """Positions in units of the field's own grid, f32 [h,w,2]."""
    return on_grid(on_host(field.positions)[0], field.stride)


def _luma(low: np.ndarray, per_pixel: int) -> np.ndarray:
    """A low-resolution picture's luma on the field's grid, f32 [h,w], 0..255."""
    return cv2.resize(gray(low), None, fx=per_pixel, fy=per_pixel, interpolation=cv2.INTER_CUBIC).astype(np.float32)
