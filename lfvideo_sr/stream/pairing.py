"""Which references serve a frame: a pure choice, and the generator that looks just far enough ahead to make it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from typing import NamedTuple, Protocol

import numpy as np

from ..frames import Frame, TimeStamp
from ..references import Reference


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

    every:     at most one reference per so many frames, besides the first of each scene.
    most:      references per frame.
    causal:    past references only.
    lookahead: a frame waits for a future reference while at most so many later frames are held.
    """

    every: int = 8
    most: int = 2
    causal: bool = False
    lookahead: int = 64


def choose(
    time: Fraction, scene: int, references: Iterable[Placed], most: int = 2, causal: bool = False
) -> tuple[Reference, ...]:
    """The nearest past and the nearest future reference of the same scene, then the next nearest, at most `most`."""
    same = [one.reference for one in references if one.scene == scene]
    past = sorted((one for one in same if one.time <= time), key=lambda one: time - one.time)
    future = [] if causal else sorted((one for one in same if one.time > time), key=lambda one: one.time - time)
    nearest = past[:1] + future[:1]
    others = sorted(past[1:] + future[1:], key=lambda one: abs(one.time - time))
    return tuple((nearest + others)[:most])


class ReferenceFeed(Protocol):
    """Gives references as the stream goes on."""

    def upto(self, frame: Frame, tolerance: Fraction) -> list[Reference]:
        """New references with a time up to this frame's (plus tolerance); called once per frame, in order."""


class TimedFeed:
    """References from a source that yields them in time order; pulls no further than needed."""

    def __init__(self, references: Iterable[Reference]):
        self._references = iter(references)
        self._next = next(self._references, None)

    def upto(self, frame: Frame, tolerance: Fraction) -> list[Reference]:
        found = []
        while self._next is not None and self._next.time <= frame.stamp.seconds + tolerance:
            found.append(self._next)
            self._next = next(self._references, None)
        return found


class AnchorFeed:
    """Anchor mode: every Nth frame and each scene start becomes a reference, super-resolved without one."""

    def __init__(self, every: int, restore_alone: Callable[[Frame], np.ndarray]):
        self._every = every
        self._restore_alone = restore_alone
        self._since = 0

    def upto(self, frame: Frame, tolerance: Fraction) -> list[Reference]:
        self._since = 0 if frame.cut else self._since + 1
        if self._since % self._every:
            return []
        once = cache(partial(self._restore_alone, frame))  # it is both given out and encoded
        origin = f"anchor frame {frame.index}"
        return [Reference(("anchor", frame.index), frame.stamp.seconds, origin, once, generated=True)]


def pair_with_references(frames: Iterable[Frame], feed: ReferenceFeed, policy: ReferencePolicy) -> Iterator[Paired]:
    """Each frame with its references, in order; holds as few frames as the choice allows, never across a cut."""
    return _Pairing(feed, policy).run(frames)


class _Pairing:
    def __init__(self, feed: ReferenceFeed, policy: ReferencePolicy):
        self._feed, self._policy = feed, policy
        self._waiting: deque[tuple[Frame, int]] = deque()
        self._placed: list[Placed] = []
        self._scene = -1
        self._last: tuple[int, int] | None = None  # scene and frame index of the reference taken last
        self._gap = Fraction(1, 50)

    def run(self, frames: Iterable[Frame]) -> Iterator[Paired]:
        for frame in frames:
            self._take(frame)
            while self._waiting and self._ready():
                yield self._emit()
        while self._waiting:
            yield self._emit()

    def _take(self, frame: Frame) -> None:
        before = self._waiting[-1] if self._waiting else None
        self._scene += 1 if frame.cut or before is None and self._scene < 0 else 0
        if before is not None:
            self._gap = (frame.stamp.seconds - before[0].stamp.seconds) / 2
        for reference in self._feed.upto(frame, self._gap / 2):
            earlier = before is not None and reference.time < frame.stamp.seconds - self._gap / 2
            owner, scene = before if earlier else (frame, self._scene)
            if self._wanted(owner, scene):
                self._last = (scene, owner.index)
                self._placed.append(Placed(reference, scene))
        self._waiting.append((frame, self._scene))

    def _wanted(self, owner: Frame, scene: int) -> bool:
        """The cadence: the first reference of a scene, then one per `every` frames."""
        return self._last is None or self._last[0] != scene or owner.index - self._last[1] >= self._policy.every

    def _ready(self) -> bool:
        """Whether later frames could still change the choice for the first one waiting."""
        frame, scene = self._waiting[0]
        ahead = any(one.scene == scene and one.reference.time > frame.stamp.seconds for one in self._placed)
        return self._policy.causal or ahead or self._scene > scene or len(self._waiting) > self._policy.lookahead

    def _emit(self) -> Paired:
        frame, scene = self._waiting.popleft()
        assert isinstance(frame.stamp, TimeStamp)
        time = frame.stamp.seconds
        references = choose(time, scene, self._placed, self._policy.most, self._policy.causal)
        own = next((one for one in references if abs(one.time - time) <= self._gap / 2), None)
        self._forget(time, scene)
        return Paired(frame, references, own)

    def _forget(self, time: Fraction, scene: int) -> None:
        """Drop references that no later frame can choose: of past scenes, and past ones beyond the two latest."""
        past = [one for one in self._placed if one.scene == scene and one.reference.time <= time]
        stale = {id(one) for one in past[:-2]} | {id(one) for one in self._placed if one.scene < scene}
        self._placed = [one for one in self._placed if id(one) not in stale]
