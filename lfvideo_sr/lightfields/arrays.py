"""A light field in one array: an HDF5 data set that is read view by view, or a picture or matrix that is in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..errors import InputError, OutputError
from ..frames import Frame, Size, View
from ..media.limits import check_declared
from .arrangement import Arrangement, Extent, from_planes, planes
from .array_file import Detection, StoredViews
from .field import FieldInfo, FieldSink
from .grid import Grid, name_of
from .samples import Levels, check_samples, from_rgb, levels_of, to_rgb

Places = Sequence[tuple[int, int]]


class Target(Protocol):
    """A file that is being made: an array to fill, then a name."""

    array: Any

    def close(self) -> None: ...

    def abort(self) -> None: ...


class Store(Protocol):
    """The file that holds an array, and how another like it is made."""

    def create(self, path: Path, arrangement: Arrangement, extent: Extent, dtype: np.dtype, places: Places) -> Target:
        """places: row and column, in the array that is there, of the views that the new one is to hold, row by row."""

    def close(self) -> None: ...


@dataclass(eq=False)
class ArrayField:
    """A light field whose views are parts of `array`; `item` chooses one of several, None takes them as frames.

    white, studio: as of `levels_of`.
    """

    name: str
    array: Any
    detection: Detection
    store: Store
    item: int | None = None
    white: float | None = None
    studio: bool = False
    info: FieldInfo = field(init=False)
    levels: Levels = field(init=False)

    def __post_init__(self) -> None:
        check_declared(self.array, self.name)
        stored = self.detection.stored
        extent = stored.extent
        if not all(extent[:5]):
            raise InputError(f"{self.name} is empty: {list(self.array.shape)}; give another file")
        samples = check_samples(self.array.dtype, extent.channel, self.name)
        size = stored.sizes[self.item or 0] if stored.sizes else Size(extent.x, extent.y)
        frames = extent.item if self.item is None else 1
        grid = Grid.of(extent.row, extent.column)
        pixel = self.array.dtype.itemsize * extent.channel
        self.info = FieldInfo(
            self.name, self.detection.layout, self.detection.decided, grid, size, samples, frames, pixel
        )
        views = (self._stored(view, 0) for view in grid.sampled())
        self.levels = levels_of(views, self.array.dtype, self.white, self.studio and extent.channel <= 1)
        samples += self.levels.shown(self.array.dtype)
        self.info = replace(self.info, samples=samples, white=self.levels.full)

    def read(self, view: View, frame: int = 0) -> np.ndarray:
        """Float32 [3,H,W] RGB in [0,1]."""
        return to_rgb(self._stored(view, frame), f"view {name_of(view)} of {self.name}", self.levels)

    def _stored(self, view: View, frame: int) -> np.ndarray:
        """[channel,y,x] as the file stores it."""
        row, column = self.info.grid.place(view)
        item = frame if self.item is None else self.item
        stored = self.detection.stored
        index = stored.arrangement.index(stored.extent, row, column, item)
        try:
            part = np.asarray(self.array[index])
        except (OSError, RuntimeError) as error:  # HDF5 raises either
            raise InputError(
                f"view {name_of(view)} of {self.name} cannot be read ({error}); the file is damaged or cut short"
            ) from error
        return planes(part, stored.arrangement.kept)[:, : self.info.size.height, : self.info.size.width]

    def place_in_file(self, view: View) -> tuple[int, int]:
        return self.info.grid.place(view)

    def target(self, path: Path, size: Size, views: Grid, frames: int) -> FieldSink:
        """A sink in the same layout; see `LightField`."""
        stored = self.detection.stored
        extent = stored.extent
        there = Extent(frames, len(views.rows), len(views.columns), size.height, size.width, extent.channel)
        places = [self.info.grid.place(view) for view in views]
        target = self.store.create(path, stored.arrangement, there, self.array.dtype, places)
        return _ArraySink(self, target, there, views)

    def close(self) -> None:
        self.store.close()


@dataclass(eq=False)
class _ArraySink:
    source: ArrayField
    target: Target
    extent: Extent
    views: Grid

    def write(self, view: Frame, frame: int = 0) -> None:
        stamp = view.stamp
        assert isinstance(stamp, View)
        if view.size != Size(self.extent.x, self.extent.y):
            size = Size(self.extent.x, self.extent.y)
            raise OutputError(f"view {name_of(stamp)} is {view.size}; this output was opened for {size}")
        channels, arrangement = self.extent.channel, self.source.detection.stored.arrangement
        weighted = self.source._stored(stamp, frame) if channels == 4 else None
        planes_ = from_rgb(view.pixels, self.source.array.dtype, channels, self.source.levels, weighted)
        row, column = self.views.place(stamp)
        index = arrangement.index(self.extent, row, column, frame)
        try:
            self.target.array[index] = from_planes(planes_, arrangement.kept)
        except OSError as error:
            raise OutputError(f"view {name_of(stamp)} cannot be written ({error}); free some space") from error

    @property
    def files(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        self.target.close()

    def abort(self) -> None:
        self.target.abort()


def one_item(stored: StoredViews, item: int | None, name: str) -> int | None:
    """The item asked for; a file of a single one needs no asking, and of several each is a frame."""
    if item is None:
        return 0 if stored.extent.item == 1 else None
    if not 0 <= item < stored.extent.item:
        raise InputError(f"--item {item}: {name} holds {stored.extent.item} items, 0 to {stored.extent.item - 1}")
    return item
