"""Data sets that go along with the views of an HDF5 file: BasicLFSR keeps the colours of its views so, enlarged by
whoever made the file, as transposed mosaics of Cb and Cr."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..media.hdf5_links import LinkedFile
from ..media.images import write_png
from .arrangement import Extent
from .field import LightField
from .grid import Grid
from .partial import PartialFolder

_TO_RGB = np.array([[0, 1.402], [-0.344136, -0.714136], [1.772, 0]], np.float32)  # of Cb and Cr, BT.601


def carried_with(
    arrays: Mapping[str, Any], folder: str, names: Collection[str], extent: Extent, scale: int
) -> dict[str, Any]:
    """Those of the named data sets in a folder of a file that are mosaics of its views, enlarged by `scale`."""
    sharp = extent._replace(y=extent.y * scale, x=extent.x * scale)
    keys = [f"{folder}/{name}".lstrip("/") for name in names]
    return {key: arrays[key] for key in keys if key in arrays and fits(arrays[key], sharp)}


def fits(data_set: Any, extent: Extent) -> bool:
    """Whether it is a mosaic [channel, columns * x, rows * y] of all views of that extent."""
    return len(data_set.shape) == 3 and data_set.shape[1:] == (extent.column * extent.x, extent.row * extent.y)


def carry(source: Any, file: Any, key: str, places: Sequence[tuple[int, int]], extent: Extent) -> None:
    """Copy the views at `places` (row, column) of a mosaic, row by row, into a new one of that extent in a file."""
    shape = (source.shape[0], extent.column * extent.x, extent.row * extent.y)
    chunks = (1, min(256, extent.x), min(256, extent.y))
    target = file.create_dataset(key, shape, source.dtype, chunks=chunks, compression="gzip", shuffle=True)
    for number, place in enumerate(places):
        target[_tile(divmod(number, extent.column), extent)] = source[_tile(place, extent)]


def _tile(place: tuple[int, int], extent: Extent) -> tuple[slice, slice, slice]:
    row, column = place
    x, y = column * extent.x, row * extent.y
    return slice(None), slice(x, x + extent.x), slice(y, y + extent.y)


def write_rgb(path: Path, field: LightField, file: Path, names: Grid) -> None:
    """A folder of view_ROW_COLUMN.png: the luma of a light field, with the Cb and Cr that are beside it in its file.

    names: what its views are called, in the order of its own grid.
    """
    named = dict(zip(field.info.grid, names, strict=True))
    folder = PartialFolder(path, {_name(name.row, name.column) for name in named.values()})
    try:
        with LinkedFile(file) as opened:
            chroma = opened.data_set(field.info.chroma)
            for view, name in named.items():
                size = field.info.size
                extent = Extent(1, 1, 1, size.height, size.width, 2)
                planes = np.asarray(chroma[_tile(field.place_in_file(view), extent)]).transpose(0, 2, 1)
                write_png(folder.folder / _name(name.row, name.column), rgb_of(field.read(view)[0], planes))
        folder.close()
    except BaseException:
        folder.abort()
        raise


def _name(row: int, column: int) -> str:
    return f"view_{row}_{column}.png"


def rgb_of(luma: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Luma f32 [H,W] in [0,1], and Cb and Cr [2,H,W] as they are stored, of 255 or of 1 -> RGB f32 [3,H,W] in [0,1]."""
    full = 1.0 if chroma.dtype.kind == "f" else float(np.iinfo(chroma.dtype).max)
    centred = (chroma.astype(np.float32) * np.float32(255 / full) - 128) / np.float32(224)
    return np.clip(luma + np.tensordot(_TO_RGB, centred, 1), 0, 1)
