"""`lfvideo-sr lightfield info`: what a light field is, and whether its grid lies the right way round."""

import json
from pathlib import Path
from typing import Any

from ..errors import printable
from ..lightfields.field import FieldInfo
from ..lightfields.opening import OpenOptions, open_light_field
from ..lightfields.selfcheck import Verdict, check_grid


def show_light_field(named: Path | str, options: OpenOptions, as_json: bool) -> None:
    """Print layout, grid, size, samples, disparity and the verdict on the grid's sense."""
    field = open_light_field(named, options)
    try:
        verdict = check_grid(field)
    finally:
        field.close()
    shown = "\n".join(map(printable, _lines(field.info, verdict)))
    print(json.dumps(_values(field.info, verdict), indent=1) if as_json else shown)


def _values(info: FieldInfo, verdict: Verdict) -> dict[str, Any]:
    return {
        "name": info.name,
        "layout": info.layout,
        "decided": info.decided,
        "rows": list(info.grid.rows),
        "columns": list(info.grid.columns),
        "size": str(info.size),
        "samples": info.samples,
        "frames": info.frames,
        "white": info.white,
        "tiles": None if info.tiles is None else list(info.tiles),
        "warnings": list(info.warnings),
        "disparity": None if verdict.disparity is None else list(verdict.disparity),
        "problem": verdict.problem or None,
        "mirror": list(verdict.mirror),
        "transpose": verdict.transpose,
        "sure": verdict.sure,
        "note": verdict.note or None,
    }


def _lines(info: FieldInfo, verdict: Verdict) -> list[str]:
    lines = [
        f"layout      {info.layout} ({info.decided})",
        f"grid        {info.grid}{_sweep(info)}",
        f"views       {info.size}, {info.samples}{f', {info.frames} frames' if info.frames > 1 else ''}",
    ]
    if verdict.disparity is not None:
        low, high = verdict.disparity
        lines.append(f"disparity   {low:+.2f} to {high:+.2f} pixels per view, near positive")
    lines.append(f"grid check  {_verdict(verdict)}")
    return lines + [f"warning     {text}" for text in info.warnings]


def _sweep(info: FieldInfo) -> str:
    return f"; one sweep, in {info.tiles[0]}x{info.tiles[1]} tiles from the bottom left" if info.tiles else ""


def _verdict(verdict: Verdict) -> str:
    note = f" ({verdict.note})" if verdict.note else ""
    if verdict.problem:
        options = [f"--mirror {axis}" for axis in verdict.mirror] + (["--transpose"] if verdict.transpose else [])
        return f"{verdict.problem}; pass {' '.join(options)}{note}"
    return "the right way round" if verdict.sure else f"nothing speaks against it{note}"
