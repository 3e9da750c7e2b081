"""Makes small rendered light fields, and writes them in every layout that is read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

from lfvideo_sr.frames import Size
from lfvideo_sr.lightfields.opening import OpenOptions
from lfvideo_sr.media.images import write_png
from lfvideo_sr.metrics import eight_bit
from lfvideo_sr.synthetic import random_scene, render

HIGH = Size(128, 96)


@lru_cache(maxsize=4)
def rendered_grid(rows: int = 3, columns: int = 3, size: Size = HIGH, seed: int = 5) -> np.ndarray:
    """Float32 [rows,columns,3,H,W] of 256 levels; near things move left (up) as the column (row) grows. Not to be
    written to."""
    scene = random_scene(np.random.default_rng(seed), width=size.width, planes=(3, 4))
    middle = ((rows - 1) / 2, (columns - 1) / 2)
    grid = np.empty((rows, columns, 3, size.height, size.width), np.float32)
    for row, column in np.ndindex(rows, columns):
        grid[row, column] = eight_bit(render(scene, 0.0, size, view=(row - middle[0], column - middle[1])))
    return grid


def as_bytes(grid: np.ndarray) -> np.ndarray:
    """[rows,columns,3,H,W] in [0,1] -> uint8 [rows,columns,H,W,3]"""
    return np.round(grid.transpose(0, 1, 3, 4, 2) * 255).astype(np.uint8)


def studio(grey: np.ndarray) -> np.ndarray:
    """Grey in [0,1] -> BT.601's luma, 16..235 of 255, in [0,1]."""
    return (16 + 219 * grey) / np.float32(255)


@dataclass(frozen=True)
class Written:
    """A light field in a file: what to open, how, the views it has to give, and the layout it has to be taken for."""

    path: str
    layout: str
    views: np.ndarray  # float [rows,columns,3,H,W]
    options: OpenOptions = field(default_factory=OpenOptions)
    key: str | None = None  # of the array, where it is in one
    key_after: str | None = None  # of what is written, where that differs


def hci2013(folder: Path, grid: np.ndarray) -> Written:
    path = folder / "buddha.h5"
    with h5py.File(path, "w") as file:
        file["LF"] = as_bytes(grid)[:, ::-1]  # the horizontal view axis is mirrored
        height, width = grid.shape[-2:]
        file.attrs.update(hRes=grid.shape[1], vRes=grid.shape[0], xRes=width, yRes=height, dH=0.5, dV=0.5, shift=1.0)
        file.attrs["focalLength"] = 9.3
        file["LF"].attrs["note"] = "kept"
    return Written(str(path), "hci2013", grid, key="LF")


def hci2016(folder: Path, grid: np.ndarray) -> Written:
    path = folder / "antinous.h5"
    with h5py.File(path, "w") as file:
        file["LF"] = as_bytes(grid)
        file["disp_lowres"] = np.zeros(grid.shape[:2] + grid.shape[3:], np.float32)
    return Written(str(path), "hci2016", grid, key="LF")


def hci2016_folder(folder: Path, grid: np.ndarray) -> Written:
    path = folder / "cotton"
    path.mkdir()
    rows, columns = grid.shape[:2]
    for row, column in np.ndindex(rows, columns):
        write_png(path / f"input_Cam{row * columns + column:03}.png", grid[row, column])
    height, width = grid.shape[-2:]
    (path / "parameters.cfg").write_text(
        f"[intrinsics]\nimage_resolution_x_px = {width}\nimage_resolution_y_px = {height}\n[extrinsics]\n"
        f"num_cams_x = {columns}\nnum_cams_y = {rows}\nbaseline_mm = 45\n"
    )
    return Written(str(path), "hci2016-folder", grid)


def toolbox(folder: Path, grid: np.ndarray) -> Written:
    path = folder / "scene5.mat"
    savemat(path, {"LF": grid.transpose(0, 1, 3, 4, 2).astype(np.float64)})
    return Written(str(path), "toolbox", grid, key="LF")


def toolbox73(folder: Path, grid: np.ndarray, weight: bool = True) -> Written:
    """As MATLAB writes it: a header of 512 bytes, axes reversed, a class; here with a weight channel."""
    path = folder / "scene73.mat"
    stored = as_bytes(grid)
    if weight:
        stored = np.concatenate([stored, np.full((*stored.shape[:-1], 1), 200, np.uint8)], -1)
    with h5py.File(path, "w", userblock_size=512) as file:
        file["LF"] = stored.transpose(4, 3, 2, 1, 0)
        file["LF"].attrs["MATLAB_class"] = np.bytes_("uint8")
    with path.open("r+b") as opened:
        opened.write(b"MATLAB 7.3 MAT-file, made by a test".ljust(512))
    return Written(str(path), "toolbox73", grid, key="LF")


def basiclfsr(folder: Path, grid: np.ndarray) -> Written:
    rows, columns, _, height, width = grid.shape
    place = folder / f"SR_{rows}x{columns}_4x"
    place.mkdir()
    grey = np.repeat(grid.mean(2, keepdims=True), 3, 2).astype(np.float32)
    mosaic = studio(grey[:, :, 0]).transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    path = place / "000001.h5"
    with h5py.File(path, "w") as file:
        file["Lr_SAI_y"] = mosaic.T
    return Written(str(path), "basiclfsr", grey, key="Lr_SAI_y", key_after="Hr_SAI_y")


def crossnet(folder: Path, grid: np.ndarray) -> Written:
    path = folder / "flower.h5"
    with h5py.File(path, "w") as file:
        file["img_LR_4"] = np.stack([as_bytes(1 - grid), as_bytes(grid)]).transpose(0, 1, 2, 5, 3, 4)
        file["img_LR_8"] = np.zeros((2, *grid.shape[:3], 6, 8), np.uint8)
    return Written(str(path), "crossnet", grid, OpenOptions(item=1), key="img_LR_4", key_after="img_HR")


def crossnet_sintel(folder: Path, grid: np.ndarray) -> Written:
    """A clip of as many frames as the grid has columns, padded with two that do not count."""
    path = folder / "sintel.h5"
    frames = as_bytes(grid[:1]).transpose(0, 1, 4, 2, 3)
    with h5py.File(path, "w") as file:
        file["img_HR"] = np.concatenate([frames, np.zeros_like(frames[:, :2])], 1)
        file["frame_number"] = np.array([frames.shape[1]])
    return Written(str(path), "crossnet-sintel", grid[:1], key="img_HR")


def lfssr_ato(folder: Path, grid: np.ndarray) -> Written:
    """Luma only, padded below and at the right; img_size says how large views are."""
    path = folder / "ato.h5"
    grey = np.repeat(grid.mean(2, keepdims=True), 3, 2).astype(np.float32)
    padded = np.pad(studio(grey[:, :, 0]), ((0, 0), (0, 0), (0, 5), (0, 7)))
    with h5py.File(path, "w") as file:
        file["img_HR"] = padded[None]
        file["img_size"] = np.array([grid.shape[-2:]])
    return Written(str(path), "lfssr-ato", grey, key="img_HR")


def eslf(folder: Path, grid: np.ndarray) -> Written:
    """With a ragged edge that belongs to no view."""
    rows, columns, _, height, width = grid.shape
    picture = grid.transpose(3, 0, 4, 1, 2).reshape(height * rows, width * columns, 3)
    picture = np.pad(picture, ((0, rows - 1), (0, columns - 1), (0, 0)))
    path = folder / "IMG_0001_eslf.png"
    write_png(path, picture.transpose(2, 0, 1), 16)
    return Written(str(path), "eslf", grid, OpenOptions(grid=(rows, columns)))


def mosaic(folder: Path, grid: np.ndarray) -> Written:
    rows, columns, _, height, width = grid.shape
    picture = grid.transpose(2, 0, 3, 1, 4).reshape(3, rows * height, columns * width)
    path = folder / "frame.png"
    write_png(path, picture)
    return Written(str(path), "mosaic", grid, OpenOptions(layout="mosaic", grid=(rows, columns)))


def view_folder(folder: Path, grid: np.ndarray) -> Written:
    path = folder / "views"
    path.mkdir()
    for row, column in np.ndindex(*grid.shape[:2]):
        write_png(path / f"view_{row}_{column}.png", grid[row, column], 16)
    return Written(str(path), "folder", grid)


def patterned_folder(folder: Path, grid: np.ndarray) -> Written:
    path = folder / "shots"
    path.mkdir()
    for row, column in np.ndindex(*grid.shape[:2]):
        write_png(path / f"col{column:02}-row{row:02}.png", grid[row, column])
    return Written(str(path), "folder", grid, OpenOptions(pattern="col{column}-row{row}.png"))


def gantry(folder: Path, grid: np.ndarray) -> Written:
    """Row 1 was taken backwards: its column numbers run against the camera's position."""
    path = folder / "gantry"
    path.mkdir()
    rows, columns = grid.shape[:2]
    for row, column in np.ndindex(rows, columns):
        number = columns - 1 - column if row == 1 else column
        name = f"out_{row:02}_{number:02}_{-300.5 + 30 * row:.6f}_{1100.25 + 30 * column:.6f}_.png"
        write_png(path / name, grid[row, column])
    return Written(str(path), "gantry", grid)


def bundled(folder: Path, grid: np.ndarray) -> Written:
    path = folder / "scenes.h5"
    with h5py.File(path, "w") as file:
        file["real/bench"] = as_bytes(grid)
        file["real/other"] = as_bytes(1 - grid)
    return Written(f"{path}::/real/bench", "array", grid, key="real/bench")


def named_axes(folder: Path, grid: np.ndarray) -> Written:
    path = folder / "own.h5"
    with h5py.File(path, "w") as file:
        file["views"] = as_bytes(grid).transpose(1, 0, 4, 2, 3)
        file["views"].attrs.update(axes="column row channel y x", grid=f"{grid.shape[0]}x{grid.shape[1]}")
    return Written(str(path), "views", grid, key="views")


MAKERS: dict[str, Callable[[Path, np.ndarray], Written]] = {
    maker.__name__: maker
    for maker in (
        hci2013, hci2016, hci2016_folder, toolbox, toolbox73, basiclfsr, crossnet, crossnet_sintel, lfssr_ato, eslf,
        mosaic, view_folder, patterned_folder, gantry, bundled, named_axes,
    )
}  # fmt: skip
