"""A whole run over one light field: views, references, geometry, engine; views come out one by one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..engine import Engine
from ..frames import Frame, Size, StreamInfo, View, on_host
from ..lightfields.field import LightField
from ..lightfields.grid import parse_views
from ..lightfields.opening import open_light_field
from ..lightfields.references import (
    ViewReference,
    ViewReferences,
)
from ..lightfields.simulated import GridTruth, SimulatedField
from ..matching.view_samples import Fuse
from ..prefetch import prefetch
from ..references.reference import ReferenceCache
from .epipolar import Agreement
from .evening import EvenedViews
from .grid import choose_references, order, own_reference
from .grid_options import GridOptions
from .grid_references import find_view_references, open_beside
from .guided import GuidedEngine, Place
from .opening import check_simulated
from .pairing import Paired
from .pipeline import Restored, SuperResolver
from .scoring import Scorer
from .stopwatch import Stopwatch
from .view_fusion import VIEWS, FusingEngine
from .view_store import StoredView, ViewCounts, ViewStore


class GridJob:
    """Opened and checked; iterate it once for the restored views. Close it, or use it as a context manager."""

    def __init__(
        self, path: Path | str, engine: Engine, options: GridOptions | None = None, scratch: Path | None = None,
        source: LightField | None = None,
        references: Callable[[LightField], ViewReferences] | None = None,
        fuse: Callable[[], Fuse | None] = lambda: None,
    ):  # fmt: skip
        """scratch: folder for what does not fit in memory; default the system's for temporary files.
        source: views to restore instead of those of the file `path`; the job closes them. references: makes those of
        the views, instead of those found for the file.
        fuse: makes the network of the option view_fusion, or None; default: views are fused by classical means."""
        self.path, self.options = Path(path), options or GridOptions()
        if self.options.simulate:
            check_simulated(engine.info)
        self.watch = Stopwatch()
        self.agreement: Agreement | None = None
        self.source = source or _open_source(path, self.options)
        self._opened = ExitStack()
        self._opened.callback(self.source.close)
        try:
            views = self.options.views
            self.grid = parse_views(views, self.source.info.grid) if views else self.source.info.grid
            self.evened = EvenedViews(self.source.read, self.source.info.grid.centre)
            self.references = references(self.source) if references else self._find_references(engine)
            self.fusing: FusingEngine | None = None
            if self.references.kind == VIEWS:
                engine = self.fusing = FusingEngine(engine, fuse(), self.source.info.grid, self._read, self._place_of)
            if self.references.placed:
                self.evened = EvenedViews(self.source.read, self.references.placed[0].view)
                self.references = replace(self.references, placed=tuple(map(self._evened, self.references.placed)))
            self.engine = self._guided(engine)
            self.scorer = self._open_scorer()
        except BaseException:
            self.close()
            raise
        self.cache = ReferenceCache(self.engine.encode, self.options.ref_cache)
        self.resolver = SuperResolver(
            self.engine, self.cache, self.watch, self.options.ref_output == "pass", in_order=False
        )
        self.agreement = self._agreement(scratch)
        self.frames = 0
        self._store: ViewStore | None = None
        self._before = ViewCounts()  # what earlier runs counted, less what was counted while their views were recalled

    @property
    def info(self) -> StreamInfo:
        """Of the low-resolution views."""
        field = self.source.info
        return StreamInfo(field.name, field.size, frames=len(self.grid) * field.frames)

    @property
    def size(self) -> Size:
        """Of the output's views."""
        return self.info.size.scaled(self.engine.info.scale)

    @property
    def reference_kind(self) -> str:
        return self.references.kind

    @property
    def reference_description(self) -> str:
        return self.references.description

    @property
    def warnings(self) -> list[str]:
        known = [*self.source.info.warnings, *self.references.warnings]
        if self._store is not None and self._store.warning:
            known.append(self._store.warning)
        if alone := self.counts.alone:
            known.append(f"{alone} of {self.frames} views were restored by themselves: the others do not fit")
        if not self.engine.mistrusted:
            return known
        return [
            *known,
            "views do not move as a grid's have to, so that each was matched freely: rows or columns may be mirrored "
            "or exchanged; ask lfvideo-sr lightfield info, then pass --mirror or --transpose",
        ]

    @property
    def counts(self) -> ViewCounts:
        """What was done to the views so far, by earlier runs too."""
        return self._before + self._counted()

    def _counted(self) -> ViewCounts:
        fused, alone = (0, 0) if self.fusing is None else (self.fusing.fused, self.fusing.alone)
        agreed = 0 if self.agreement is None else self.agreement.agreed
        return ViewCounts(self.engine.guided, self.engine.searched, agreed, fused, alone)

    def __iter__(self) -> Iterator[Restored]:
        return self.restored()

    def restored(self, store: ViewStore | None = None) -> Iterator[Restored]:
        """The views, one by one. store: has those that an earlier run restored, and is given the others."""
        self._store = store
        frames = prefetch(self.watch.each("read", self._read_in_order()), ahead=2)
        done = 0 if store is None else store.done
        with closing(frames):
            for number, pair in enumerate(map(self._pair, frames)):
                if store is not None and number < done:
                    restored = self._recalled(number, pair, store)
                else:
                    restored = self._restored(number, pair)
                self.frames += 1
                if self.scorer is not None:
                    self.scorer.add(restored)
                yield restored

    def _restored(self, number: int, pair: Paired) -> Restored:
        restored = self.resolver.restore(pair)
        if self.agreement is not None:
            with self.watch.stage("agree"):
                restored = self.agreement.add(restored)
        restored = self._in_own_colours(restored)
        if self._store is not None:
            with self.watch.stage("keep"):
                self._store.add(number, self._stored(restored), self.resolver.uses_in(number))
        return restored

    def _stored(self, restored: Restored) -> StoredView:
        view = self._place_of(restored.frame).view
        luma = None if self.agreement is None else self.agreement.stored(view)
        return StoredView(on_host(restored.frame.pixels), luma, self.counts)

    def _recalled(self, number: int, pair: Paired, store: ViewStore) -> Restored:
        """A view that an earlier run has restored, as it came out, and all that later views go by."""
        stored = store[number]
        self.resolver.recall(pair, self.engine.recall)
        self.resolver.add_uses(number, store.uses(number))
        if self.agreement is not None:
            self.agreement.recall(self._place_of(pair.frame).view, stored.luma)
        self._before = stored.counts - self._counted()
        return Restored(pair.frame.with_pixels(stored.pixels), pair.frame, (), own=False, passed=False)

    def _evened(self, placed: ViewReference) -> ViewReference:
        """A reference in the colours of the first one, where the cameras of their views differ."""
        reference = placed.reference
        if reference.generated or placed.view == self.evened.base:
            return placed

        def load() -> np.ndarray:
            change = self.evened.change(placed.view, placed.frame)
            return reference.load() if change is None else np.clip(change(on_host(reference.load())), 0, 1)

        return placed._replace(reference=replace(reference, load=load))

    def _in_own_colours(self, restored: Restored) -> Restored:
        """Where a view was brought to the colours of another, the result and its input as they were."""
        place = self._place_of(restored.frame)
        change = self.evened.change(*place) if self.references.placed else None
        if change is None:
            return restored
        low = self.source.read(*place)
        pixels = change.restored(restored.frame.pixels, low)
        return replace(restored, frame=restored.frame.with_pixels(pixels), source=restored.source.with_pixels(low))

    def frame_number(self, frame: Frame) -> int:
        """Which frame of a light-field video a view belongs to; 0 where there is one frame."""
        return frame.index // len(self.grid)

    def _read(self, place: Place) -> np.ndarray:
        return self.source.read(*place)

    def _place_of(self, frame: Frame) -> Place:
        assert isinstance(frame.stamp, View)
        return Place(frame.stamp, self.frame_number(frame))

    def _read_in_order(self) -> Iterator[Frame]:
        numbers = {view: number for number, view in enumerate(self.grid)}
        for view, number in order(self.grid, self.source.info.frames, self.references.placed):
            read = self.evened.read if self.references.placed else self.source.read
            yield Frame(read(view, number), number * len(numbers) + numbers[view], view)

    def _pair(self, frame: Frame) -> Paired:
        place, placed = self._place_of(frame), self.references.placed
        return Paired(frame, choose_references(place, placed, self.options.max_refs), own_reference(place, placed))

    def _agreement(self, scratch: Path | None) -> Agreement | None:
        if not (self.options.epipolar and self.engine.guides):
            return None
        views = [place.view for place in order(self.grid, 1, self.references.placed)]
        return Agreement(views, self._motion, self.options.epipolar, scratch)

    def _motion(self, view: View, restored: Restored) -> np.ndarray | None:
        """By the nearest reference that has one, of those that served the view."""
        place = Place(view, self.frame_number(restored.frame))
        motions = (self.engine.motion(place, reference) for reference in restored.references)
        return next((motion for motion in motions if motion is not None), None)

    def _guided(self, engine: Engine) -> GuidedEngine:
        places = {placed.reference.key: Place(placed.view, placed.frame) for placed in self.references.placed}
        return GuidedEngine(
            engine, self.source.info.grid, lambda place: self.evened.read(*place), places, self._place_of,
            guide=self.options.matching == "guided",
        )  # fmt: skip

    def _find_references(self, engine: Engine) -> ViewReferences:
        def restored_alone(view: View, frame: int) -> np.ndarray:
            return engine.restore(Frame(self.evened.read(view, frame), 0, view), [])

        def opened(field: LightField) -> LightField:
            return self._opened.enter_context(closing(field))

        return find_view_references(self.path, self.source, self.options, engine.info, restored_alone, opened)

    def _open_scorer(self) -> Scorer | None:
        if isinstance(self.source, SimulatedField):
            return Scorer(GridTruth(self.source.sharp, self.grid, self.size))
        if self.options.gt is None:
            return None
        sharp = self._opened.enter_context(closing(open_beside(self.path, self.options.gt, self.options.open)))
        return Scorer(GridTruth(sharp, self.grid, self.size))

    def close(self) -> None:
        if self.agreement is not None:
            self.agreement.close()
        self._opened.close()

    def __enter__(self) -> "GridJob":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def low_size(path: Path | str, options: GridOptions) -> Size:
    """Of the views that an engine will see; raises InputError for what cannot be read."""
    with closing(_open_source(path, options)) as source:
        return source.info.size


def _open_source(path: Path | str, options: GridOptions) -> LightField:
    if not options.simulate:
        return open_light_field(path, options.open)
    return SimulatedField(open_light_field(path, replace(options.open, sharp=True)))
