"""A stream that goes on when its engine refuses: a reference or a frame outside a plan's range, a GPU that fails."""

from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

import numpy as np

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Engine, Last, Matched, Precision, restore_frame
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Frame
from lfvideo_sr.method import MethodInfo
from lfvideo_sr.references.reference import EncodedReference, Reference

Next = Callable[[], tuple[str, Engine]]  # makes the engine that goes on, and names it


class FallingBack:
    """Runs the first engine until it refuses, then the next one for the rest; says so once, by `tell`.

    What the first engine made is no use to the next: references are encoded anew when they are next used (and the old
    features go when the cache drops them), and matches are found anew.
    """

    def __init__(self, name: str, first: Engine, following: Next, tell: Callable[[str], object] = lambda line: None):
        self.name = name
        self._engine, self._following, self._tell = first, following, tell
        self._seen: WeakValueDictionary[tuple, Reference] = WeakValueDictionary()
        self._anew: WeakKeyDictionary[EncodedReference, EncodedReference] = WeakKeyDictionary()
        self._own: WeakSet = WeakSet()  # encoded references and fields of the engine that runs now
        self._fell = False

    @property
    def info(self) -> MethodInfo:
        return self._engine.info

    @property
    def device(self) -> str:
        return self._engine.device

    @property
    def precision(self) -> Precision:
        return self._engine.precision

    def encode(self, reference: Reference) -> EncodedReference:
        self._seen[reference.key] = reference
        return self._kept(self._or_next(lambda: self._engine.encode(reference)))

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        def find() -> Correspondence:
            start = previous if previous in self._own else None
            return self._engine.match(frame, self._encoded(reference), start)

        return self._kept(self._or_next(find))

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        return self._or_next(lambda: self._engine.restore(frame, self._all_matched(frame, matches), last))

    def restore_there(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> Frame:
        """As the engine that runs now has it."""
        return self._or_next(lambda: restore_frame(self._engine, frame, self._all_matched(frame, matches), last))

    def _all_matched(self, frame: Frame, matches: Sequence[Matched]) -> list[Matched]:
        return [self._matched(frame, one) for one in matches]

    def _matched(self, frame: Frame, match: Matched) -> Matched:
        """A match as the engine that runs now would have made it."""
        encoded = self._encoded(match.reference)
        known = match.correspondence in self._own
        return Matched(encoded, match.correspondence if known else self._engine.match(frame, encoded, None))

    def _encoded(self, reference: EncodedReference) -> EncodedReference:
        if reference in self._own:
            return reference
        if reference not in self._anew:
            whole = self._seen.get(reference.key)
            if whole is None:
                raise EngineError(f"reference {reference.key} is gone; pass --engine torch")
            self._anew[reference] = self._kept(self._engine.encode(whole))
        return self._anew[reference]

    def _kept(self, made):
        self._own.add(made)
        return made

    def _or_next(self, verb: Callable):
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
        name, following = self._following()  # where that fails too, its error ends the stream
        self._tell(f"engine      {name} from here on: {reason}")
        self.name, self._engine, self._fell = name, following, True
        self._own.clear()

    def __enter__(self) -> "FallingBack":
        self._engine.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._engine.__exit__(*exc_info)
