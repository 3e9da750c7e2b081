"""A page that shows a light field: one HTML file with all pictures inside, nothing to install or to load."""

import html
import json
from pathlib import Path

from ..errors import printable
from ..frames import View
from ..media.jpeg import data_address, jpeg, no_wider
from ..media.partial import claim_partial, put_in_place
from .field import LightField
from .grid import Grid
from .partial import writing

WIDEST = 960  # pixels of a view on the page
_QUALITY = 90
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>%(title)s</title>
<style>
body { margin: 0; background: #181818; color: #ddd; font: 15px sans-serif; text-align: center }
#stage { position: relative; display: inline-block; margin-top: 1em; line-height: 0; cursor: crosshair;
  touch-action: none; width: min(96vw, %(width)dpx) }
#stage.held { outline: 2px solid #fa0; cursor: pointer }
#stage img { width: 100%% }
#before { position: absolute; inset: 0; overflow: hidden; border-right: 2px solid #fa0; width: 0 }
#before img { position: absolute; left: 0; top: 0; max-width: none; height: 100%%; width: auto }
h1 { font-size: 1.1em; overflow-wrap: anywhere } p { margin: .6em 2vw }
input { width: min(60vw, 400px); min-height: 28px; vertical-align: middle }
</style>
<h1>%(title)s</h1>
<p>View <b id="name"></b>. Move the pointer or a finger over the picture to change the view; click to hold one, or use
the arrow keys. Before/after: slide the input over it
<input id="cut" type="range" min="0" max="100" value="0" aria-label="how much of the picture shows the input"></p>
<div id="stage"><img id="after" alt="output view"><div id="before"><img id="low" alt="input view"></div></div>
<script>
const data = %(data)s;
const at = id => document.getElementById(id), stage = at("stage");
let [row, column] = data.centre, held = false;
function fit() { at("low").style.width = stage.clientWidth + "px"; }
function show(toRow, toColumn) {
  const view = (data.views[toRow] || [])[toColumn];
  if (!view) return;
  [row, column] = [toRow, toColumn];
  at("after").src = view.after; at("low").src = view.before; at("name").textContent = view.name;
  fit();
}
function hold(on) { held = on; stage.classList.toggle("held", held); }
function point(event) {
  const box = stage.getBoundingClientRect();
  const part = (value, count) => Math.min(count - 1, Math.max(0, Math.floor(value * count)));
  show(part((event.clientY - box.top) / box.height, data.views.length),
       part((event.clientX - box.left) / box.width, data.views[0].length));
}
stage.addEventListener("pointerdown", event => { if (event.pointerType === "touch") point(event); });
stage.addEventListener("pointermove", event => { if (!held || event.pointerType === "touch") point(event); });
stage.addEventListener("click", event => {
  if (event.pointerType !== "touch") { hold(!held); point(event); }
});
window.addEventListener("keydown", event => {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  if (event.key === "Escape") hold(false);
  if (!(event.key in steps) || event.target === at("cut")) return;
  event.preventDefault();
  hold(true);
  show(row + steps[event.key][0], column + steps[event.key][1]);
});
at("cut").addEventListener("input", event => at("before").style.width = event.target.value + "%%");
window.addEventListener("resize", fit);
window.addEventListener("load", () => show(row, column));
</script></html>
"""


def write_viewer(path: Path, after: LightField, before: LightField, title: str, views: Grid | None = None) -> None:
    """Every view of `after`, and the same of `before` as it came in, as JPEG inside one HTML file.

    views: what the views of `after` are called in `before`, in the order of its own grid; default by the same names.
    Views wider than WIDEST are reduced by area; the page's size is about a tenth of a byte per pixel and view.
    """
    names = views or after.info.grid
    width = no_wider(after.info.size, WIDEST).width
    shown = {
        view: {
            "name": f"{view.row},{view.column}",
            "after": data_address(jpeg(after.read(written), _QUALITY, WIDEST)),
            "before": data_address(jpeg(before.read(view), _QUALITY, WIDEST)),
        }
        for view, written in zip(names, after.info.grid, strict=True)
    }
    rows = [[shown.get(View(row, column)) for column in names.columns] for row in names.rows]
    data = json.dumps({"views": rows, "centre": names.place(names.centre)})
    safe = html.escape(printable(title))
    with writing(path):
        partial = claim_partial(path)
    with writing(path, partial):
        partial.write_text(
            _PAGE % {"title": safe, "width": width, "data": data}, encoding="utf-8", errors="backslashreplace"
        )
        put_in_place(partial, path)
