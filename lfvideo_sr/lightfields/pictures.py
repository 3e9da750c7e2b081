"""One picture that holds all views: behind every lens, as a lenslet camera shows them (ESLF), or as tiles."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError
from ..frames import Size
from ..media.images import Picture, read_picture
from .arrangement import Arrangement, Extent
from .array_file import Detection, StoredViews
from .collected import Collected
from .layouts import PictureLayout, layouts_of
from .lenslet_pitch import measured_pitch
from .partial import check_ending
from .quilt import Quilt, tiles_in_name

SUFFIXES = (".png",)  # of what is written


@dataclass(frozen=True, eq=False)
class PictureSamples:
    """array: [H,W,3] RGB, uint8 or uint16, white being the largest value. read: how it was read."""

    array: np.ndarray
    read: Picture

    @property
    def size(self) -> Size:
        return Size(self.array.shape[1], self.array.shape[0])


def read_samples(path: Path, white: float | None = None) -> PictureSamples:
    """white: as of `read_picture`."""
    picture = read_picture(path, white, alpha=True)
    dtype = np.uint8 if picture.bit_depth == 8 else np.uint16
    array = np.round(picture.pixels.transpose(1, 2, 0) * np.iinfo(dtype).max).astype(dtype)
    return PictureSamples(array, picture)


def transparency_lost(path: Path, picture: Picture) -> tuple[str, ...]:
    """A line where views have transparency, which is not restored, by the one that was read with it."""
    return (f"{path}: transparency is left out",) if picture.is_transparent else ()


def detect_in_picture(
    path: Path, samples: PictureSamples, layout: str | None, grid: tuple[int, int] | None
) -> Detection:
    """How a picture holds its views: as its layout says, the one requested, or the one its name marks."""
    known = layouts_of(PictureLayout)
    name, decided = _layout_of(path, layout)
    if name is None:
        choices = " or ".join(f"--layout {name}{_grid_option(kind)}" for name, kind in known.items())
        raise InputError(f"{path} is one picture, which does not say how it holds its views; pass {choices}")
    kind, where = known[name], "--grid"
    if grid is None:
        grid, where = _grid_of(path, samples, kind)
    extent = _extent(path, samples.size, kind, grid)
    decided = f"{decided}, {grid[0]}x{grid[1]} by {where}{samples.read.shown_white}"
    return Detection("", name, decided, StoredViews(arrangement_of(kind, grid), extent))


def _grid_option(kind: PictureLayout) -> str:
    return "" if kind.grid or kind.lenses else " --grid 8x8"


def _layout_of(path: Path, layout: str | None) -> tuple[str | None, str]:
    """The layout, and why."""
    known = layouts_of(PictureLayout)
    if layout is not None:
        return layout, "--layout"
    marked = [name for name, kind in known.items() if kind.mark and kind.mark in path.name.lower()]
    sweeps = [name for name, kind in known.items() if kind.sweep and tiles_in_name(path.name)]
    return next(iter([*sweeps, *marked]), None), "its name"


def _grid_of(path: Path, samples: PictureSamples, kind: PictureLayout) -> tuple[tuple[int, int], str]:
    """Rows and columns that the user does not say, and how they are known."""
    if kind.sweep and (tiles := tiles_in_name(path.name)):
        return tiles, "its name"
    if kind.lenses:
        pitch = measured_pitch(samples.array)
        if pitch is None:
            raise InputError(f"{path} does not show how many pixels lie behind a lens; pass --grid, like --grid 14x14")
        return pitch, "the pitch of its lenses"
    if kind.grid is None:
        raise InputError(f"{path} does not say how many views it has; pass --grid 8x8")
    return kind.grid, "its layout"


def arrangement_of(kind: PictureLayout, grid: tuple[int, int]) -> Arrangement:
    return Quilt(grid) if kind.sweep else kind.arrangement


def _extent(path: Path, size: Size, layout: PictureLayout, grid: tuple[int, int]) -> Extent:
    rows, columns = grid
    if not layout.ragged and (size.height % rows or size.width % columns):
        raise InputError(f"{path} is {size}, which {rows}x{columns} tiles do not divide; pass another --grid")
    height, width = size.height // rows, size.width // columns
    if not (height and width):
        raise InputError(f"{path} is {size}, too small for {rows}x{columns} views; pass another --grid")
    rows, columns = (1, rows * columns) if layout.sweep else grid
    return Extent(1, rows, columns, height, width, 3)


def whole_lenses(samples: np.ndarray, stored: StoredViews) -> np.ndarray:
    """A picture without its ragged edge."""
    height, width = stored.arrangement.shape(stored.extent)[:2]
    return samples[:height, :width]


class PictureStore:
    """Makes PNG pictures; the samples are collected in a file beside the target until the last view is there."""

    def create(
        self, path: Path, arrangement: Arrangement, extent: Extent, dtype: np.dtype, places: object
    ) -> "_PictureTarget":
        check_ending(path, SUFFIXES, "a PNG")
        return _PictureTarget(path, arrangement.shape(extent), dtype)

    def close(self) -> None:
        pass


class _PictureTarget(Collected):
    def encode(self, path: Path) -> None:
        done, encoded = cv2.imencode(".png", np.ascontiguousarray(self.array[..., ::-1]))
        if not done:
            raise OSError("it could not be encoded")
        path.write_bytes(encoded.data)
