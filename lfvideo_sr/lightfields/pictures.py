"""One picture that holds all views: what a lenslet camera shows (ESLF), or a mosaic of tiles."""

from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError
from ..frames import Size
from ..media.images import read_picture
from .arrangement import Arrangement, Extent, Lenslets, Mosaic
from .arrays import Found
from .collected import Collected
from .partial import check_ending

PICTURE_LAYOUTS = {
    "eslf": "ESLF picture: view (row,column) is picture[row::14, column::14]; --grid for another number",
    "mosaic": "picture, folder of pictures or video with views side by side; wants --grid",
}
ESLF_GRID = (14, 14)


def read_samples(path: Path) -> np.ndarray:
    """[H,W,3] RGB, uint8 or uint16."""
    picture = read_picture(path)
    dtype = np.uint8 if picture.bit_depth == 8 else np.uint16
    return np.round(picture.pixels.transpose(1, 2, 0) * np.iinfo(dtype).max).astype(dtype)


def find_in_picture(path: Path, size: Size, layout: str | None, grid: tuple[int, int] | None) -> Found:
    """Which arrangement a picture of that size has: as told, or ESLF where its name says so."""
    name_says = "eslf" in path.name.lower()
    if layout is None and not name_says:
        raise InputError(
            f"{path} is one picture: it may be a lenslet picture or a mosaic of views; pass --layout eslf, "
            "or --layout mosaic --grid 8x8"
        )
    if (layout or "eslf") == "eslf":
        rows, columns = grid or ESLF_GRID
        decided = "its name" if layout is None else "--layout"
        # a ragged edge, lenses cut by the border, belongs to no view
        return _checked(path, size, "eslf", decided, Lenslets(), rows, columns)
    if grid is None:
        raise InputError(f"{path} as a mosaic: how many views it has stands nowhere; pass --grid 8x8")
    if size.height % grid[0] or size.width % grid[1]:
        raise InputError(f"{path} is {size}, which {grid[0]}x{grid[1]} tiles do not divide; pass another --grid")
    return _checked(path, size, "mosaic", "--layout", Mosaic(), *grid)


def _checked(
    path: Path, size: Size, layout: str, decided: str, arrangement: Arrangement, rows: int, columns: int
) -> Found:
    height, width = size.height // rows, size.width // columns
    if not (height and width):
        raise InputError(f"{path} is {size}, too small for {rows}x{columns} views; pass another --grid")
    return Found(layout, decided, arrangement, Extent(1, rows, columns, height, width, 3))


def whole_lenses(samples: np.ndarray, extent: Extent) -> np.ndarray:
    """A picture without its ragged edge."""
    return samples[: extent.row * extent.y, : extent.column * extent.x]


class PictureStore:
    """Makes PNG pictures; what is collected lies in a file beside the target until the last view is there."""

    def create(self, path: Path, arrangement: Arrangement, extent: Extent, dtype: np.dtype) -> "_PictureTarget":
        check_ending(path, (".png",), "a PNG")
        return _PictureTarget(path, arrangement.shape(extent), dtype)

    def close(self) -> None:
        pass


class _PictureTarget(Collected):
    def encode(self, path: Path) -> None:
        if not cv2.imwrite(str(path), self.array[..., ::-1]):
            raise OSError("it could not be encoded")
