"""Still pictures: PNG, JPEG, WebP, TIFF and BMP of 8 or 16 bits, and PNG out."""

import errno
import os
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..errors import InputError, OutputError
from .hdf5_pictures import place_of, read_inside
from .resize import to_float


class Picture(NamedTuple):
    """Pixels float32 [3,H,W] RGB in [0,1], and how many bits per channel their file holds, 8 or 16."""

    pixels: np.ndarray
    bit_depth: int


def read_image(path: str | Path) -> np.ndarray:
    """Float32 [3,H,W] RGB in [0,1], turned upright as EXIF says; grey becomes RGB, transparency is dropped. A path may
    lead into an HDF5 file, see hdf5_pictures."""
    return read_picture(path).pixels


def read_picture(path: str | Path) -> Picture:
    """As `read_image`, with the file's bit depth."""
    path = Path(path)
    inside = place_of(path)
    if inside is not None:
        return Picture(to_float(read_inside(inside)), 8)
    picture = _decode(path, _bytes_of(path))
    if picture.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{path} holds {picture.dtype} samples; save it with 8 or 16 bits per channel")
    pixels = to_float(np.ascontiguousarray(picture.transpose(2, 0, 1)[::-1]))
    return Picture(pixels, 8 * picture.dtype.itemsize)


def is_transparent(path: str | Path) -> bool:
    """Whether something would shine through a picture that `read_picture` reads as opaque."""
    if place_of(Path(path)) is not None:
        return False
    picture = cv2.imdecode(_bytes_of(Path(path)), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim < 3 or picture.shape[2] < 4:
        return False
    opaque = 65535 if picture.dtype == np.uint16 else 255
    return bool((picture[..., 3] < opaque).any())


def write_png(path: str | Path, pixels: np.ndarray, bit_depth: int = 8) -> None:
    """Write float [3,H,W] in [0,1] as a PNG of 8 or 16 bits, which appears under its name only when it is whole."""
    path = Path(path)
    partial = path.with_name(f"{path.stem}.partial.png")
    try:
        partial.write_bytes(_encode(pixels, bit_depth).data)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        full = error.errno == errno.ENOSPC
        fix = "the disk is full; free some space" if full else f"cannot be written: {error.strerror}"
        raise OutputError(f"{path}: {fix}") from error


def _bytes_of(path: Path) -> np.ndarray:
    try:
        return np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the name") from error


def _decode(path: Path, data: np.ndarray) -> np.ndarray:
    """BGR [H,W,3], of the file's own depth."""
    picture = None
    if data.size:
        try:
            picture = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        except cv2.error:  # what claims to be a picture but has, for example, no sensible size
            picture = None
    if picture is None:
        raise InputError(f"{path} is no picture that can be read; give a PNG, JPEG, WebP, TIFF or BMP")
    return picture


def _encode(pixels: np.ndarray, bit_depth: int) -> np.ndarray:
    peak = (1 << bit_depth) - 1
    dtype = np.uint8 if bit_depth == 8 else np.uint16
    picture = (np.clip(pixels, 0, 1) * peak + 0.5).astype(dtype).transpose(1, 2, 0)[..., ::-1]
    return cv2.imencode(".png", np.ascontiguousarray(picture))[1]
