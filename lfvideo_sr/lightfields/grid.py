"""The grid of a light field: which views there are, what they are called, and how far apart they stand."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..errors import InputError, UsageError
from ..frames import View


@dataclass(frozen=True)
class Grid:
    """Rows and columns by name, from the top left. Names are numbers that grow with the camera's position: files may
    be called view_3_3 to view_7_7, and of rows 3, 5, 7 neighbours stand two steps apart."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @classmethod
    def of(cls, rows: int, columns: int) -> "Grid":
        """0-based."""
        return cls(tuple(range(rows)), tuple(range(columns)))

    @classmethod
    def holding(cls, views: Iterable[View], what: str) -> "Grid":
        """The grid of these views; one with holes raises InputError."""
        present = set(views)
        grid = cls(tuple(sorted({view.row for view in present})), tuple(sorted({view.column for view in present})))
        missing = [view for view in grid if view not in present]
        if missing:
            shown = ", ".join(name_of(view) for view in missing[:4]) + (" ..." if len(missing) > 4 else "")
            raise InputError(f"{what} lacks {len(missing)} of the {len(grid)} views of {grid}: {shown}; add them")
        return grid

    def __iter__(self) -> Iterator[View]:
        return (View(row, column) for row in self.rows for column in self.columns)

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def __contains__(self, view: object) -> bool:
        return isinstance(view, View) and view.row in self.rows and view.column in self.columns

    def __str__(self) -> str:
        """ "5x5 views, rows 3..7, columns 3..7" """
        return f"{len(self.rows)}x{len(self.columns)} views, rows {_span(self.rows)}, columns {_span(self.columns)}"

    @property
    def centre(self) -> View:
        """The middle view; of an even number the later of the two in the middle."""
        return View(self.rows[len(self.rows) // 2], self.columns[len(self.columns) // 2])

    def place(self, view: View) -> tuple[int, int]:
        """0-based row and column of a view in this grid."""
        return self.rows.index(view.row), self.columns.index(view.column)

    def check(self, view: View, option: str = "--ref-view") -> View:
        """The view itself; one that is not there raises InputError."""
        if view not in self:
            raise InputError(f"{option} {name_of(view)} is outside the grid, which has {self}")
        return view


def name_of(view: View) -> str:
    """ "4,4" """
    return f"{view.row},{view.column}"


def step(start: View, end: View) -> tuple[int, int]:
    """How far the camera moves from `start` to `end`: (columns, rows), as (x, y)."""
    return end.column - start.column, end.row - start.row


def distance(start: View, end: View) -> int:
    """Squared distance of two views, in steps of the grid."""
    across, down = step(start, end)
    return across**2 + down**2


def parse_view(text: str, option: str = "--ref-view") -> View:
    """ "4,4" -> View(row 4, column 4)"""
    match = re.fullmatch(r"\s*(-?\d+)\s*,\s*(-?\d+)\s*", text)
    if not match:
        raise UsageError(f"{option} is '{text}'; ROW,COLUMN is wanted, like 4,4")
    return View(int(match[1]), int(match[2]))


def parse_grid(text: str) -> tuple[int, int]:
    """ "5x5" -> rows, columns"""
    match = re.fullmatch(r"(\d+)[xX](\d+)", text)
    if not match or "0" in match.groups():
        raise UsageError(f"--grid is '{text}'; ROWSxCOLUMNS is wanted, like 9x9")
    return int(match[1]), int(match[2])


def parse_views(text: str, grid: Grid) -> Grid:
    """ "3,3" or "2:6,2:6" (first:last of rows, of columns) -> that part of the grid."""
    parts = [re.fullmatch(r"\s*(-?\d+)(?::(-?\d+))?\s*", part) for part in text.split(",")]
    if len(parts) != 2 or not all(parts):
        raise UsageError(f"--views is '{text}'; ROW,COLUMN or FIRST:LAST,FIRST:LAST is wanted, like 3,3 or 2:6,2:6")
    spans = [(int(part[1]), int(part[2] or part[1])) for part in parts if part]
    chosen = [
        tuple(name for name in names if first <= name <= last)
        for names, (first, last) in zip((grid.rows, grid.columns), spans)
    ]
    if not all(chosen):
        raise InputError(f"--views {text} chooses no view; the grid has {grid}")
    return Grid(*chosen)


def _span(names: tuple[int, ...]) -> str:
    if len(names) > 1 and names == tuple(range(names[0], names[-1] + 1)):
        return f"{names[0]}..{names[-1]}"
    return ", ".join(map(str, names))
