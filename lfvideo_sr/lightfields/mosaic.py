"""All views side by side in one picture."""

from pathlib import Path

import cv2
import numpy as np

from ..frames import Size
from ..media.images import write_png
from .field import LightField

LONGEST = 16384  # pixels of a side; viewers refuse larger ones, so views are reduced by area


def write_mosaic(path: Path, field: LightField, longest: int = LONGEST) -> None:
    """A PNG with view (row, column) at row and column, black where none is; views are reduced where it would be longer
    than `longest`."""
    info = field.info
    rows, columns = len(info.grid.rows), len(info.grid.columns)
    shrink = max(1, -(-max(rows * info.size.height, columns * info.size.width) // longest))
    tile = Size(max(1, info.size.width // shrink), max(1, info.size.height // shrink))
    whole = np.zeros((3, rows * tile.height, columns * tile.width), np.float32)
    for view in info.grid:
        row, column = info.grid.place(view)
        whole[:, row * tile.height : (row + 1) * tile.height, column * tile.width : (column + 1) * tile.width] = (
            _reduced(field.read(view), tile)
        )
    write_png(path, whole)


def _reduced(pixels: np.ndarray, size: Size) -> np.ndarray:
    if pixels.shape[1:] == (size.height, size.width):
        return pixels
    return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in pixels])
