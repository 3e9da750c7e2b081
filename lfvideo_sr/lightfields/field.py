"""What a light field and its target offer, whatever file they lie in."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ..frames import Frame, Size, View
from .grid import Grid


@dataclass(frozen=True)
class FieldInfo:
    """What is known of a light field before a view is read.

    name:     as the user gave it.
    layout:   its name in LAYOUTS.
    decided:  why it was taken for that, one line for people.
    samples:  what a sample is, e.g. "uint8 RGB".
    frames:   more than one in a light-field video.
    pixel:    bytes of a pixel in the file, before compression; 0: it is a video, which says nothing of its size.
    white:    the sample that is white, as --white takes it, where a target keeps it; None: targets have the full range.
    tiles:    of a quilt, rows and columns of tiles, which are one sweep of views; else None.
    named_by_tile: the user names views by row and column of their tile.
    chroma:   the key of a data set of Cb and Cr that goes along; "": there is none.
    warnings: what the user should know of the file, a line each.
    """

    name: str
    layout: str
    decided: str
    grid: Grid
    size: Size
    samples: str
    frames: int = 1
    pixel: int = 0
    white: float | None = None
    tiles: tuple[int, int] | None = None
    named_by_tile: bool = False
    chroma: str = ""
    warnings: tuple[str, ...] = ()


class LightField(Protocol):
    """Views, each read when it is asked for. Inside the package a view is upright, and rows and columns count from the
    top left as the camera moves: near things move left (up) as the column (row) grows."""

    info: FieldInfo

    def read(self, view: View, frame: int = 0) -> np.ndarray:
        """Float32 [3,H,W] RGB in [0,1]; InputError for what cannot be read, NaN included."""

    def place_in_file(self, view: View) -> tuple[int, int]:
        """Row and column, 0-based, of a view in the grid as it is stored."""

    def target(self, path: Path, size: Size, views: Grid, frames: int) -> "FieldSink":
        """A sink for these views at another size, in the same layout, axis order and sample type.

        It refuses what it can refuse before the first view: OutputError."""

    def close(self) -> None: ...


class FieldSink(Protocol):
    """Takes views in any order. `close` finishes the target and gives it its name; `abort` leaves nothing behind.

    files: names of what is in a folder by this sink; none of a target that is one file.
    """

    @property
    def files(self) -> Collection[str]: ...

    def write(self, view: Frame, frame: int = 0) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...
