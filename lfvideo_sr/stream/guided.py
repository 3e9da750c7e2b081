"""An engine that knows the grid: it matches a few views of a light field and tells the others' fields from theirs."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ..correspondence import Correspondence, like
from ..engine import Engine, Last, Matched
from ..frames import Frame, View, on_host
from ..lightfields.grid import Grid, distance, step
from ..matching.flow import gray
from ..references.reference import EncodedReference, Reference
from .parallax import Parallax, Prediction, Probe, look_up, misfit_of

REACH = 4  # steps of the grid: probes stand no further from the reference along either axis
_WORSE = 1.5  # a predicted field that fits so many times worse than the probes' is only where a search starts


class Place(NamedTuple):
    """A view of a frame; light fields that stand still have frame 0 only."""

    view: View
    frame: int = 0


class GuidedEngine:
    """An engine around another. `encode` and `restore` are the other's; `match` searches for the probes of each
    reference, once, and predicts the rest. In other frames of a light-field video than the reference's own, it
    searches for the view where the reference stands, from the frame before on, and predicts the rest through that.
    Frames come in order.

    grid, read: the light field at low resolution, all of it; places: where references stand, by key;
    place_of: where a frame stands. guide: False matches every view freely. `guides` says whether it can do else.
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
        self.info, self.device, self.precision = engine.info, engine.device, engine.precision
        self._known: dict[tuple, _Guide | None] = {}  # by reference, at its own frame
        self._followed: dict[tuple, _Guide] = {}  # at the present frame, where that is another
        self._before: dict[tuple, Correspondence] = {}  # the fields that led to the frame before
        self._now = 0
        self.searched = 0  # matches that took a search, those of probes included
        self.guided = 0  # matches that were told from others
        self.mistrusted = False  # whether some reference's views did not move as a grid's have to

    def encode(self, reference: Reference) -> EncodedReference:
        return self._engine.encode(reference)

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        return self._engine.restore(frame, matches, last)

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        """Predicted; searched, from the prediction on, where that fits badly. `previous`, of a view that may stand on
        the other side, is no place to start from."""
        guide = self._guide_of(frame, reference)
        if guide is None:
            return self._search(frame, reference, None)
        found, misfit = guide.predict(frame, self._place_of(frame).view)
        if misfit > guide.tolerable:
            return self._search(frame, reference, found)
        self.guided += 1
        return found

    def motion(self, place: Place, reference: Reference) -> np.ndarray | None:
        """How far what a view shows moves, x and y, from one column to the next and from one row to the next: output
        pixels, f32 [h,w,4] on a grid of the field's stride. None where a reference's views told nothing."""
        own = self._places[reference.key].frame == place.frame
        guide = (self._known if own else self._followed).get(reference.key)
        if guide is None:
            return None
        return guide.parallax.per_step(step(guide.view, place.view)) * np.float32(guide.sample.stride)

    def _search(self, frame: Frame, reference: EncodedReference, start: Correspondence | None) -> Correspondence:
        self.searched += 1
        return self._engine.match(frame, reference, start)

    def _guide_of(self, frame: Frame, reference: EncodedReference) -> "_Guide | None":
        """What is known of a reference's views in a frame; None where nothing can be told from them."""
        stands = self._places.get(reference.key)
        if not self.guides or stands is None or reference.size != frame.size.scaled(self.info.scale):
            return None  # positions of another picture size are no motion between views
        self._turn_to(self._place_of(frame).frame)
        if reference.key not in self._known:
            self._known[reference.key] = self._probed(stands, reference)
        own = self._known[reference.key]
        if own is None or stands.frame == self._now:
            return own
        if reference.key not in self._followed:
            self._followed[reference.key] = self._follow(own, reference)
        return self._followed[reference.key]

    def _turn_to(self, frame: int) -> None:
        """Forget what the frame before last needed: guides of references that served the last one stay."""
        if frame == self._now:
            return
        served = {key for key in self._known if key in self._followed or self._places[key].frame == self._now}
        self._known = {key: one for key, one in self._known.items() if key in served or one is None}
        self._before = {key: one.through for key, one in self._followed.items() if one.through is not None}
        self._followed, self._now = {}, frame

    def _follow(self, own: "_Guide", reference: EncodedReference) -> "_Guide":
        """From a reference's own frame to the present one, by the view where it stands."""
        low = self._read(Place(own.view, self._now))
        found = self._search(Frame(low, 0, own.view), reference, self._before.get(reference.key))
        return own.followed(found, low)

    def _probed(self, stands: Place, reference: EncodedReference) -> "_Guide | None":
        views = probe_views(self._grid, stands.view)
        found = []
        for view in views:
            frame = Frame(self._read(Place(view, stands.frame)), 0, view)
            found.append((frame, self._search(frame, reference, None)))
        if not found:
            return None
        guide = _Guide.of(stands.view, self._read(stands), found, self.info.scale)
        self.mistrusted |= not guide.parallax.trusted
        return guide if guide.parallax.trusted else None

    def __enter__(self) -> "GuidedEngine":
        self._engine.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._engine.__exit__(*exc_info)


def probe_views(grid: Grid, view: View) -> list[View]:
    """The corners of the grid round a view, within REACH steps: up to four, of a row or column up to two."""
    sides = []
    for names, own in ((grid.rows, view.row), (grid.columns, view.column)):
        near = [name for name in names if abs(name - own) <= REACH] or [min(names, key=lambda name: abs(name - own))]
        sides.append((min(near), max(near)))
    corners = {View(row, column) for row in sides[0] for column in sides[1]} - {view}
    return sorted(corners, key=lambda corner: (distance(corner, view), corner))


class _Guide(NamedTuple):
    """The parallax seen from a reference, and how its field is told as a correspondence.

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
        luma = _luma(low, sample, per_pixel)
        probes, misfits = [], []
        for frame, found in probed:
            assert isinstance(frame.stamp, View)
            places = _places(found)
            probes.append(Probe(step(view, frame.stamp), places, on_host(found.relevance)[0].astype(np.float32)))
            misfits.append(float(misfit_of(_luma(frame.pixels, sample, per_pixel), luma, places).mean()))
        return cls(view, Parallax.of(probes, luma), sample, per_pixel, _WORSE * max(misfits) + 1)

    def followed(self, found: Correspondence, low: np.ndarray) -> "_Guide":
        """Of the frame in which the reference's view is `low` and was matched so."""
        luma = _luma(low, self.sample, self.places)
        relevance = on_host(found.relevance)[0].astype(np.float32)
        return self._replace(parallax=self.parallax.followed(_places(found), relevance, luma), through=found)

    def predict(self, frame: Frame, view: View) -> tuple[Correspondence, float]:
        """The field of a view, and its mean misfit in levels of 255."""
        told: Prediction = self.parallax.predict(step(self.view, view), _luma(frame.pixels, self.sample, self.places))
        stride, places = self.sample.stride, told.places
        if self.through is not None:
            places = look_up(_places(self.through), (places[..., 0], places[..., 1]))
        positions = (places * stride + (stride - 1) / 2).astype(np.float32)
        found = Correspondence(
            like(positions[None], self.sample.positions),
            like(told.relevance[None].astype(np.float32), self.sample.relevance),
            stride,
            self.sample.reference_size,
        )
        return found, told.misfit


def _places(found: Correspondence) -> np.ndarray:
    """Positions in units of the field's own grid, f32 [h,w,2]."""
    return (on_host(found.positions)[0] - (found.stride - 1) / 2) / np.float32(found.stride)


def _luma(low: np.ndarray, sample: Correspondence, per_pixel: int) -> np.ndarray:
    """A low-resolution picture's luma on the field's grid, f32 [h,w], 0..255; the edge goes on where it was padded."""
    large = cv2.resize(gray(low), None, fx=per_pixel, fy=per_pixel, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    height, width = sample.relevance.shape[1:]
    extra = height - large.shape[0], width - large.shape[1]
    return np.pad(large, ((0, extra[0]), (0, extra[1])), mode="edge") if any(extra) else large
