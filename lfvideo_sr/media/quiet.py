"""Keeps what C libraries print about damaged files off the terminal: what is wrong is in one line of our own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_STDERR = 2
_lock = Lock()
_is_ours = False
_inside = 0
_kept: int | None = None  # what file descriptor 2 was, while something is inside


@contextmanager
def command_line() -> Iterator[None]:
    """Inside, the process is the command line's own, and libraries may be kept quiet. Threads of a program that imports
    the package write to file descriptor 2 themselves: there nothing is touched."""
    global _is_ours
    before, _is_ours = _is_ours, True
    try:
        yield
    finally:
        _is_ours = before


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Inside, on the command line, nothing that any thread writes to file descriptor 2 is shown; with `--debug`
    everything is.

    libpng, libjpeg and libtiff print there, past Python, and have no other way that OpenCV would pass on.
    """
    if not _is_ours or os.environ.get("LFVIDEO_DEBUG"):
        yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _kept
    with _lock:
        if _inside == 0:
            _kept = _redirected()
        _inside += 1


def _redirected() -> int | None:
    """What file descriptor 2 was, which leads nowhere now; None where that cannot be done."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except OSError:  # no descriptor is free
        return None
    try:
        kept = os.dup(_STDERR)
        os.dup2(nowhere, _STDERR)
        return kept
    except OSError:  # it is closed
        return None
    finally:
        os.close(nowhere)


def _leave() -> None:
    global _inside, _kept
    with _lock:
        _inside -= 1
        if _inside == 0 and _kept is not None:
            os.dup2(_kept, _STDERR)
            os.close(_kept)
            _kept = None
