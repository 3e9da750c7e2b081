"""A video that walks through the views of a light field."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from ..frames import Frame, Size, TimeStamp, View
from ..media.colour import ColourSpec
from ..media.sink import VideoSink
from ..media.video import VideoInfo
from .field import LightField
from .grid import Grid

_RATE = Fraction(15)


def write_walk(path: Path, field: LightField, overwrite: bool = False) -> None:
    """H.264 with 15 views a second: along the rows to and fro, then back along the columns. Of a light-field video,
    one view of the walk for each frame."""
    info = field.info
    size = Size(*(side - side % 2 for side in info.size))
    places = list(_places(info.grid, info.frames))
    video = VideoInfo(
        path=path, track=0, stream_index=0, size=size, rate=_RATE, time_base=1 / _RATE, frames=len(places),
        seconds=float(len(places) / _RATE), colour=ColourSpec(matrix=709), pixel_format="yuv420p", codec="h264",
    )  # fmt: skip
    with VideoSink(path, video, size, overwrite=overwrite) as sink:
        for number, (view, frame) in enumerate(places):
            pixels = field.read(view, frame)[:, : size.height, : size.width].copy()
            sink.write(Frame(pixels, number, TimeStamp(number, 1 / _RATE, 1)))


def _places(grid: Grid, frames: int) -> Iterator[tuple[View, int]]:
    walk = walk_of(grid)
    if frames == 1:
        return ((view, 0) for view in walk)
    return ((walk[frame % len(walk)], frame) for frame in range(frames))


def walk_of(grid: Grid) -> list[View]:
    """Each step goes to a neighbour: rows to and fro, then columns to and fro from where that ended."""
    rows, columns = list(grid.rows), list(grid.columns)
    walk = []
    for number, row in enumerate(rows):
        walk += [View(row, column) for column in (columns[::-1] if number % 2 else columns)]
    back = columns if columns.index(walk[-1].column) == 0 else columns[::-1]
    for number, column in enumerate(back):
        walk += [View(row, column) for row in (rows if number % 2 else rows[::-1])]
    walk = [view for view in walk if view in grid]
    return [view for number, view in enumerate(walk) if number == 0 or view != walk[number - 1]]
