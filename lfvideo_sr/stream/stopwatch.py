"""How long each stage takes per frame."""

import time
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Stopwatch:
    """Collects milliseconds by stage name; safe to use from several threads, each with its own stages.

    clock: seconds, of the thread that asks where it counts processor time.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._taken: dict[str, array[float]] = defaultdict(lambda: array("f"))  # four bytes a frame

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What runs within counts for this stage; not where it raises."""
        start = self._clock()
        yield
        self._taken[name].append(1e3 * (self._clock() - start))

    def each(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """The same items; making each of them counts for stage `name`."""
        iterator = iter(items)
        while True:
            start = self._clock()
            try:
                item = next(iterator)
            except StopIteration:
                return
            self._taken[name].append(1e3 * (self._clock() - start))
            yield item

    def total(self, name: str) -> float:
        """Milliseconds of a stage, summed."""
        return sum(self._taken[name]) if name in self._taken else 0.0

    def count(self, name: str) -> int:
        """How often a stage was run."""
        return len(self._taken[name]) if name in self._taken else 0

    def summary(self) -> dict[str, dict[str, float]]:
        """{stage: {median_ms, p95_ms}}"""
        return {
            name: {"median_ms": round(float(np.median(taken)), 2), "p95_ms": round(float(np.percentile(taken, 95)), 2)}
            for name, taken in self._taken.items()
        }
