"""A whole run over one light field: views, references, geometry, engine; views come out one by one."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..checks import check_choice, check_positive
from ..engine import Engine
from ..errors import InputError, ReferencesMissing, UsageError
from ..frames import Frame, Size, StreamInfo, View, on_host
from ..lightfields.field import LightField
from ..lightfields.grid import parse_view, parse_views
from ..lightfields.layouts import LAYOUTS
from ..lightfields.opening import OpenOptions, open_light_field, split_key
from ..lightfields.quilt import view_named
from ..lightfields.references import (
    ViewReference,
    ViewReferences,
    anchors,
    chosen_views,
    from_pictures,
    same_file,
    simulated,
)
from ..lightfields.simulated import GridTruth, SimulatedField
from ..matching.view_samples import Fuse
from ..media.picture_formats import PICTURES
from ..prefetch import prefetch
from ..references.reference import ReferenceCache
from ..references.still_names import check_below
from ..references.stills import manifest_of
from .epipolar import WEIGHT, Agreement
from .evening import EvenedViews
from .grid import choose_references, order, own_reference
from .guided import GuidedEngine, Place
from .opening import check_simulated
from .options import DEFAULT_CACHE
from .pairing import Paired
from .pipeline import Restored, SuperResolver
from .scoring import Scorer
from .stopwatch import Stopwatch
from .view_fusion import VIEWS, FusingEngine, from_each_other, may_fuse
from .view_store import StoredView, ViewStore

FUSION = ("off", "auto", "always")


@dataclass(frozen=True)
class GridOptions:
    """What a run over a light field is asked to do; the command line's flags of the same names.

    open:      how the file is read.
    refs:      pictures, a folder of views, a manifest, or a sharp light field of the same grid.
    ref_views: "row,column" each: where references stand, or which views of a sharp light field they are.
    views:     "3,3" or "2:6,2:6": only these views are restored.
    matching:  "guided": most fields are predicted from a few, by geometry; "free": each view is searched.
    ref_every: of a light-field video, every so many frames have references.
    trust_manifest: a manifest of references may list files outside of its folder.
    view_fusion: where no view is sharp, each takes from what the others measured: "auto"; "always": sharp views are not
               looked for; "off".
    epipolar:  how much a neighbouring view counts beside a view's own pixels, 0 to 1; 0: not at all.
    """

    open: OpenOptions = field(default_factory=OpenOptions)
    refs: tuple[str, ...] = ()
    ref_views: tuple[str, ...] = ()
    no_refs: bool = False
    require_refs: bool = False
    ref_output: str = "pass"
    ref_cache: int = DEFAULT_CACHE
    max_refs: int = 2
    ref_every: int = 8
    views: str | None = None
    matching: str = "guided"
    epipolar: float = WEIGHT
    view_fusion: str = "off"
    simulate: bool = False
    gt: str | None = None
    trust_manifest: bool = False

    def __post_init__(self) -> None:
        check_positive("--max-refs", self.max_refs)
        check_positive("--ref-every", self.ref_every)
        check_choice("--ref-output", self.ref_output, ("pass", "sr"))
        check_choice("--matching", self.matching, ("guided", "free"))
        check_choice("view_fusion", self.view_fusion, FUSION)
        if not 0 <= self.epipolar <= 1:
            raise UsageError(f"--epipolar is {self.epipolar}; a number from 0 to 1 is wanted")
        if self.no_refs and (self.refs or self.require_refs):
            raise UsageError("--no-refs contradicts --refs and --require-refs; drop one of them")
        if self.view_fusion == "always" and (self.no_refs or self.refs or self.ref_views or self.require_refs):
            raise UsageError("view_fusion takes no references; drop --refs, --ref-view, --require-refs and --no-refs")
        if self.simulate and self.gt:
            raise UsageError("--simulate has the input itself as truth; drop --gt")


class GridJob:
    """Opened and checked; iterate it once for the restored views. Close it, or use it as a context manager."""

    def __init__(
        self, path: Path | str, engine: Engine, options: GridOptions | None = None, scratch: Path | None = None,
        source: LightField | None = None, references: ViewReferences | None = None,
        fuse: Callable[[], Fuse | None] = lambda: None,
    ):  # fmt: skip
        """scratch: folder for what does not fit in memory; default the system's for temporary files.
        source: views to restore instead of those of the file `path`. references: instead of those found for it.
        fuse: makes the network of the option view_fusion, or None; default: views are fused by classical means."""
        self.path, self.options = Path(path), options or GridOptions()
        if self.options.simulate:
            check_simulated(engine.info)
        self.watch = Stopwatch()
        self._extra: list[LightField] = []  # opened beside the source
        self.agreement: Agreement | None = None
        self.source = source or _open_source(path, self.options)
        try:
            views = self.options.views
            self.grid = parse_views(views, self.source.info.grid) if views else self.source.info.grid
            self.evened = EvenedViews(self.source.read, self.source.info.grid.centre)
            self.references = references or self._find_references(engine)
            self.fusing: FusingEngine | None = None
            if self.references.kind == VIEWS:
                engine = self.fusing = FusingEngine(engine, fuse(), self.source.info.grid, self._read, self._place_of)
            if self.references.placed:
                self.evened.base = self.references.placed[0].view
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
        self.store: ViewStore | None = None  # of views that are done; set before the first one
        self.frames = 0

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
        if self.store is not None and self.store.warning:
            known.append(self.store.warning)
        if self.fusing is not None and self.fusing.alone:
            known.append(
                f"{self.fusing.alone} of {self.frames} views were restored by themselves: the others do not fit"
            )
        if not self.engine.mistrusted:
            return known
        return [
            *known,
            "views do not move as a grid's have to, so that each was matched freely: rows or columns may be mirrored "
            "or exchanged; ask lfvideo-sr lightfield info, then pass --mirror or --transpose",
        ]

    def __iter__(self) -> Iterator[Restored]:
        frames = prefetch(self.watch.each("read", self._read_in_order()), ahead=2)
        done = 0 if self.store is None else self.store.done
        with closing(frames):
            for number, pair in enumerate(map(self._pair, frames)):
                restored = self._recalled(number, pair) if number < done else self._restored(number, pair)
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
        if self.store is not None:
            with self.watch.stage("keep"):
                self.store.add(number, self._stored(restored), self.resolver.uses_in(number))
        return restored

    def _stored(self, restored: Restored) -> StoredView:
        view = self._place_of(restored.frame).view
        luma = None if self.agreement is None else self.agreement.stored(view)
        agreed = 0 if self.agreement is None else self.agreement.agreed
        return StoredView(on_host(restored.frame.pixels), luma, (self.engine.guided, self.engine.searched, agreed))

    def _recalled(self, number: int, pair: Paired) -> Restored:
        """A view that an earlier run has restored, as it came out, and all that later views go by."""
        assert self.store is not None
        stored = self.store[number]
        self.resolver.recall(pair, self.engine.recall)
        self.resolver.add_uses(number, self.store.uses(number))
        self.engine.guided, self.engine.searched, agreed = stored.counters
        if self.agreement is not None:
            self.agreement.recall(self._place_of(pair.frame).view, stored.luma)
            self.agreement.agreed = agreed
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
        """The first that applies: none wanted, those named, the simulation's, the file's own, anchors."""
        options, every, scale = self.options, self.options.ref_every, engine.info.scale
        views = tuple(view_named(self.source.info, parse_view(text)) for text in options.ref_views)
        chosen_views(self.source, views)
        if options.view_fusion == "always":
            return from_each_other(self.source.info, scale)
        if not engine.info.references:
            return ViewReferences("none", f"{engine.info.name} takes none")
        if options.no_refs:
            return ViewReferences("none", "every view by the single-image path")
        if options.refs:
            return self._named(views, scale)
        if isinstance(self.source, SimulatedField):
            return simulated(self.source, views, every)
        sharp = self._sharp_part()
        if sharp is not None:
            return same_file(self.source, sharp, views, every, scale)
        if options.require_refs:
            raise ReferencesMissing(f"{self.path} has no references; give a sharp view with --refs and --ref-view")

        if options.view_fusion == "auto" and not options.ref_views and may_fuse(self.source.info, scale):
            return from_each_other(self.source.info, scale)

        def restored_alone(view: View, frame: int) -> np.ndarray:
            return engine.restore(Frame(self.evened.read(view, frame), 0, view), [])

        return anchors(self.source, views, every, restored_alone)

    def _named(self, views: tuple[View, ...], scale: int) -> ViewReferences:
        """--refs: a light field of the same grid, or pictures."""
        named = self.options.refs
        path, _ = split_key(named[0])
        if path.is_dir() or path.suffix.lower() in PICTURES | {".csv"} or not path.exists():
            manifest = manifest_of(path)
            if manifest is not None and not self.options.trust_manifest:
                check_below(manifest)
            return from_pictures(self.source, named, views, scale, self.options.open.white)
        if len(named) > 1:
            raise UsageError("--refs names several files; give one light field, or pictures with a --ref-view each")
        sharp = self._open_beside(named[0])
        if sharp.info.grid != self.source.info.grid:
            raise InputError(f"{named[0]} has {sharp.info.grid}, the input {self.source.info.grid}; give the same grid")
        references = same_file(self.source, sharp, views, self.options.ref_every, scale)
        return replace(references, kind="refs")

    def _sharp_part(self) -> LightField | None:
        """The high-resolution views of a file that holds both."""
        if not LAYOUTS[self.source.info.layout].holds_both:
            return None
        sharp = open_light_field(self.path, replace(self.options.open, sharp=True))
        if sharp.info.name == self.source.info.name:
            sharp.close()
            return None
        self._extra.append(sharp)
        return sharp

    def _open_scorer(self) -> Scorer | None:
        if isinstance(self.source, SimulatedField):
            return Scorer(GridTruth(self.source.sharp, self.grid, self.size))
        if self.options.gt is None:
            return None
        sharp = self._open_beside(self.options.gt)
        return Scorer(GridTruth(sharp, self.grid, self.size))

    def _open_beside(self, named: str) -> LightField:
        """A sharp light field of the layout that the input has; in another kind of file its layout is detected anew."""
        options = replace(self.options.open, sharp=True)
        if split_key(named)[0].suffix != split_key(str(self.path))[0].suffix:
            options = replace(options, layout=None, pattern=None)
        sharp = open_light_field(named, options)
        self._extra.append(sharp)
        return sharp

    def close(self) -> None:
        if self.agreement is not None:
            self.agreement.close()
        for opened in (self.source, *self._extra):
            opened.close()

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
