"""The page of a comparison: one HTML file with pictures and curves inside, nothing to install or to load."""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import printable
from ..media.partial import unwritable, whole_file
from .plots import Plot

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>%(title)s</title>
<style>
body { margin: 0 auto; padding: 0 2vw 2em; max-width: 1000px; background: #181818; color: #ddd; font: 15px sans-serif }
h1 { font-size: 1.1em; overflow-wrap: anywhere }
h2 { font-size: 1em; margin: 1.5em 0 .3em }
#stage { position: relative; width: 100%%; line-height: 0; cursor: ew-resize; touch-action: pan-y; user-select: none;
  overflow: hidden }
#stage img { width: 100%%; pointer-events: none }
#left { position: absolute; inset: 0; overflow: hidden; border-right: 2px solid #fa0; width: 50%% }
#left img { position: absolute; left: 0; top: 0; max-width: none; height: 100%%; width: auto }
.controls { display: flex; gap: .7em; align-items: center; margin: .6em 0; flex-wrap: wrap }
.controls input { flex: 1 1 160px } button { font: inherit; padding: .4em 1.1em }
#label { min-width: 15em } figure { margin: .8em 0 } svg { width: 100%%; height: auto; background: #222 }
svg polyline { fill: none; stroke-width: 1.6 } svg text { fill: #aaa; font: 11px sans-serif }
.mark { stroke: #6d4c1d } .level { stroke: #383838 } .head { stroke: #fff }
.crops { display: flex; gap: 8px; flex-wrap: wrap } .crops div { text-align: center; font-size: 13px }
.crops img { width: min(30vw, 300px); image-rendering: pixelated; display: block }
table { border-collapse: collapse } td, th { padding: .15em .8em .15em 0; text-align: left; font-weight: normal }
</style>
<h1>%(title)s</h1>
<p>Left of the line: <b>%(first)s</b>. Right of it: <b>%(second)s</b>. Drag the line.</p>
<div id="stage"><img id="second" alt="%(second)s"><div id="left"><img id="first" alt="%(first)s"></div></div>
<div class="controls"><button id="play">Play</button>
<input id="frame" type="range" min="0" max="0" value="0" aria-label="frame"><span id="label"></span></div>
<div class="controls"><span>Line</span>
<input id="cut" type="range" min="0" max="100" value="50" aria-label="where the line is"></div>
%(plots)s%(crops)s%(tables)s
<script>
const data = %(data)s;
const at = id => document.getElementById(id), stage = at("stage");
let place = 0, timer = null;
function fit() { at("first").style.width = stage.clientWidth + "px"; }
function show(to) {
  place = Math.min(data.frames.length - 1, Math.max(0, to));
  const frame = data.frames[place];
  at("first").src = frame.first; at("second").src = frame.second;
  at("frame").value = place; at("label").textContent = frame.label;
  for (const head of document.querySelectorAll(".head")) {
    const svg = head.closest("svg"), first = +svg.dataset.first, last = +svg.dataset.last;
    const x = first + (last - first) * (data.count > 1 ? frame.place / (data.count - 1) : 0);
    head.setAttribute("x1", x); head.setAttribute("x2", x);
  }
  fit();
}
function cut(percent) { at("left").style.width = percent + "%%"; at("cut").value = percent; }
function play(on) {
  clearInterval(timer);
  timer = on ? setInterval(() => show((place + 1) %% data.frames.length), 1000 / data.rate) : null;
  at("play").textContent = on ? "Stop" : "Play";
}
function drag(event) {
  const box = stage.getBoundingClientRect();
  cut(Math.min(100, Math.max(0, Math.round(100 * (event.clientX - box.left) / box.width))));
}
stage.addEventListener("pointerdown", event => { stage.setPointerCapture(event.pointerId); drag(event); });
stage.addEventListener("pointermove", event => { if (event.buttons) drag(event); });
at("cut").addEventListener("input", event => cut(event.target.value));
at("frame").addEventListener("input", event => { play(false); show(+event.target.value); });
at("play").addEventListener("click", () => play(timer === null));
window.addEventListener("keydown", event => {
  if (event.target.tagName === "INPUT" || event.target.tagName === "BUTTON") return;
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    event.preventDefault(); play(false); show(place + (event.key === "ArrowRight" ? 1 : -1));
  }
  if (event.key === " ") { event.preventDefault(); play(timer === null); }
});
window.addEventListener("resize", fit);
at("frame").max = data.frames.length - 1;
window.addEventListener("load", () => { cut(50); show(0); });
</script></html>
"""


@dataclass(frozen=True)
class ShownFrame:
    """A frame that the page can show. place: among all frames of the clip. first, second: data addresses."""

    place: int
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
    tables: rows of cells by title.
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

    def text(self) -> str:
        """The page as HTML."""
        shown = [{"place": f.place, "label": f.label, "first": f.first, "second": f.second} for f in self.frames]
        data: dict[str, Any] = {"frames": shown, "count": self.count, "rate": self.rate}
        return _PAGE % {
            "title": _safe(self.title),
            "first": _safe(self.first),
            "second": _safe(self.second),
            "plots": "".join(plot.svg() for plot in self.plots if not plot.is_empty),
            "crops": _crops(self.crops),
            "tables": "".join(_table(title, rows) for title, rows in self.tables.items() if rows),
            "data": json.dumps(data).replace("<", "\\u003c"),
        }

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
    return f"<h2>{_safe(title)}</h2><table>{lines}</table>"
