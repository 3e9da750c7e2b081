"""How progress is shown: to people at a terminal, in log files, and to programs."""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from ..checks import check_choice
from ..errors import printable
from ..media.warnings import uncounted

KINDS = ("auto", "plain", "json", "none")

T = TypeVar("T")


class Progress(Protocol):
    """Prints lines, and shows how far an iteration is."""

    def say(self, line: str) -> None: ...

    def over(self, items: Iterable[T], total: int | None) -> Iterator[T]: ...


class SilentProgress:
    """Prints nothing."""

    def say(self, line: str) -> None:
        pass

    def over(self, items: Iterable[T], total: int | None) -> Iterator[T]:
        yield from items


class PlainProgress:
    """A line every ten seconds."""

    every = 10.0

    def say(self, line: str) -> None:
        _print(line)

    def over(self, items: Iterable[T], total: int | None) -> Iterator[T]:
        started = printed = time.monotonic()
        for done, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if now - printed >= self.every:
                printed = now
                self.say(_line(done, total, now - started))


class JsonProgress:
    """A JSON object per line: messages, and the state about once a second."""

    def say(self, line: str) -> None:
        _print(json.dumps({"message": line}))

    def over(self, items: Iterable[T], total: int | None) -> Iterator[T]:
        started = printed = time.monotonic()
        for done, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if now - printed >= 1 or done == total:
                printed = now
                _print(json.dumps({"frame": done, "frames": total, "seconds": round(now - started, 2)}))


class BarProgress:
    """A bar with the time left, by rich."""

    def say(self, line: str) -> None:
        _print(line)

    def over(self, items: Iterable[T], total: int | None) -> Iterator[T]:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
        started = time.monotonic()
        with Progress(*columns, transient=True) as bar:
            task = bar.add_task("", total=total, rate="")
            for done, item in enumerate(items, 1):
                yield item
                bar.update(task, completed=done, rate=f"{done / (time.monotonic() - started):.2f} fps")


class WarningPrinter:
    """Prints each warning once, as soon as it is there: before the first frame, or when it comes."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self._lines: set[str] = set()  # as they were printed
        self._first: set[str] = set()  # the same without counts, which rise

    def show(self, warnings: Iterable[str]) -> None:
        """Print what is new."""
        for text in warnings:
            first = uncounted(text)
            if first not in self._first:
                self._first.add(first)
                self._lines.add(text)
                self._progress.say(f"warning     {text}")

    def unprinted(self, warnings: Iterable[str]) -> list[str]:
        """Those that were not printed as they are now."""
        return [text for text in warnings if text not in self._lines]


def make_progress(kind: str) -> Progress:
    """ "auto" is a bar at a terminal and plain lines elsewhere."""
    check_choice("--progress", kind, KINDS)
    if kind == "auto":
        kind = "bar" if sys.stdout.isatty() else "plain"
    kinds: dict[str, type[Progress]] = {
        "bar": BarProgress,
        "plain": PlainProgress,
        "json": JsonProgress,
        "none": SilentProgress,
    }
    return kinds[kind]()


def _print(line: str) -> None:
    """Print a line. A reader that has gone, or a full disk behind a redirect, must not end the work: from then on
    nothing is printed."""
    try:
        print(printable(line), flush=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _line(done: int, total: int | None, seconds: float) -> str:
    rate = done / seconds
    if not total or total < done:
        return f"frame {done}, {rate:.2f} fps"
    return f"frame {done} of {total}, {rate:.2f} fps, about {(total - done) / rate:.0f} s left"
