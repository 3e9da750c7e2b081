"""Which reference pixel went where, as the page of a comparison has it."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import printable
from ..frames import Size
from ..media.jpeg import data_address
from ..stream.match_record import CoarseMatch, FrameMatches, MatchRecord, SmallReference


@dataclass(frozen=True)
class PageMatches:
    """The matches of a run for the script of a page. size: of the frames that it restored."""

    record: MatchRecord
    size: Size

    def references(self) -> list[dict[str, Any]]:
        """The references that matches name by their place in this list."""
        return [_shown(reference) for reference in self.record.references.values()]

    def of_frame(self, index: int) -> list[dict[str, Any]] | None:
        """The matches of a frame; None where they were not recorded."""
        frame = self.record.frames.get(index)
        return None if frame is None else list(self._rows(frame))

    def _rows(self, frame: FrameMatches) -> Iterable[dict[str, Any]]:
        places = {key: place for place, key in enumerate(self.record.references)}
        if not frame.matches:
            return ({"reference": places[key]} for key in frame.references)
        return ({"reference": places[key]} | _packed(match) for key, match in zip(frame.references, frame.matches))


def _packed(match: CoarseMatch) -> dict[str, Any]:
    rows, columns = match.relevance.shape
    return {
        "columns": columns,
        "rows": rows,
        "places": match.places.round(6).tolist(),
        "positions": b64encode(match.positions.astype("<u2").tobytes()).decode(),
        "relevance": b64encode(match.relevance.tobytes()).decode(),
    }


def _shown(reference: SmallReference) -> dict[str, Any]:
    return {
        "name": printable(Path(reference.origin).name),
        "time": reference.time,
        "size": list(reference.size),
        "picture": data_address(reference.picture),
    }
