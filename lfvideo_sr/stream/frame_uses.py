"""Which references each frame was made from."""

from collections.abc import Sequence
from typing import Any

from ..frames import TimeStamp
from .pipeline import Restored

MOST = 20_000  # frames


class FrameUses:
    """Takes restored frames in order; holds about 300 bytes of each of the first MOST, none of their pixels.

    A reference is named by its place in the report's list of references.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[int, float, bool, tuple[tuple[tuple, float | None], ...]]] = []

    def add(self, restored: Restored) -> None:
        """Take note of a frame: its index and time, whether it is a true reference's own pixels, and what it used."""
        stamp = restored.frame.stamp
        if len(self._rows) == MOST or not isinstance(stamp, TimeStamp):
            return
        relevances: Sequence[float | None] = restored.relevances or [None] * len(restored.references)
        uses = tuple(zip((reference.key for reference in restored.references), relevances))
        passed = restored.passed and restored.own  # an anchor's picture is no reference's
        self._rows.append((restored.frame.index, round(float(stamp.seconds), 6), passed, uses))

    def reported(self, keys: Sequence[tuple]) -> list[dict[str, Any]]:
        """For the report. keys: of the references, in the report's order."""
        places = {key: place for place, key in enumerate(keys)}
        return [
            {
                "index": index,
                "time": time,
                "passed": passed,
                "references": [places[key] for key, _ in uses if key in places],
                "relevance": [None if relevance is None else round(relevance, 4) for _, relevance in uses],
            }
            for index, time, passed, uses in self._rows
        ]
