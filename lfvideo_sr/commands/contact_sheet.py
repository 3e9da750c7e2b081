"""A picture that shows a run at a glance: some frames, on the left as they came in, on the right as they came out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..frames import Size, size_of
from ..media.images import write_png
from ..media.resize import resized, to_float

_CELL = 480  # pixels of a frame's width
_CAPTION = 28  # pixels of the line below it
_COLUMNS = 3
_SHARP, _PLAIN = (255, 170, 0), (204, 204, 204)  # colours of captions, RGB: of a reference's moment, and of others


def write_sheet(path: Path, rows: Sequence[tuple[np.ndarray, np.ndarray, str, bool]]) -> None:
    """Write frames as a PNG. Of each: what came in and what came out, float [3,h,w] and [3,H,W] in [0,1], a caption,
    and whether a reference shows this very moment."""
    cells = [_cell(*row) for row in rows]
    columns = min(_COLUMNS, len(cells))
    blank = np.zeros_like(cells[0])
    cells += [blank] * (-len(cells) % columns)
    lines = [np.concatenate(cells[first : first + columns], axis=2) for first in range(0, len(cells), columns)]
    write_png(path, np.concatenate(lines, axis=1))


def chosen(count: int, most: int, marked: Mapping[int, bool]) -> list[int]:
    """Indices of at most `most` frames of `count`, evenly spread; a marked one beside an even place is preferred."""
    even = np.linspace(0, count - 1, min(count, most)).round().astype(int)
    near = [next((index + step for step in (0, 1, -1) if marked.get(index + step)), index) for index in even.tolist()]
    return sorted({index for index in near if 0 <= index < count})


def _cell(before: np.ndarray, after: np.ndarray, caption: str, sharp: bool) -> np.ndarray:
    """float32 [3,h,w]: the left half enlarged from the input, the right half the result, and the caption below."""
    size = size_of(after)
    shown = Size(_CELL, max(1, round(size.height * _CELL / size.width)))
    left, right = (np.clip(resized(pixels, shown), 0, 1) for pixels in (before, after))
    half = _CELL // 2
    picture = np.concatenate([left[..., :half], right[..., half:]], axis=2).astype(np.float32)
    picture[:, :, half] = 1
    return np.concatenate([picture, _written(caption, _SHARP if sharp else _PLAIN)], axis=1)


def _written(text: str, colour: tuple[int, int, int]) -> np.ndarray:
    """float32 [3,_CAPTION,_CELL]"""
    line = np.zeros((_CAPTION, _CELL, 3), np.uint8)
    cv2.putText(line, text, (8, _CAPTION - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return to_float(np.ascontiguousarray(line.transpose(2, 0, 1)))
