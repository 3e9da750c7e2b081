"""Pictures from the thread that reads a live stream to the one that restores them, newest kept."""

import threading
import time
from collections import deque
from math import inf
from typing import NamedTuple

from av.video.frame import VideoFrame

_LATE = 0.5  # seconds that a picture waits at most while a newer one is there
_WAITING = 8  # pictures that wait at most
_LOOK = 0.5  # seconds between two looks of a reader, which an interrupt may have to wait for


class Arrival(NamedTuple):
    """A picture and when its packet was read, in time.monotonic()'s seconds."""

    picture: VideoFrame
    moment: float


class Handover:
    """A queue whose reader gets pictures in order and leaves out those that are too late: one that has waited for
    half a second while a newer one is there, and the oldest of more than eight. Without `drop` the writer waits.

    dropped: how many pictures were left out.
    """

    def __init__(self, drop: bool = True):
        self._drop = drop
        self._waiting: deque[Arrival] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self.dropped = 0

    def put(self, arrival: Arrival) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._drop or self._ended or len(self._waiting) < _WAITING)
            self._waiting.append(arrival)
            while self._drop and len(self._waiting) > _WAITING:
                self._leave_out()
            self._changed.notify_all()

    def take(self, patience: float = inf) -> Arrival | None:
        """The next picture; None after the last one, or where none comes within `patience` seconds."""
        deadline = time.monotonic() + patience
        with self._changed:
            while not self._changed.wait_for(lambda: self._waiting or self._ended, min(_LOOK, patience)):
                if time.monotonic() >= deadline:
                    return None
            while self._drop and len(self._waiting) > 1 and time.monotonic() - self._waiting[0].moment > _LATE:
                self._leave_out()
            self._changed.notify_all()
            return self._waiting.popleft() if self._waiting else None

    def _leave_out(self) -> None:
        self._waiting.popleft()
        self.dropped += 1

    @property
    def ended(self) -> bool:
        return self._ended

    def ends_within(self, seconds: float) -> bool:
        """Wait so long for the end; whether it came."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended, seconds)

    def end(self) -> None:
        """No more pictures come; those that wait are still given. May be called from a signal handler."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
