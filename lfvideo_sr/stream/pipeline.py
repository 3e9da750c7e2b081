"""The stream itself: paired frames in, super-resolved frames out."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ..correspondence import Correspondence
from ..engine import Engine, Last, Matched
from ..frames import Frame, on_host
from ..references.reference import EncodedReference, Reference, ReferenceCache
from ..registration.likeness import likeness, reduced_luma
from .bracketing import Bracketing
from .easing import Easing
from .pairing import Paired
from .preparing import Preparation, picture_of_view
from .repeats import RepeatDetector
from .segments import ALL, MEMORY, Segmenter, SegmentSelection
from .stopwatch import Stopwatch

_NO_DETAIL = "no detail that the frames lack"
_DROPPED = f"dropped: {_NO_DETAIL}"


@dataclass
class ReferenceUse:
    """How much a reference was used: frames it served, frames it was dropped from, and the relevances found.

    changes: what was done to bring it to the frame of its moment, such as "moved by 60.0 px, colours: gain 0.87".
    not_passed: why its own pixels were not given out at its own moment, such as "0.7 px off".
    """

    origin: str
    time: Fraction
    frames_served: int = 0
    frames_dropped: int = 0
    matched: int = 0
    relevance: float = 0.0
    changes: str = ""
    not_passed: str = ""

    @property
    def mean_relevance(self) -> float | None:
        """Mean over the frames it was matched with; None where it never was (its own pixels were passed on)."""
        return self.relevance / self.matched if self.matched else None

    @property
    def adds_detail(self) -> bool:
        """False where it was dropped because it has no detail that the frames lack."""
        return self.changes != _DROPPED

    def __add__(self, other: "ReferenceUse") -> "ReferenceUse":
        """The same reference's use in two segments."""
        return ReferenceUse(
            self.origin,
            self.time,
            self.frames_served + other.frames_served,
            self.frames_dropped + other.frames_dropped,
            self.matched + other.matched,
            self.relevance + other.relevance,
            other.changes or self.changes,
            self.not_passed or other.not_passed,
        )


@dataclass(frozen=True, eq=False)
class Restored:
    """An output frame and what it was made from.

    frame:      a DeviceFrame where the engine leaves its pictures on a GPU.
    references: the keys and times of those that were used.
    correspondences: where the frame is found in each of them; empty where `passed`.
    relevances: mean relevance of each of them, 0 .. 1; empty where `passed`.
    own:        there is a true reference of this very moment, so that the metrics leave the frame out.
    passed:     the pixels are that reference's own.
    segment:    the number of the segment that the frame belongs to (segments.py).
    """

    frame: Frame
    source: Frame
    references: tuple[Reference, ...]
    own: bool
    passed: bool
    correspondences: tuple[Correspondence, ...] = ()
    segment: int = 0
    relevances: tuple[float, ...] = ()


class SuperResolver:
    """Runs an engine over paired frames; keeps the last field of each reference to warm-start the next match.

    pass_references: at a reference's own moment its pixels are given out; with `easing`, eased into the frames around.
    in_order: each frame follows the one before it in time, so that a recurrent method may take what it restored last.
    A cut ends that, a reference's own pixels begin it anew, and it starts afresh at every multiple of MEMORY frames.
    Such a stream is cut into segments (segments.py), at whose starts nothing of the frames before is remembered. In it,
    a frame that repeats the one before gets that one's picture. In any other stream each frame is a segment in what is
    said of uses.

    seen:     how many frames were given, restored or passed over.
    repeated: how many of them got the picture of the frame before.
    """

    def __init__(
        self, engine: Engine, cache: ReferenceCache, watch: Stopwatch, pass_references: bool = True,
        easing: Easing | None = None, in_order: bool = True,
    ):  # fmt: skip
        self._engine, self._cache, self._watch = engine, cache, watch
        self._pass_references, self._easing = pass_references, easing
        self.preparation = Preparation(engine.info.scale, engine.info.learned)
        self._equaliser = self.preparation.equaliser
        self._recurrent = in_order and engine.info.recurrent
        self._segmenter = Segmenter(eased=easing is not None) if in_order else None
        self._segment = 0
        self._last: Last | None = None
        self._fields: dict[tuple, Correspondence] = {}
        self._reduced: dict[tuple, np.ndarray] = {}  # lumas of references in use, where likeness is looked at
        self._uses: dict[int, dict[tuple, ReferenceUse]] = {}
        bracketed = in_order and engine.info.own_frame
        self._bracketing = Bracketing(engine.info.scale, self._prepared) if bracketed else None
        self._repeats = RepeatDetector() if in_order else None
        self._before: Restored | None = None
        self.seen = self.repeated = 0

    @property
    def uses(self) -> dict[tuple, ReferenceUse]:
        """What each reference served, over all segments."""
        total: dict[tuple, ReferenceUse] = {}
        for _, uses in sorted(self._uses.items()):
            for key, use in uses.items():
                total[key] = total[key] + use if key in total else use
        return total

    def uses_in(self, segment: int) -> dict[tuple, ReferenceUse]:
        """What each reference served in one segment."""
        return self._uses.get(segment, {})

    def add_uses(self, segment: int, uses: dict[tuple, ReferenceUse]) -> None:
        """Take note of what references served in a segment that was restored by an earlier run."""
        self._uses[segment] = uses

    def run(self, pairs: Iterable[Paired], segments: SegmentSelection = ALL) -> Generator[Restored, None, None]:
        """The frames of these segments restored, in order. Behind the last of them no frame is asked for but one."""
        for pair in pairs:
            self._enter_segment(pair)
            if segments.ends_before(self._segment):
                return
            if self._segment in segments:
                yield self._restored_in_segment(pair)
            else:
                self._pass_over(pair)

    def number(self, pairs: Iterable[Paired]) -> Generator[tuple[int, int], None, None]:
        """The index of each frame and the number of its segment; nothing is restored."""
        for pair in pairs:
            self._enter_segment(pair)
            yield pair.frame.index, self._segment

    def _enter_segment(self, pair: Paired) -> None:
        self.seen += 1
        if self._segmenter is None:
            self._segment = self.seen - 1
            return
        number = self._segmenter.number(pair)
        if number != self._segment:
            self._segment = number
            self._last, self._before, self._fields = None, None, {}
            self._cache.clear()
            self.preparation.forget()
            if self._easing is not None:
                self._easing.forget()

    def _pass_over(self, pair: Paired) -> None:
        """Learn from a pair that was restored by an earlier run what later segments go by."""
        own, preparation = pair.own, self.preparation
        passes = own is not None and self._pass_references and preparation.learn(own).picture is not None
        if own is not None and passes and preparation.adds_detail(own, pair.frame):
            return
        for reference in pair.references[: self._engine.info.references]:
            self.preparation.learn(reference)

    def recall(self, pair: Paired, matched: Callable[[Frame, EncodedReference], object]) -> None:
        """Pass over a pair that an earlier run restored, of a stream that is not in order. `matched` is given each
        reference that it was matched with."""
        self._enter_segment(pair)
        frame, reference = pair.frame, pair.own
        if reference is not None and self._pass_references and self._own_picture(frame, reference) is not None:
            return
        for reference in self._taken(frame, pair.references):
            matched(frame, self._encoded(reference))

    def restore(self, pair: Paired) -> Restored:
        """One frame: the pixels of the reference of this very moment, where there is one, else matched and restored."""
        self._enter_segment(pair)
        return self._restored_in_segment(pair)

    def _restored_in_segment(self, pair: Paired) -> Restored:
        if pair.frame.cut or pair.frame.index % MEMORY == 0:
            self._last = self._before = None
        restored = self._repeated(pair) or self._restored(pair)
        if self._easing is not None:
            self._easing.shown(restored.frame)
        self._before = replace(restored, segment=self._segment)
        return self._before

    def _repeated(self, pair: Paired) -> Restored | None:
        """The picture of the frame before, where this one repeats it."""
        repeats = self._repeats is not None and self._repeats.repeats(pair)
        if not repeats or self._before is None:
            return None
        self.repeated += 1
        for reference in self._before.references:
            self._use_of(reference).frames_served += 1
        picture = pair.frame.with_picture(self._before.frame.picture)
        return replace(self._before, frame=picture, source=pair.frame, own=False, passed=False)

    def _restored(self, pair: Paired) -> Restored:
        frame, reference = pair.frame, pair.own
        if reference is not None and self._pass_references:
            with self._watch.stage("pass"):
                passed = self._own_picture(frame, reference)
            if passed is not None and self._easing is not None and not reference.generated:
                made = self._made(pair)
                self._remember(self.preparation.equalised(frame), passed)
                with self._watch.stage("ease"):
                    return replace(made, frame=self._easing(passed, made.frame), own=True)
            if passed is not None:
                self._use_of(reference).frames_served += 1
                self._remember(self.preparation.equalised(frame), passed)
                return Restored(passed, frame, (reference,), own=not reference.generated, passed=True)
        return self._made(pair)

    def _made(self, pair: Paired) -> Restored:
        """Matched and restored."""
        frame, reference = pair.frame, pair.own
        taken = self._taken(frame, pair.references)
        seen = self.preparation.equalised(frame)
        used, matches, relevances = self._matches(seen, taken)
        with self._watch.stage("restore"):
            restored = self._engine.restore_frame(seen, matches, self._last)
        self._remember(seen, restored)
        sharp_here = reference is not None and reference.aligned and not reference.generated
        fields = tuple(match.correspondence for match in matches)
        return Restored(restored, frame, used, sharp_here, passed=False, correspondences=fields, relevances=relevances)

    def _remember(self, frame: Frame, picture: Frame) -> None:
        """For the next frame: a picture, and the low-resolution frame of its moment, as the engine sees it."""
        if self._recurrent:
            self._last = Last(frame, picture)

    def _own_picture(self, frame: Frame, reference: Reference) -> Frame | None:
        """The picture of a reference of this moment if it may take the frame's place: they agree in colour and place;
        of views, which have no moment to be brought to, in place; and it has detail that the frame lacks."""
        if not self.preparation.adds_detail(reference, frame):
            self._use_of(reference).not_passed = _NO_DETAIL
            return None
        if reference.frame is None:
            return picture_of_view(frame, reference, self._engine.info.scale)
        prepared = self.preparation(reference)
        if prepared.picture is None:
            self._use_of(reference).not_passed = prepared.why
        return prepared.picture

    def _matches(
        self, frame: Frame, taken: list[Reference]
    ) -> tuple[tuple[Reference, ...], list[Matched], tuple[float, ...]]:
        """The references worth using, their matches and their mean relevances, in order."""
        keys = {reference.key for reference in taken}
        self._reduced = {key: plane for key, plane in self._reduced.items() if key in keys}
        encoded = [self._encoded(reference) for reference in taken]
        with self._watch.stage("match"):
            before = [self._fields.get(reference.key) for reference in taken]
            fields = self._engine.match_all(frame, encoded, before) if taken else []
            if self._bracketing is not None:
                fields = self._bracketing(frame, taken, fields)
            matches = list(map(Matched, encoded, fields))
            relevances = [match.relevance for match in matches]  # where a GPU is waited for
            rows = list(zip(taken, matches, relevances))
            kept = [row for row in rows if self._worth_using(frame, *row)]
        self._fields = {reference.key: match.correspondence for reference, match, _ in kept}
        return (
            tuple(reference for reference, _, _ in kept),
            [match for _, match, _ in kept],
            tuple(relevance for _, _, relevance in kept),
        )

    def _taken(self, frame: Frame, references: tuple[Reference, ...]) -> list[Reference]:
        """The references that a frame is matched with; the cache keeps them."""
        taken = [reference for reference in references[: self._engine.info.references] if self._adds(reference, frame)]
        if self.preparation.equaliser is not self._equaliser:
            self._equaliser = self.preparation.equaliser
            self._cache.clear()  # what was encoded before has other sides
        self._cache.keep(taken)
        return taken

    def _adds(self, reference: Reference, frame: Frame) -> bool:
        """Whether a reference has detail for a frame; one that has none is dropped without a match."""
        adds = self.preparation.adds_detail(reference, frame)
        if not adds:
            use = self._use_of(reference)
            use.frames_dropped += 1
            use.changes = _DROPPED
        return adds

    def _worth_using(self, frame: Frame, reference: Reference, matched: Matched, relevance: float) -> bool:
        use = self._use_of(reference)
        worth = relevance >= self._engine.info.worthless_below and self._is_alike(frame, reference, matched)
        use.matched += 1
        use.relevance += relevance
        use.frames_served += worth
        use.frames_dropped += not worth
        return worth

    def _is_alike(self, frame: Frame, reference: Reference, matched: Matched) -> bool:
        """Whether a reference shows what a frame shows, of methods that do not see it themselves."""
        info = self._engine.info
        if not info.unlike_below or reference.generated:
            return True
        if reference.key not in self._reduced:
            pixels = on_host(self.preparation(reference).reference.load())
            self._reduced[reference.key] = reduced_luma(pixels, info.scale)
        like = likeness(frame.pixels, self._reduced[reference.key], matched.correspondence, info.scale)
        return like >= info.unlike_below

    def _use_of(self, reference: Reference) -> ReferenceUse:
        uses = self._uses.setdefault(self._segment, {})
        return uses.setdefault(reference.key, ReferenceUse(reference.origin, reference.time))

    def _prepared(self, reference: Reference) -> Reference:
        return self.preparation(reference).reference

    def _encoded(self, reference: Reference) -> EncodedReference:
        if reference in self._cache:
            return self._cache[reference]
        with self._watch.stage("encode"):
            prepared = self.preparation(reference)
            self._use_of(reference).changes = prepared.changes
            return self._cache[prepared.reference]
