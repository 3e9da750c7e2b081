"""Epipolar-plane images: one line of every view of a row (column) of the grid, stacked. A point draws a line in it
whose slope is its disparity; views that agree draw straight ones."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError
from ..frames import View
from ..media.images import write_png
from .field import LightField
from .grid import Grid

_GRAIN, _REACH = 0.8, 1.5  # Gaussian widths of the structure tensor, along pixels, and of its average
_SURE = 0.5  # of all places, those count whose slope is surest in the truth
_THICK = 12  # picture lines that show one view


@dataclass(frozen=True, eq=False)
class Slopes:
    """Disparity f32 [h,w], pixels per view to the next, near positive, and how sure it is (the gradient's energy)."""

    disparity: np.ndarray
    energy: np.ndarray


def slopes(views: np.ndarray) -> Slopes:
    """Lumas [n,h,w] of neighbouring views along x, n >= 3 -> slopes on the places of the middle one.

    The structure tensor of the planes (view, x): where a gradient is, brightness is constant along (1, -disparity).
    """
    middle = len(views) // 2
    smooth = np.stack([cv2.GaussianBlur(view.astype(np.float32), (0, 0), _GRAIN) for view in views])
    along_x, along_view = np.gradient(smooth, axis=2)[middle], np.gradient(smooth, axis=0)[middle]
    product, square = (cv2.GaussianBlur(values, (0, 0), _REACH) for values in (along_x * along_view, along_x * along_x))
    return Slopes(product / np.maximum(square, 1e-3), square)


def slope_error(views: np.ndarray, truth: np.ndarray) -> float:
    """Mean difference of slopes, pixels per view, of lumas [n,h,w] each, where the truth's are surest."""
    expected, measured = slopes(truth), slopes(views)
    sure = expected.energy >= np.quantile(expected.energy, _SURE)
    return float(np.abs(np.clip(measured.disparity - expected.disparity, -4, 4))[sure].mean())


def grid_slope_error(views: dict[View, np.ndarray], truth: dict[View, np.ndarray], grid: Grid) -> float:
    """The mean over all triples of neighbours along rows and columns; views as lumas [h,w]."""
    errors = []
    for triple, upright in _triples(grid):
        a, b = (np.stack([lumas[view] for view in triple]) for lumas in (views, truth))
        errors.append(slope_error(*((a, b) if upright else (a.swapaxes(1, 2), b.swapaxes(1, 2)))))
    if not errors:
        raise InputError(f"{grid} has no three views in a line; slopes need them")
    return float(np.mean(errors))


def _triples(grid: Grid) -> list[tuple[tuple[View, ...], bool]]:
    rows, columns = grid.rows, grid.columns
    along_rows = [
        (tuple(View(row, column) for column in columns[start : start + 3]), True)
        for row in rows
        for start in range(len(columns) - 2)
    ]
    along_columns = [
        (tuple(View(row, column) for row in rows[start : start + 3]), False)
        for column in columns
        for start in range(len(rows) - 2)
    ]
    return [triple for triple in along_rows + along_columns if not grid.absent.intersection(triple[0])]


def write_epi(path: Path, field: LightField) -> None:
    """A PNG: the centre view with two lines marked, below it the plane of the horizontal line over the columns of its
    row of views, at its right that of the vertical line over the rows. Each view is a few picture lines thick."""
    grid, (width, height) = field.info.grid, field.info.size
    centre, y, x = grid.centre, height // 2, width // 2
    flat = np.stack([field.read(view)[:, y] for view in grid if view.row == centre.row], 1).repeat(_THICK, 1)
    tall = np.stack([field.read(view)[:, :, x] for view in grid if view.column == centre.column], 2).repeat(_THICK, 2)
    whole = np.ones((3, height + 4 + flat.shape[1], width + 4 + tall.shape[2]), np.float32)
    view = field.read(centre).copy()
    view[:, y] = view[:, :, x] = np.array([[1.0], [0.3], [0.0]], np.float32)
    whole[:, :height, :width] = view
    whole[:, height + 4 :, :width] = flat
    whole[:, :height, width + 4 :] = tall
    write_png(path, whole)
