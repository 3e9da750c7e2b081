"""Which references serve a frame: a pure choice, and the generator that looks just far enough ahead to make it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial
from typing import NamedTuple, Protocol

from ..frames import Frame
from ..media.clock import seconds_of
from ..references.reference import Reference


class Placed(NamedTuple):
    """A reference and the scene (counted by cuts) that its moment belongs to."""

    reference: Reference
    scene: int


class Paired(NamedTuple):
    """A frame, the references that serve it (nearest past first), and the one that shows this very moment, if any."""

    frame: Frame
    references: tuple[Reference, ...]
    own: Reference | None


@dataclass(frozen=True)
class ReferencePolicy:
    """How references are chosen.

    every:     at most one reference per so many frames, besides the first of each scene; 0: all that there are.
    most:      references per frame.
    causal:    past references only.
    lookahead: a frame waits for a future reference while at most so many later frames are held, unless it is known that
               none is so near.
    """

    every: int = 8
    most: int = 2
    causal: bool = False
    lookahead: int = 64


def choose(
    time: Fraction, scene: int, references: Iterable[Placed], most: int = 2, causal: bool = False
) -> tuple[Reference, ...]:
    """The nearest past and the nearest future reference of the same scene, then the next nearest, at most `most`; of
    past and future the nearer one where only one is asked for."""
    same = [placed.reference for placed in references if placed.scene == scene]

    def distance(reference: Reference) -> Fraction:
        return abs(reference.time - time)

    past = sorted((reference for reference in same if reference.time <= time), key=distance)
    future = [] if causal else sorted((reference for reference in same if reference.time > time), key=distance)
    nearest = past[:1] + future[:1]
    if most < len(nearest):
        nearest.sort(key=distance)
    others = sorted(past[1:] + future[1:], key=distance)
    return tuple((nearest + others)[:most])


class ReferenceFeed(Protocol):
    """Gives references as the stream goes on. Their times are exact: one that shows a frame has that frame's time."""

    def upto(self, frame: Frame) -> Iterable[Reference]:
        """New references with a time up to this frame's; called once per frame, in order."""

    def rest(self, end: Fraction) -> Iterable[Reference]:
        """New references before `end`, when the last frame's turn is over; called after the last frame."""

    def none_until(self, time: Fraction) -> bool:
        """Whether it is known that no further reference has a time up to this one."""


class TimedFeed:
    """References from a source that yields them in time order; pulls no further than needed."""

    def __init__(self, references: Iterable[Reference]):
        self._references = iter(references)
        self._next = next(self._references, None)

    def upto(self, frame: Frame) -> Iterator[Reference]:
        end = seconds_of(frame)
        return self._while(lambda time: time <= end)

    def rest(self, end: Fraction) -> Iterator[Reference]:
        return self._while(lambda time: time < end)

    def none_until(self, time: Fraction) -> bool:
        return self._next is None or self._next.time > time

    def _while(self, due: Callable[[Fraction], bool]) -> Iterator[Reference]:
        """One at a time: there may be many, of which few are used, and each may hold a decoded picture."""
        while self._next is not None and due(self._next.time):
            yield self._next
            self._next = next(self._references, None)


class AnchorFeed:
    """Anchor mode: every Nth frame and each scene start becomes a reference, super-resolved without one."""

    def __init__(self, every: int, restore_alone: Callable[[Frame], Frame]):
        self._every = every
        self._restore_alone = restore_alone
        self._since = 0

    def upto(self, frame: Frame) -> list[Reference]:
        self._since = 0 if frame.cut else self._since + 1
        if self._since % self._every:
            return []
        once = cache(partial(self._restore_alone, frame))  # it is both given out and encoded
        origin = f"anchor frame {frame.index}"
        key = ("anchor", frame.index)
        return [Reference(key, seconds_of(frame), origin, lambda: once().picture, generated=True)]

    def rest(self, end: Fraction) -> list[Reference]:
        return []

    def none_until(self, time: Fraction) -> bool:
        return False


def pair_with_references(frames: Iterable[Frame], feed: ReferenceFeed, policy: ReferencePolicy) -> Iterator[Paired]:
    """Each frame with its references, in order; holds as few frames as the choice allows, never across a cut."""
    return _Pairing(feed, policy).run(frames)


class _Shown(NamedTuple):
    """A frame and the scene (counted by cuts) it belongs to."""

    frame: Frame
    scene: int

    @property
    def time(self) -> Fraction:
        return seconds_of(self.frame)


class _Pairing:
    def __init__(self, feed: ReferenceFeed, policy: ReferencePolicy):
        self._feed, self._policy = feed, policy
        self._waiting: deque[_Shown] = deque()
        self._placed: list[Placed] = []
        self._newest: _Shown | None = None
        self._turn = Fraction(0)  # how long the frame before the newest was shown
        self._longest = Fraction(0)  # of all turns
        self._last: tuple[int, int] | None = None  # scene and frame index of the reference taken last

    def run(self, frames: Iterable[Frame]) -> Iterator[Paired]:
        for frame in frames:
            self._take(frame)
            while self._waiting and self._ready():
                yield self._emit()
        self._take_rest()
        while self._waiting:
            yield self._emit()

    def _take(self, frame: Frame) -> None:
        """A reference belongs to the frame on show at its time: the last one that is not after it."""
        before = self._newest
        newest = _Shown(frame, 0 if before is None else before.scene + frame.cut)
        references = self._feed.upto(frame)
        if before is None:
            references = deque(references, maxlen=1)  # of those from before the clip, the nearest
        else:
            self._turn = newest.time - before.time
            self._longest = max(self._longest, self._turn)
        for reference in references:
            self._place(reference, before if before is not None and reference.time < newest.time else newest)
        self._newest = newest
        self._waiting.append(newest)

    def _take_rest(self) -> None:
        if self._newest is not None:
            for reference in self._feed.rest(self._newest.time + self._turn):
                self._place(reference, self._newest)

    def _place(self, reference: Reference, owner: _Shown) -> None:
        """Keep to the cadence: the first reference of a scene, then one per `every` frames."""
        last, index = self._last, owner.frame.index
        if last is None or last[0] != owner.scene or index - last[1] >= self._policy.every:
            self._last = (owner.scene, index)
            self._placed.append(Placed(replace(reference, frame=owner.frame), owner.scene))

    def _ready(self) -> bool:
        """Whether later frames could still change the choice for the first one waiting."""
        first, newest = self._waiting[0], self._waiting[-1]
        ahead = any(placed.scene == first.scene and placed.reference.time > first.time for placed in self._placed)
        waited = len(self._waiting) > self._policy.lookahead
        return self._policy.causal or ahead or newest.scene > first.scene or waited or self._is_alone(first)

    def _is_alone(self, first: _Shown) -> bool:
        """Whether no further reference is within the look-ahead of a frame, counted in the longest turn so far."""
        reach = self._policy.lookahead * self._longest
        return reach > 0 and self._feed.none_until(first.time + reach)

    def _emit(self) -> Paired:
        shown = self._waiting.popleft()
        references = choose(shown.time, shown.scene, self._placed, self._policy.most, self._policy.causal)
        present = next((reference for reference in references if reference.time == shown.time), None)
        self._forget(shown)
        return Paired(shown.frame, references, present)

    def _forget(self, shown: _Shown) -> None:
        """Drop references that no later frame can choose: of past scenes, and past ones beyond the latest few."""
        same = [placed for placed in self._placed if placed.scene == shown.scene]
        past = [placed for placed in same if placed.reference.time <= shown.time]
        stale = {id(placed) for placed in past[: -self._policy.most]}
        stale |= {id(placed) for placed in self._placed if placed.scene < shown.scene}
        self._placed = [placed for placed in self._placed if id(placed) not in stale]
