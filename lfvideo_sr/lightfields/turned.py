"""A light field looked at the right way round: rows or columns mirrored, or both exchanged."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..frames import Frame, Size, View
from .field import FieldInfo, FieldSink, LightField
from .grid import Grid


@dataclass(eq=False)
class TurnedField:
    """The same views under other numbers; what is written is stored as in the file.

    transpose: exchange rows and columns of views, first. mirror: "rows", "columns" that run backwards.
    """

    source: LightField
    transpose: bool = False
    mirror: frozenset[str] = frozenset()
    info: FieldInfo = field(init=False)

    def __post_init__(self) -> None:
        stored = self.source.info.grid
        grid = Grid.part(View(view.column, view.row) for view in stored) if self.transpose else stored
        grid = replace(grid, absent=frozenset(self._mirrored(view, grid) for view in grid.absent))
        changes = [*(["exchanged"] if self.transpose else []), *(f"{axis} mirrored" for axis in sorted(self.mirror))]
        decided = f"{self.source.info.decided}; {' and '.join(changes)}"
        self.info = replace(self.source.info, grid=grid, decided=decided)

    def _stored(self, view: View) -> View:
        row, column = self._mirrored(view, self.info.grid)
        return View(column, row) if self.transpose else View(row, column)

    def _mirrored(self, view: View, grid: Grid) -> View:
        row = _opposite(grid.rows, view.row) if "rows" in self.mirror else view.row
        column = _opposite(grid.columns, view.column) if "columns" in self.mirror else view.column
        return View(row, column)

    def place_in_file(self, view: View) -> tuple[int, int]:
        return self.source.place_in_file(self._stored(view))

    def read(self, view: View, frame: int = 0) -> np.ndarray:
        return self.source.read(self._stored(view), frame)

    def target(self, path: Path, size: Size, views: Grid, frames: int) -> FieldSink:
        stored = Grid.part(self._stored(view) for view in views)
        return _TurnedSink(self, self.source.target(path, size, stored, frames))

    def close(self) -> None:
        self.source.close()


@dataclass(eq=False)
class _TurnedSink:
    turned: TurnedField
    sink: FieldSink

    @property
    def files(self) -> Collection[str]:
        return self.sink.files

    def write(self, view: Frame, frame: int = 0) -> None:
        assert isinstance(view.stamp, View)
        self.sink.write(replace(view, stamp=self.turned._stored(view.stamp)), frame)

    def close(self) -> None:
        self.sink.close()

    def abort(self) -> None:
        self.sink.abort()


def _opposite(names: tuple[int, ...], name: int) -> int:
    return names[len(names) - 1 - names.index(name)]
