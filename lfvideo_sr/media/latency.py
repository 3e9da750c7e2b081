"""How long frames of a live stream take, from their arrival to their encoded pictures."""

import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
from av.packet import Packet

Arrival = Callable[[int], float | None]  # when the frame of a time in ticks came, in time.monotonic()'s seconds

_SHOWN = (50, 95, 99)  # percentiles


class Latencies:
    """Collects the latency of each frame; four bytes a frame are held.

    arrival: None where nothing arrives. time_base: of the ticks that it is asked by.
    """

    def __init__(self, arrival: Arrival | None, time_base: Fraction):
        self._arrival, self._time_base = arrival, time_base
        self._seconds = array("f")

    @contextmanager
    def noting(self, packets: list[Packet]) -> Iterator[None]:
        """The frames of these packets are done when this is left; a muxer may change the packets inside."""
        moments = [] if self._arrival is None else [self._arrival(self._ticks(packet)) for packet in packets]
        yield
        now = time.monotonic()
        self._seconds.extend(now - moment for moment in moments if moment is not None)

    @property
    def count(self) -> int:
        """How many frames are done."""
        return len(self._seconds)

    def _ticks(self, packet: Packet) -> int:
        return round((packet.pts or 0) * packet.time_base / self._time_base)

    def summary(self) -> dict[str, float] | None:
        """{"p50_ms": ...} and so on, and the longest; None where there are no frames."""
        if not self._seconds:
            return None
        milliseconds = 1e3 * np.asarray(self._seconds)
        shown = {f"p{share}_ms": round(float(np.percentile(milliseconds, share)), 1) for share in _SHOWN}
        return shown | {"max_ms": round(float(milliseconds.max()), 1)}
