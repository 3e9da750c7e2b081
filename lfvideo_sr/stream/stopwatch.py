"""How long each stage takes per frame."""

import time
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Stopwatch:
    """Collects wall-clock milliseconds by stage name; safe to use from several threads, each with its own stages."""

    def __init__(self) -> None:
        self._taken: dict[str, array[float]] = defaultdict(lambda: array("f"))  # four bytes a frame

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What runs within counts for this stage; not where it raises."""
        start = time.perf_counter()
        yield
        self._taken[name].append(1e3 * (time.perf_counter() - start))

    def each(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """The same items; making each of them counts for stage `name`."""
        iterator = iter(items)
        while True:
            start = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            self._taken[name].append(1e3 * (time.perf_counter() - start))
            yield item

    def total(self, name: str) -> float:
        """Milliseconds of a stage, summed."""
        return sum(self._taken[name]) if name in self._taken else 0.0

    def summary(self) -> dict[str, dict[str, float]]:
        """{stage: {median_ms, p95_ms}}"""
        return {
            name: {"median_ms": round(float(np.median(taken)), 2), "p95_ms": round(float(np.percentile(taken, 95)), 2)}
            for name, taken in self._taken.items()
        }
