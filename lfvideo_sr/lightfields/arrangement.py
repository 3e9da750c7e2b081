"""Where a view is in an array: on axes of its own, as a tile of a mosaic, or behind every lens.

Names are words, never the letters u, v, s, t, about which toolboxes disagree: "row" and "column" count views, "y" and
"x" pixels, "channel" colours, "item" scenes or frames of one file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from ..checks import check_choice
from ..errors import UsageError

NAMES = ("item", "row", "column", "y", "x", "channel")
Index = tuple[int | slice, ...]


class Extent(NamedTuple):
    """How many of everything; channel 0: there is no such axis."""

    item: int
    row: int
    column: int
    y: int
    x: int
    channel: int


class Arrangement(Protocol):
    """index and kept: `array[index(row, column, item)]` is one view, with the axes `kept`."""

    @property
    def kept(self) -> tuple[str, ...]: ...

    def index(self, extent: Extent, row: int, column: int, item: int) -> Index: ...

    def shape(self, extent: Extent) -> tuple[int, ...]:
        """Of the whole array."""

    def chunks(self, extent: Extent) -> tuple[int, ...]:
        """Of an array stored in pieces: a view, or part of one."""


@dataclass(frozen=True)
class Axes:
    """Every axis by name; the view axes in `mirrored` run backwards in the file."""

    names: tuple[str, ...]
    mirrored: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> "Axes":
        """ "row,~column,y,x,channel": a tilde marks a mirrored axis."""
        words = [word.strip() for word in text.split(",")]
        names = tuple(word.removeprefix("~") for word in words)
        for name in names:
            check_choice("--layout", name, NAMES)
        mirrored = frozenset(word[1:] for word in words if word.startswith("~"))
        lacking = {"y", "x"} - set(names)
        if lacking or len(set(names)) < len(names) or mirrored - {"row", "column"}:
            raise UsageError(f"--layout {text}: each axis once, y and x among them, ~ on row or column only")
        return cls(names, mirrored)

    def __str__(self) -> str:
        return ",".join("~" * (name in self.mirrored) + name for name in self.names)

    @property
    def kept(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in ("y", "x", "channel"))

    def index(self, extent: Extent, row: int, column: int, item: int) -> Index:
        at = {
            "item": item,
            "row": extent.row - 1 - row if "row" in self.mirrored else row,
            "column": extent.column - 1 - column if "column" in self.mirrored else column,
        }
        return tuple(at.get(name, slice(None)) for name in self.names)

    def shape(self, extent: Extent) -> tuple[int, ...]:
        return tuple(getattr(extent, name) for name in self.names)

    def chunks(self, extent: Extent) -> tuple[int, ...]:
        sides = {"y": min(extent.y, 256), "x": min(extent.x, 256), "channel": extent.channel}
        return tuple(sides.get(name, 1) for name in self.names)

    def extent(self, shape: Sequence[int]) -> Extent:
        """What an array of this shape holds."""
        sides = dict(zip(self.names, shape))
        return Extent(*(sides.get(name, 0 if name == "channel" else 1) for name in NAMES))


@dataclass(frozen=True)
class Mosaic:
    """Views as tiles, side by side; `kept` says the order of the array's axes, ("x", "y") for a transposed one."""

    kept: tuple[str, ...] = ("y", "x", "channel")

    def index(self, extent: Extent, row: int, column: int, item: int) -> Index:
        spans = {
            "y": slice(row * extent.y, (row + 1) * extent.y),
            "x": slice(column * extent.x, (column + 1) * extent.x),
        }
        return tuple(spans.get(name, slice(None)) for name in self.kept)

    def shape(self, extent: Extent) -> tuple[int, ...]:
        sides = {"y": extent.row * extent.y, "x": extent.column * extent.x, "channel": extent.channel}
        return tuple(sides[name] for name in self.kept)

    def chunks(self, extent: Extent) -> tuple[int, ...]:
        return tuple(min(getattr(extent, name), 256) for name in self.kept)


@dataclass(frozen=True)
class Lenslets:
    """Every lens shows one pixel of each view: view (row, column) is picture[row::rows, column::columns]."""

    kept: tuple[str, ...] = ("y", "x", "channel")

    def index(self, extent: Extent, row: int, column: int, item: int) -> Index:
        return (slice(row, None, extent.row), slice(column, None, extent.column), slice(None))

    def shape(self, extent: Extent) -> tuple[int, ...]:
        return (extent.y * extent.row, extent.x * extent.column, extent.channel)

    def chunks(self, extent: Extent) -> tuple[int, ...]:
        return self.shape(extent)


def planes(part: np.ndarray, kept: tuple[str, ...]) -> np.ndarray:
    """One view as the array stores it -> [channel,y,x]."""
    if "channel" not in kept:
        part, kept = part[None], ("channel", *kept)
    return part.transpose([kept.index(name) for name in ("channel", "y", "x")])


def from_planes(view: np.ndarray, kept: tuple[str, ...]) -> np.ndarray:
    """[channel,y,x] -> one view as the array stores it."""
    if "channel" not in kept:
        return view[0].transpose([("y", "x").index(name) for name in kept])
    return view.transpose([("channel", "y", "x").index(name) for name in kept])
