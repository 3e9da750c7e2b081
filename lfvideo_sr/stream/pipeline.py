"""The stream itself: paired frames in, super-resolved frames out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..correspondence import Correspondence
from ..engine import Engine, Matched
from ..frames import Frame
from ..media.registration import displacement
from ..references import EncodedReference, Reference, ReferenceCache
from .pairing import Paired
from .stopwatch import Stopwatch

REGISTERED_WITHIN = 0.5  # output pixels

@dataclass
class ReferenceUse:
    """How much a reference was used: frames served and the sum of their mean relevances."""

    reference: Reference
    frames_served: int = 0
    dropped: int = 0
    relevance: float = 0.0

    @property
    def mean_relevance(self) -> float:
        looked = self.frames_served + self.dropped
        return self.relevance / looked if looked else 0.0

@dataclass
class Usage:
    """What happened to each reference over a run."""

    uses: dict[Reference, ReferenceUse] = field(default_factory=dict)

    def note(self, reference: Reference, relevance: float, useful: bool) -> None:
        use = self.uses.setdefault(reference, ReferenceUse(reference))
        use.relevance += relevance
        use.frames_served += useful
        use.dropped += not useful

    def note_passed(self, reference: Reference) -> None:
        use = self.uses.setdefault(reference, ReferenceUse(reference))
        use.frames_served += 1
        use.relevance += 1.0

@dataclass(frozen=True, eq=False)
class Restored:
    """An output frame, what it was made from, and whether its pixels are a reference's own."""

    frame: Frame
    source: Frame
    references: tuple[Reference, ...]
    passed: bool

class SuperResolver:
    """Runs an engine over paired frames; keeps the last field of each reference to warm-start the next match."""

    def __init__(self, engine: Engine, cache: ReferenceCache, watch: Stopwatch, pass_references: bool = True):
        self._engine, self._cache, self._watch = engine, cache, watch
        self._pass_references = pass_references
        self._fields: dict[Reference, Correspondence] = {}
        self.usage = Usage()

    def run(self, pairs: Iterable[Paired]) -> Iterator[Restored]:
        for pair in pairs:
            yield self.restore(pair)

    def restore(self, pair: Paired) -> Restored:
        """One frame: its own reference's pixels where one stands at this very moment, else matched and restored."""
        frame = pair.frame
        if pair.own is not None and self._pass_references:
            pixels = self._own_pixels(frame, pair.own)
            if pixels is not None:
                self.usage.note_passed(pair.own)
                return Restored(frame.with_pixels(pixels), frame, (pair.own,), passed=True)
        matches = self._matches(frame, pair.references)
        with self._watch.stage("restore"):
            pixels = self._engine.restore(frame, matches)
        used = tuple(one.reference.reference for one in matches)
        return Restored(frame.with_pixels(pixels), frame, used, passed=False)

    def _own_pixels(self, frame: Frame, own: Reference) -> np.ndarray | None:
        """The reference's pixels if they may stand for the frame: right size, and registered within half a pixel."""
        with self._watch.stage("pass"):
            pixels = own.load()
            if not own.aligned or pixels.shape[1:] != tuple(n * self._engine.info.scale for n in frame.pixels.shape[1:]):
                return None
            shift = 0.0 if own.key[0] in ("anchor", "simulate") else displacement(frame.pixels, pixels)
        return pixels if shift <= REGISTERED_WITHIN else None

    def _matches(self, frame: Frame, references: tuple[Reference, ...]) -> list[Matched]:
        """Matches worth using, in the references' order."""
        info = self._engine.info
        matches, fields = [], {}
        for reference in references[: info.references]:
            encoded = self._encoded(reference)
            with self._watch.stage("match"):
                found = self._engine.match(frame, encoded, self._fields.get(reference))
            matched = Matched(encoded, found)
            useful = matched.relevance >= info.worthless_below
            self.usage.note(reference, matched.relevance, useful)
            if useful:
                matches.append(matched)
                fields[reference] = found
        self._fields = fields
        return matches

    def _encoded(self, reference: Reference) -> EncodedReference:
        if reference in self._cache:
            return self._cache[reference]
        with self._watch.stage("encode"):
            return self._cache[reference]
