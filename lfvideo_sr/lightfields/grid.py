"""The grid of a light field: which views there are, what they are called, and how far apart they stand."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from ..errors import InputError, UsageError
from ..frames import View

_LEAST = 3  # rows and columns of a grid of which only some lines are there


@dataclass(frozen=True)
class Grid:
    """Rows and columns by name, from the top left. Names are numbers that grow with the camera's position: files may
    be called view_3_3 to view_7_7, and of rows 3, 5, 7 neighbours stand two steps apart.

    absent: views that are not there, where only lines through a view are: a cross of a row and a column, a star.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    absent: frozenset[View] = frozenset()

    @classmethod
    def of(cls, rows: int, columns: int) -> "Grid":
        """0-based."""
        return cls(tuple(range(rows)), tuple(range(columns)))

    @classmethod
    def holding(cls, views: Iterable[View], what: str) -> "Grid":
        """The grid of these views; holes raise InputError, unless what is there are whole lines through one view."""
        present = set(views)
        grid = cls._around(present)
        missing = len(grid) - len(present)
        if missing and not _is_of_lines(present, grid):
            some = islice((view for view in grid if view not in present), 4)
            shown = ", ".join(map(name_of, some)) + (" ..." if missing > 4 else "")
            raise InputError(f"{what} lacks {missing} of the {len(grid)} views of {grid}: {shown}; add them")
        return cls.part(present)

    @classmethod
    def part(cls, views: Iterable[View]) -> "Grid":
        """The grid of these views, whatever is absent."""
        present = set(views)
        grid = cls._around(present)
        return replace(grid, absent=frozenset(view for view in grid if view not in present))

    @classmethod
    def _around(cls, views: set[View]) -> "Grid":
        """All rows and columns that these views are in."""
        return cls(tuple(sorted({view.row for view in views})), tuple(sorted({view.column for view in views})))

    def __iter__(self) -> Iterator[View]:
        views = (View(row, column) for row in self.rows for column in self.columns)
        return (view for view in views if view not in self.absent)

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns) - len(self.absent)

    def __contains__(self, view: object) -> bool:
        there = isinstance(view, View) and view.row in self.rows and view.column in self.columns
        return there and view not in self.absent

    def __str__(self) -> str:
        """ "5x5 views, rows 3..7, columns 3..7" """
        some = f", {len(self)} of them in lines through {name_of(self.centre)}" if self.absent else ""
        return (
            f"{len(self.rows)}x{len(self.columns)} views, rows {_span(self.rows)}, columns {_span(self.columns)}{some}"
        )

    @property
    def centre(self) -> View:
        """The middle view; of an even number the later of the two in the middle; where lines meet, if that is all."""
        middle = View(self.rows[len(self.rows) // 2], self.columns[len(self.columns) // 2])
        if middle in self:
            return middle
        beside = {view: sum(other.row == view.row or other.column == view.column for other in self) for view in self}
        return max(self, key=lambda view: (beside[view], -distance(view, middle)))

    def sampled(self) -> list[View]:
        """The centre, and of the corners those that are there."""
        corners = (View(row, column) for row in self.rows[:: len(self.rows) - 1 or 1] for column in
                   self.columns[:: len(self.columns) - 1 or 1])  # fmt: skip
        return list(dict.fromkeys([self.centre, *(view for view in corners if view in self)]))

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
    rows, columns = spans
    chosen = [view for view in grid if rows[0] <= view.row <= rows[1] and columns[0] <= view.column <= columns[1]]
    if not chosen:
        raise InputError(f"--views {text} chooses no view; the grid has {grid}")
    return Grid.part(chosen)


def _is_of_lines(present: set[View], grid: Grid) -> bool:
    """Whether there are whole lines through one view, and nothing else: a row, a column, diagonals."""
    if min(len(grid.rows), len(grid.columns)) < _LEAST:
        return False
    down = {row: place for place, row in enumerate(grid.rows)}
    across = {column: place for place, column in enumerate(grid.columns)}
    lines = _whole_lines({(down[view.row], across[view.column]) for view in present}, len(down), len(across))
    through: dict[tuple[int, int], list[set[tuple[int, int]]]] = defaultdict(list)
    for line in lines:
        for place in line:
            through[place].append(line)
    return any(len(set().union(*meeting)) == len(present) for meeting in through.values())


def _whole_lines(places: set[tuple[int, int]], rows: int, columns: int) -> list[set[tuple[int, int]]]:
    """The rows, columns and diagonals of a grid of which all places are among these, 0-based row and column."""
    lines: dict[tuple[str, int], set[tuple[int, int]]] = defaultdict(set)
    for row, column in places:
        for line in (("row", row), ("column", column), ("falling", row - column), ("rising", row + column)):
            lines[line].add((row, column))
    lengths = {
        "row": lambda _: columns,
        "column": lambda _: rows,
        "falling": lambda offset: min(rows, columns + offset) - max(0, offset),
        "rising": lambda total: min(rows - 1, total) - max(0, total - columns + 1) + 1,
    }
    return [line for (kind, at), line in lines.items() if len(line) == lengths[kind](at) >= _LEAST]


def _span(names: tuple[int, ...]) -> str:
    if len(names) > 1 and names == tuple(range(names[0], names[-1] + 1)):
        return f"{names[0]}..{names[-1]}"
    return ", ".join(map(str, names))
