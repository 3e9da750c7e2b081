"""A caller's light field in memory, and references that a caller gives by view."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OutputError, ShapeError
from ..frames import Frame, Size, View, size_of
from ..lightfields.field import FieldInfo, LightField
from ..lightfields.grid import Grid, name_of
from ..lightfields.partial import PartialFolder
from ..lightfields.references import ViewReference, ViewReferences, at_view
from ..media.images import write_png
from ..pixels import as_pixels
from ..references.pictures import load_picture
from ..references.reference import Reference
from ..references.source import ClipFit


class CallerViews:
    """Views [rows,columns,3,H,W] in memory, an array or a tensor whose views `as_pixels` takes. It is written as a
    folder of pictures, `view_ROW_COLUMN.png`."""

    def __init__(self, views: Any):
        if len(shape := tuple(views.shape)) != 5 or not all(shape):
            raise ShapeError(f"the views have the shape {list(shape)}; [rows,columns,3,H,W] is needed")
        self._views = views
        first = as_pixels(views[0, 0], "view 0,0")
        kind = str(views.dtype).removeprefix("torch.")
        self._bits = 8 if kind == "uint8" else 16
        grid = Grid.of(*shape[:2])
        self.info = FieldInfo(
            "views", "views", "given as an array", grid, size_of(first), f"{kind} RGB", pixel=3 * self._bits // 8
        )

    def read(self, view: View, frame: int = 0) -> np.ndarray:
        """Float32 [3,H,W] RGB in [0,1]."""
        return load_picture(self._views[self.info.grid.place(view)], f"view {name_of(view)}")

    def place_in_file(self, view: View) -> tuple[int, int]:
        return self.info.grid.place(view)

    def target(self, path: Path, size: Size, views: Grid, frames: int) -> "_Folder":
        """A folder of PNG files."""
        return _Folder(path, size, self._bits, views)

    def close(self) -> None:
        """Nothing to do: the array is the caller's."""


class _Folder(PartialFolder):
    """Takes views in any order; the folder gets its name when it is whole."""

    def __init__(self, path: Path, size: Size, bits: int, views: Grid):
        super().__init__(path, {f"view_{view.row}_{view.column}.png" for view in views})
        self._size, self._bits = size, bits

    def write(self, view: Frame, frame: int = 0) -> None:
        stamp = view.stamp
        if not isinstance(stamp, View) or view.size != self._size:
            raise OutputError(f"{view} cannot be written here; views of {self._size} are needed")
        write_png(self.folder / f"view_{stamp.row}_{stamp.column}.png", view.pixels, self._bits)


def references_by_view(low: LightField, pictures: Mapping[tuple[int, int], Any], scale: int) -> ViewReferences:
    """References of a light field: a picture of any size, a file or an array, for each (row, column) named."""
    size = low.info.size.scaled(scale)
    fit = ClipFit(size, size.width / size.height)
    placed = tuple(_placed(low, View(*view), picture, fit) for view, picture in pictures.items())
    return ViewReferences("refs", f"{len(placed)} given by view", placed)


def _placed(low: LightField, view: View, picture: Any, fit: ClipFit) -> ViewReference:
    low.info.grid.check(view, "references: view")
    origin = str(picture) if isinstance(picture, str | Path) else f"reference of view {name_of(view)}"
    pixels = load_picture(picture, origin)
    aligned, fitted = fit.exact(size_of(pixels)), at_view(pixels, fit, low, view)
    key = ("refs", 0, view.row, view.column)
    return ViewReference(Reference(key, Fraction(0), origin, lambda: fitted, aligned), view)
