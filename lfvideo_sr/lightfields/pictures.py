"""One picture that holds all views: behind every lens, as a lenslet camera shows them (ESLF), or as tiles."""

from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError
from ..frames import Size
from ..media.images import read_picture
from .arrangement import Arrangement, Extent
from .array_file import Detection, StoredViews
from .collected import Collected
from .layouts import PictureLayout, layouts_of
from .partial import check_ending

SUFFIXES = (".png",)  # of what is written


def read_samples(path: Path) -> np.ndarray:
    """[H,W,3] RGB, uint8 or uint16."""
    picture = read_picture(path)
    dtype = np.uint8 if picture.bit_depth == 8 else np.uint16
    return np.round(picture.pixels.transpose(1, 2, 0) * np.iinfo(dtype).max).astype(dtype)


def detect_in_picture(path: Path, size: Size, layout: str | None, grid: tuple[int, int] | None) -> Detection:
    """How a picture of that size holds its views: as its layout says, the one requested, or the one its name marks."""
    known = layouts_of(PictureLayout)
    marked = [name for name, kind in known.items() if kind.mark and kind.mark in path.name.lower()]
    if layout is None and not marked:
        choices = " or ".join(f"--layout {name}{'' if kind.grid else ' --grid 8x8'}" for name, kind in known.items())
        raise InputError(f"{path} is one picture, which does not say how it holds its views; pass {choices}")
    name, decided = (marked[0], "its name") if layout is None else (layout, "--layout")
    extent = _extent(path, size, known[name], grid or known[name].grid)
    return Detection("", name, decided, StoredViews(known[name].arrangement, extent))


def _extent(path: Path, size: Size, layout: PictureLayout, grid: tuple[int, int] | None) -> Extent:
    if grid is None:
        raise InputError(f"{path} does not say how many views it has; pass --grid 8x8")
    rows, columns = grid
    if not layout.ragged and (size.height % rows or size.width % columns):
        raise InputError(f"{path} is {size}, which {rows}x{columns} tiles do not divide; pass another --grid")
    height, width = size.height // rows, size.width // columns
    if not (height and width):
        raise InputError(f"{path} is {size}, too small for {rows}x{columns} views; pass another --grid")
    return Extent(1, rows, columns, height, width, 3)


def whole_lenses(samples: np.ndarray, extent: Extent) -> np.ndarray:
    """A picture without its ragged edge."""
    return samples[: extent.row * extent.y, : extent.column * extent.x]


class PictureStore:
    """Makes PNG pictures; the samples are collected in a file beside the target until the last view is there."""

    def create(self, path: Path, arrangement: Arrangement, extent: Extent, dtype: np.dtype) -> "_PictureTarget":
        check_ending(path, SUFFIXES, "a PNG")
        return _PictureTarget(path, arrangement.shape(extent), dtype)

    def close(self) -> None:
        pass


class _PictureTarget(Collected):
    def encode(self, path: Path) -> None:
        encoded, content = cv2.imencode(".png", np.ascontiguousarray(self.array[..., ::-1]))
        if not encoded:
            raise OSError("it could not be encoded")
        path.write_bytes(content.data)  # OpenCV itself takes no name that is not UTF-8
