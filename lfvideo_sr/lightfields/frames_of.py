"""Light-field video as one mosaic of views per frame: a video (quilt), or a folder of pictures."""

import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np

from ..errors import InputError, OutputError
from ..frames import Frame, Size, TimeStamp, View, size_of
from ..media.clock import frame_times
from ..media.images import read_picture, write_png
from ..media.picture_formats import picture_files
from ..media.sink import VideoSink
from ..media.video import VideoSource
from .field import FieldInfo
from .grid import Grid, name_of
from .partial import PartialFolder
from .picture_white import white_of_files
from .quilt import tile_of, tiles_for

VIDEO_SUFFIXES = {".mp4", ".mkv", ".mov", ".m4v", ".webm", ".avi"}
_HELD = 3  # frames: what is read ahead and what is matched may lie in neighbouring ones


class Mosaics(Protocol):
    """A row of pictures [3,H,W] and how more like them are written."""

    name: str
    size: Size
    count: int
    samples: str
    pixel: int  # bytes, as FieldInfo says

    def at(self, number: int) -> np.ndarray: ...

    def sink(self, path: Path, size: Size) -> "MosaicSink": ...

    def close(self) -> None: ...


class MosaicSink(Protocol):
    """Takes pictures in order. files: as of `FieldSink`."""

    @property
    def files(self) -> Collection[str]: ...

    def write(self, number: int, pixels: np.ndarray) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


@dataclass(eq=False)
class MosaicField:
    """Views are tiles of the picture of their frame. grid: rows and columns of tiles; sweep: they are a quilt's."""

    mosaics: Mosaics
    grid: tuple[int, int]
    layout: str = "mosaic"
    decided: str = "--grid"
    sweep: bool = False
    named_by_tile: bool = False
    info: FieldInfo = field(init=False)

    def __post_init__(self) -> None:
        (rows, columns), size = self.grid, self.mosaics.size
        if size.height % rows or size.width % columns:
            name = self.mosaics.name
            raise InputError(f"{name} is {size}, which {rows}x{columns} views do not divide; pass another --grid")
        tile = Size(size.width // columns, size.height // rows)
        grid, mosaics = Grid.of(1, rows * columns) if self.sweep else Grid.of(rows, columns), self.mosaics
        self.info = FieldInfo(
            mosaics.name, self.layout, self.decided, grid, tile, mosaics.samples, mosaics.count, mosaics.pixel,
            tiles=self.grid if self.sweep else None, named_by_tile=self.named_by_tile,
        )  # fmt: skip

    def read(self, view: View, frame: int = 0) -> np.ndarray:
        """Float32 [3,H,W] RGB in [0,1]."""
        place = _place(self.info.grid, view, self.info.tiles)
        return np.ascontiguousarray(_tile(self.mosaics.at(frame), place, self.info.size))

    def place_in_file(self, view: View) -> tuple[int, int]:
        return self.info.grid.place(view)

    def target(self, path: Path, size: Size, views: Grid, frames: int) -> "_MosaicSink":
        """The same kind of file; a frame is held until its last view is there."""
        tiles = None if self.info.tiles is None else tiles_for(len(views), self.info.tiles)
        rows, columns = tiles or (len(views.rows), len(views.columns))
        whole = Size(size.width * columns, size.height * rows)
        return _MosaicSink(self.mosaics.sink(path, whole), whole, size, views, tiles)

    def close(self) -> None:
        self.mosaics.close()


def _place(views: Grid, view: View, tiles: tuple[int, int] | None) -> tuple[int, int]:
    """Row and column of a view's tile. tiles: of a quilt."""
    row, column = views.place(view)
    return (row, column) if tiles is None else tile_of(column, tiles)


def _tile(whole: np.ndarray, place: tuple[int, int], size: Size) -> np.ndarray:
    top, left = place[0] * size.height, place[1] * size.width
    return whole[:, top : top + size.height, left : left + size.width]


class _MosaicSink:
    def __init__(self, sink: MosaicSink, whole: Size, size: Size, views: Grid, tiles: tuple[int, int] | None):
        self._sink, self._size, self._views, self._tiles = sink, size, views, tiles
        self._frame = np.empty((3, whole.height, whole.width), np.float32)
        self._lacking = set(views)

    def write(self, view: Frame, frame: int = 0) -> None:
        stamp = view.stamp
        assert isinstance(stamp, View) and stamp in self._lacking, "frame by frame, each view once"
        if view.size != self._size:
            raise OutputError(f"view {name_of(stamp)} is {view.size}; this output was opened for {self._size}")
        _tile(self._frame, _place(self._views, stamp, self._tiles), self._size)[:] = view.pixels
        self._lacking.remove(stamp)
        if not self._lacking:
            self._sink.write(frame, self._frame)
            self._lacking = set(self._views)

    @property
    def files(self) -> Collection[str]:
        return self._sink.files

    def close(self) -> None:
        self._sink.close()

    def abort(self) -> None:
        self._sink.abort()


class FolderMosaics:
    """A folder of pictures, one a frame, in the order of the numbers in their names."""

    def __init__(self, folder: Path, white: float | None = None):
        """white: as of `read_picture`."""
        self.name, self._folder = str(folder), folder
        pictures = picture_files(folder)
        if not pictures:
            raise InputError(f"{folder} holds no pictures; give a folder with a mosaic of views for each frame")
        self._files = sorted(pictures, key=_by_number)
        self._white = white_of_files([self._files[0], self._files[len(self._files) // 2], self._files[-1]], white)
        first = read_picture(self._files[0], self._white)
        self.size, self.count = size_of(first.pixels), len(self._files)
        self._depth, self.samples = first.bit_depth, first.samples
        self.pixel = 3 * first.bit_depth // 8
        self._held = _Held(self._read)

    def _read(self, number: int) -> np.ndarray:
        pixels = read_picture(self._files[number], self._white).pixels
        if size_of(pixels) != self.size:
            raise InputError(f"{self._files[number]} is {size_of(pixels)}, others are {self.size}; make all one size")
        return pixels

    def at(self, number: int) -> np.ndarray:
        return self._held[number]

    def sink(self, path: Path, size: Size) -> "_MosaicFolderSink":
        return _MosaicFolderSink(path, [file.with_suffix(".png").name for file in self._files], self._depth)

    def close(self) -> None:
        pass


def _by_number(path: Path) -> tuple[list[int], str]:
    return [int(digits) for digits in re.findall(r"\d+", path.stem)], path.name


class _MosaicFolderSink(PartialFolder):
    def __init__(self, path: Path, names: list[str], depth: int):
        super().__init__(path, names)
        self._names, self._depth = names, depth

    def write(self, number: int, pixels: np.ndarray) -> None:
        write_png(self.folder / self._names[number], pixels, self._depth)


class VideoMosaics:
    """The frames of a video; going back to an earlier one decodes from the start."""

    def __init__(self, path: Path):
        self.name, self._path = str(path), path
        with closing(VideoSource(path, detect_cuts=False)) as source:
            self.video, self.size = source.video, source.info.size
        self.count = sum(1 for _ in frame_times(self.video))
        self.samples = f"{self.video.bit_depth} bit video"
        self.pixel = 0
        self._stamps: dict[int, TimeStamp] = {}
        self._frames: Iterator[Frame] = iter(())
        self._source: VideoSource | None = None
        self._next = -1
        self._held = _Held(self._read)

    def _read(self, number: int) -> np.ndarray:
        if self._source is None or number < self._next:
            self.close()
            self._source = VideoSource(self._path, detect_cuts=False)
            self._frames, self._next = iter(self._source), 0
        for frame in self._frames:
            assert isinstance(frame.stamp, TimeStamp)
            self._stamps[frame.index] = frame.stamp
            self._next = frame.index + 1
            if frame.index == number:
                return frame.pixels
        remedy = "save what decodes: ffmpeg -i IN -c:v ffv1 OUT.mkv"
        raise InputError(f"{self.name} is damaged and does not hold frame {number}; {remedy}")

    def at(self, number: int) -> np.ndarray:
        return self._held[number]

    def sink(self, path: Path, size: Size) -> "_VideoSink":
        return _VideoSink(VideoSink(path, self.video, size, copy_from=self._path, overwrite=True), self._stamps)

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None


@dataclass(eq=False)
class _VideoSink:
    """Frames at the times of the source's."""

    target: VideoSink
    stamps: dict[int, TimeStamp]
    files: tuple[str, ...] = ()

    def write(self, number: int, pixels: np.ndarray) -> None:
        self.target.write(Frame(pixels, number, self.stamps[number]))

    def close(self) -> None:
        self.target.close()

    def abort(self) -> None:
        self.target.abort()


class _Held:
    """The last few pictures read; from several threads one is read at a time."""

    def __init__(self, read: Callable[[int], np.ndarray]):
        self._read, self._lock = read, Lock()
        self._pictures: OrderedDict[int, np.ndarray] = OrderedDict()

    def __getitem__(self, number: int) -> np.ndarray:
        with self._lock:
            if number not in self._pictures:
                self._pictures[number] = self._read(number)
                if len(self._pictures) > _HELD:
                    self._pictures.popitem(last=False)
            self._pictures.move_to_end(number)
            return self._pictures[number]
