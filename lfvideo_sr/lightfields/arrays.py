"""A light field in one array: an HDF5 data set that is read view by view, or a picture or matrix that is in memory."""

from dataclasses import dataclass, field
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
from .samples import check_samples, from_rgb, to_rgb


class Target(Protocol):
    """A file that is being made: an array to fill, then a name."""

    array: Any

    def close(self) -> None: ...

    def abort(self) -> None: ...


class Store(Protocol):
    """The file that holds an array, and how another like it is made."""

    def create(self, path: Path, arrangement: Arrangement, extent: Extent, dtype: np.dtype) -> Target: ...

    def close(self) -> None: ...


@dataclass(eq=False)
class ArrayField:
    """A light field whose views are parts of `array`; `item` chooses one of several, None takes them as frames."""

    name: str
    array: Any
    detection: Detection
    store: Store
    item: int | None = None
    info: FieldInfo = field(init=False)

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

    def read(self, view: View, frame: int = 0) -> np.ndarray:
        """Float32 [3,H,W] RGB in [0,1]."""
        return to_rgb(self._stored(view, frame), f"view {name_of(view)} of {self.name}")

    def _stored(self, view: View, frame: int) -> np.ndarray:
        """[channel,y,x] as the file stores it."""
        row, column = self.info.grid.place(view)
        item = frame if self.item is None else self.item
        stored = self.detection.stored
        index = stored.arrangement.index(stored.extent, row, column, item)
        try:
            part = np.asarray(self.array[index])
        except OSError as error:
            raise InputError(
                f"view {name_of(view)} of {self.name} cannot be read ({error}); the file is damaged or cut short"
            ) from error
        return planes(part, stored.arrangement.kept)[:, : self.info.size.height, : self.info.size.width]

    def target(self, path: Path, size: Size, views: Grid, frames: int) -> FieldSink:
        """A sink in the same layout; see `LightField`."""
        stored = self.detection.stored
        extent = stored.extent
        there = Extent(frames, len(views.rows), len(views.columns), size.height, size.width, extent.channel)
        target = self.store.create(path, stored.arrangement, there, self.array.dtype)
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
        channels, kept = self.extent.channel, self.source.detection.stored.arrangement.kept
        weighted = self.source._stored(stamp, frame) if channels == 4 else None
        planes_ = from_rgb(view.pixels, self.source.array.dtype, channels, weighted)
        row, column = self.views.place(stamp)
        index = self.source.detection.stored.arrangement.index(self.extent, row, column, frame)
        try:
            self.target.array[index] = from_planes(planes_, kept)
        except OSError as error:
            raise OutputError(f"view {name_of(stamp)} cannot be written ({error}); free some space") from error

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
