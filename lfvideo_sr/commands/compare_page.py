"""The page of a comparison: one HTML file with pictures and curves inside, nothing to install or to load."""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from ..errors import printable
from ..media.partial import unwritable, whole_file
from .compare_matches import PageMatches
from .plots import Plot

_PAGE, _SCRIPT = Path(__file__).with_name("compare_page.html"), Path(__file__).with_name("compare_page.js")


@dataclass(frozen=True)
class ShownFrame:
    """A frame that the page can show. place: among all frames that both videos have. index: in the second video.
    first, second: data addresses."""

    place: int
    index: int
    label: str
    first: str
    second: str


@dataclass(frozen=True)
class Crop:
    """A small part of a frame, in full size: a data address for each name."""

    label: str
    pictures: Mapping[str, str]


@dataclass(frozen=True)
class Page:
    """What a page shows.

    count: frames of the clip, of which `frames` are shown. rate: frames a second in which these are played.
    tables: rows of cells by title. matches: of the run that made the second video.
    """

    title: str
    first: str
    second: str
    frames: Sequence[ShownFrame]
    count: int
    rate: float
    plots: Sequence[Plot] = ()
    crops: Sequence[Crop] = ()
    tables: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    matches: PageMatches | None = None

    def text(self) -> str:
        """The page as HTML."""
        template = Template(_PAGE.read_text(encoding="utf-8"))
        return template.substitute(
            title=_safe(self.title),
            first=_safe(self.first),
            second=_safe(self.second),
            plots="".join(plot.svg() for plot in self.plots if not plot.is_empty),
            crops=_crops(self.crops),
            tables="".join(_table(title, rows) for title, rows in self.tables.items() if rows),
            data=json.dumps(self._data()).replace("<", "\\u003c"),
            script=_SCRIPT.read_text(encoding="utf-8"),
        )

    def _data(self) -> dict[str, Any]:
        """What the script of the page works with."""
        matches = self.matches
        shown = [
            {"place": f.place, "label": f.label, "first": f.first, "second": f.second}
            | ({} if matches is None else {"matches": matches.of_frame(f.index)})
            for f in self.frames
        ]
        known = {"references": []} if matches is None else {"references": matches.references(), "size": matches.size}
        return {"frames": shown, "count": self.count, "rate": self.rate} | known

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all; raises OutputError."""
        try:
            with whole_file(path) as partial:
                partial.write_text(self.text(), encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise unwritable(path, error) from error


def _safe(text: str) -> str:
    return html.escape(printable(text))


def _crops(crops: Sequence[Crop]) -> str:
    if not crops:
        return ""
    parts = []
    for crop in crops:
        cells = "".join(
            f'<div><img src="{picture}" alt="{_safe(name)}">{_safe(name)}</div>'
            for name, picture in crop.pictures.items()
        )
        parts.append(f'<p>{_safe(crop.label)}</p><div class="crops">{cells}</div>')
    return "<h2>Where they differ most</h2>" + "".join(parts)


def _table(title: str, rows: Sequence[Sequence[str]]) -> str:
    lines = "".join(f"<tr>{''.join(f'<td>{_safe(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<h2>{_safe(title)}</h2><div class="scroll"><table>{lines}</table></div>'
