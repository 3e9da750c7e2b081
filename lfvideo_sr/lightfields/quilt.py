"""Quilts, as Looking Glass displays take them: views of one sweep from left to right, as tiles from the bottom left."""

import re
from dataclasses import dataclass

from ..errors import InputError
from ..frames import View
from .arrangement import Extent, Index
from .field import FieldInfo
from .grid import name_of

_NAME = re.compile(r"_qs(\d+)x(\d+)", re.IGNORECASE)
Tiles = tuple[int, int]  # rows and columns


def tiles_in_name(name: str) -> Tiles | None:
    """ "scene_qs8x6a0.75.png" -> 6 rows of 8 tiles; None where a name says nothing of the kind."""
    match = _NAME.search(name)
    return (int(match[2]), int(match[1])) if match and "0" not in match.groups() else None


def tile_of(number: int, tiles: Tiles) -> tuple[int, int]:
    """Row and column, from the top left, of the tile of a view of the sweep."""
    rows, columns = tiles
    return rows - 1 - number // columns, number % columns


def tiles_for(count: int, tiles: Tiles) -> Tiles:
    """Of a quilt of so many views that is made of one with these tiles: the same, or for a part of it a single row."""
    return tiles if count == tiles[0] * tiles[1] else (1, count)


def view_named(info: FieldInfo, view: View) -> View:
    """The view that is meant: where views of a quilt are named by row and column of a tile, its place in the sweep."""
    if info.tiles is None or not info.named_by_tile:
        return view
    rows, columns = info.tiles
    if not (0 <= view.row < rows and 0 <= view.column < columns):
        raise InputError(f"--ref-view {name_of(view)} is no tile of {info.name}, which has {rows}x{columns}")
    return View(0, (rows - 1 - view.row) * columns + view.column)


@dataclass(frozen=True)
class Quilt:
    """Where the views of a quilt are in its picture, or of one made of it; an `Arrangement`. There is one row of views.

    tiles: of the quilt that was read; a part of its views is a single row, see `tiles_for`.
    """

    tiles: Tiles
    kept: tuple[str, ...] = ("y", "x", "channel")

    def index(self, extent: Extent, row: int, column: int, item: int) -> Index:
        down, across = tile_of(column, tiles_for(extent.column, self.tiles))
        rows = slice(down * extent.y, (down + 1) * extent.y)
        return (rows, slice(across * extent.x, (across + 1) * extent.x), slice(None))

    def shape(self, extent: Extent) -> tuple[int, ...]:
        rows, columns = tiles_for(extent.column, self.tiles)
        return (rows * extent.y, columns * extent.x, extent.channel)

    def chunks(self, extent: Extent) -> tuple[int, ...]:
        return self.shape(extent)
