"""Keeps what C libraries print about damaged files off the terminal: what is wrong is in one line of our own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_STDERR = 2
_lock = Lock()
_inside = 0
_kept: int | None = None  # what file descriptor 2 was, while something is inside


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Inside, nothing that any thread writes to file descriptor 2 is shown; with `--debug` everything is.

    libpng, libjpeg and libtiff print there, past Python, and have no other way that OpenCV would pass on.
    """
    if os.environ.get("LFVIDEO_DEBUG"):
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
        _inside += 1
        if _inside == 1:
            try:
                _kept = os.dup(_STDERR)
            except OSError:  # it is closed
                return
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, _STDERR)
            os.close(nowhere)


def _leave() -> None:
    global _inside, _kept
    with _lock:
        _inside -= 1
        if _inside == 0 and _kept is not None:
            os.dup2(_kept, _STDERR)
            os.close(_kept)
            _kept = None
