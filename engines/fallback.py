"""A stream that goes on when its engine refuses: a reference or a frame outside a plan's range, a GPU that fails."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary, WeakSet

import numpy as np

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import AroundAnother, Engine, Last, Matched
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Frame
from lfvideo_sr.references.reference import EncodedReference, Reference

T = TypeVar("T")


class FallingBack(AroundAnother):
    """Runs the first engine until it refuses, then the next one for the rest; says so once, by `tell`.

    The next engine cannot read the first one's features: it encodes references anew when they are next used, for which
    encoded references keep their Reference until then. Fields are positions and relevance whoever made them, so they
    are used on: the first engine's, and those that a GuidedEngine predicted.

    following: makes the engine that goes on.
    """

    def __init__(
        self, first: Engine, following: Callable[[], Engine], tell: Callable[[str], object] = lambda line: None
    ):
        self._engine, self._following, self._tell = first, following, tell
        self._sources: WeakKeyDictionary[EncodedReference, Reference] = WeakKeyDictionary()
        self._anew: WeakKeyDictionary[EncodedReference, EncodedReference] = WeakKeyDictionary()
        self._readable: WeakSet[EncodedReference] = WeakSet()  # by the engine that runs now
        self._fell = False

    def encode(self, reference: Reference) -> EncodedReference:
        encoded = self._or_next(lambda: self._engine.encode(reference))
        if not self._fell:
            self._sources[encoded] = reference
        return self._kept(encoded)

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        return self._or_next(lambda: self._engine.match(frame, self._encoded(reference), previous))

    def match_all(
        self, frame: Frame, references: Sequence[EncodedReference], previous: Sequence[Correspondence | None]
    ) -> list[Correspondence]:
        return self._or_next(lambda: self._engine.match_all(frame, list(map(self._encoded, references)), previous))

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        return self._or_next(lambda: self._engine.restore(frame, self._matches(matches), last))

    def restore_frame(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> Frame:
        return self._or_next(lambda: self._engine.restore_frame(frame, self._matches(matches), last))

    def _matches(self, matches: Sequence[Matched]) -> list[Matched]:
        return [Matched(self._encoded(match.reference), match.correspondence) for match in matches]

    def _encoded(self, reference: EncodedReference) -> EncodedReference:
        """The reference as the engine that runs now reads it."""
        if reference in self._readable:
            return reference
        if reference not in self._anew:
            self._anew[reference] = self._kept(self._engine.encode(self._sources.pop(reference)))
        return self._anew[reference]

    def _kept(self, encoded: EncodedReference) -> EncodedReference:
        self._readable.add(encoded)
        return encoded

    def _or_next(self, verb: Callable[[], T]) -> T:
        if self._fell:
            return verb()
        try:
            return verb()
        except EngineError as error:
            reason = str(error).split("; ")[0]
        self._fall(reason)  # only here: the error held what the engine was doing, and its memory with it
        return verb()

    def _fall(self, reason: str) -> None:
        self._engine.__exit__(None, None, None)  # first: the next one may need its memory
        following = self._following().__enter__()  # where that fails too, its error ends the stream
        self._tell(f"engine      {following.name} from here on: {reason}")
        self._engine, self._fell = following, True
        self._readable.clear()
