"""The stream itself: paired frames in, super-resolved frames out."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from fractions import Fraction

from ..correspondence import Correspondence
from ..engine import Engine, Matched, match_all, restore_frame
from ..frames import Frame
from ..media.registration import displacement
from ..references import EncodedReference, Reference, ReferenceCache
from .easing import Easing
from .pairing import Paired
from .stopwatch import Stopwatch

REGISTERED_WITHIN = 0.5  # output pixels


@dataclass
class ReferenceUse:
    """How much a reference was used: frames it served, frames it was dropped from, and the relevances found."""

    origin: str
    time: Fraction
    frames_served: int = 0
    frames_dropped: int = 0
    matched: int = 0
    relevance: float = 0.0

    @property
    def mean_relevance(self) -> float | None:
        """Mean over the frames it was matched with; None where it never was (its own pixels were passed on)."""
        return self.relevance / self.matched if self.matched else None


@dataclass(frozen=True, eq=False)
class Restored:
    """An output frame and what it was made from.

    frame:      a DeviceFrame where the engine leaves its pictures on a GPU.
    references: the keys and times of those that were used.
    own:        a true reference stands at this very moment, so that the metrics leave the frame out.
    passed:     the pixels are that reference's own.
    """

    frame: Frame
    source: Frame
    references: tuple[Reference, ...]
    own: bool
    passed: bool


class SuperResolver:
    """Runs an engine over paired frames; keeps the last field of each reference to warm-start the next match.

    pass_references: at a reference's own moment its pixels are given out; with `easing`, eased into the frames around.
    """

    def __init__(
        self, engine: Engine, cache: ReferenceCache, watch: Stopwatch, pass_references: bool = True,
        easing: Easing | None = None,
    ):  # fmt: skip
        self._engine, self._cache, self._watch = engine, cache, watch
        self._pass_references, self._easing = pass_references, easing
        self._fields: dict[tuple, Correspondence] = {}
        self.uses: dict[tuple, ReferenceUse] = {}

    def run(self, pairs: Iterable[Paired]) -> Generator[Restored, None, None]:
        """Every frame restored, in order."""
        for pair in pairs:
            yield self.restore(pair)

    def restore(self, pair: Paired) -> Restored:
        """One frame: its own reference's pixels where one stands at this very moment, else matched and restored."""
        restored = self._restored(pair)
        if self._easing is not None:
            self._easing.shown(restored.frame)
        return restored

    def _restored(self, pair: Paired) -> Restored:
        frame, own = pair.frame, pair.own
        if own is not None and self._pass_references:
            with self._watch.stage("pass"):
                passed = self._own_picture(frame, own)
            if passed is not None and self._easing is not None and not own.generated:
                made = self._made(pair)
                with self._watch.stage("ease"):
                    return Restored(self._easing(passed, made.frame), frame, made.references, own=True, passed=False)
            if passed is not None:
                self._use_of(own).frames_served += 1
                return Restored(passed, frame, (own,), own=not own.generated, passed=True)
        return self._made(pair)

    def _made(self, pair: Paired) -> Restored:
        """Matched and restored."""
        frame, own = pair.frame, pair.own
        used, matches = self._matches(frame, pair.references)
        with self._watch.stage("restore"):
            restored = restore_frame(self._engine, frame, matches)
        sharp_here = own is not None and own.aligned and not self._pass_references
        return Restored(restored, frame, used, own=sharp_here, passed=False)

    def _own_picture(self, frame: Frame, own: Reference) -> Frame | None:
        """The reference's picture if it may stand for the frame: right size, and registered within half a pixel."""
        if not own.aligned:
            return None
        picture = frame.with_picture(own.load())
        if picture.size != frame.size.scaled(self._engine.info.scale):
            return None
        here = own.generated or displacement(frame.pixels, picture.pixels) <= REGISTERED_WITHIN
        return picture if here else None

    def _matches(self, frame: Frame, references: tuple[Reference, ...]) -> tuple[tuple[Reference, ...], list[Matched]]:
        """The references worth using and their matches, in order."""
        wanted = references[: self._engine.info.references]
        encoded = [self._encoded(reference) for reference in wanted]
        with self._watch.stage("match"):
            before = [self._fields.get(reference.key) for reference in wanted]
            found = match_all(self._engine, frame, encoded, before) if wanted else []
            matched = [Matched(*one) for one in zip(encoded, found)]
            kept = [one for one in zip(wanted, matched) if self._worth_using(*one)]  # where a GPU is waited for
        self._fields = {reference.key: match.correspondence for reference, match in kept}
        return tuple(reference for reference, _ in kept), [match for _, match in kept]

    def _worth_using(self, reference: Reference, matched: Matched) -> bool:
        use, relevance = self._use_of(reference), matched.relevance
        worth = relevance >= self._engine.info.worthless_below
        use.matched += 1
        use.relevance += relevance
        use.frames_served += worth
        use.frames_dropped += not worth
        return worth

    def _use_of(self, reference: Reference) -> ReferenceUse:
        return self.uses.setdefault(reference.key, ReferenceUse(reference.origin, reference.time))

    def _encoded(self, reference: Reference) -> EncodedReference:
        if reference in self._cache:
            return self._cache[reference]
        with self._watch.stage("encode"):
            return self._cache[reference]
