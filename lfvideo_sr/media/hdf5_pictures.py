"""Pictures inside HDF5 files, named as if the file were a folder: FILE.h5/img_HR/3/27 is img_HR[3, 27].

CrossNet's authors keep MPI Sintel and light-field video so: integers in 0..255, the last axes channels (RGB), rows and
columns. A picture is read when it is asked for; the file is closed again.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from .hdf5_links import LinkedFile

SUFFIXES = (".h5", ".hdf5")


class HDF5Picture(NamedTuple):
    """A picture's file, the data set in it, and the indices of its first axes."""

    file: Path
    dataset: str
    index: tuple[int, ...]  # type: ignore[assignment]  # a tuple's method has this name too


def place_of(path: Path) -> HDF5Picture | None:
    """The picture inside an HDF5 file that a path names, or None for any other path."""
    for file in path.parents:
        if file.suffix.lower() in SUFFIXES:
            name, *numbers = path.relative_to(file).parts
            if all(number.isdecimal() for number in numbers):
                return HDF5Picture(file, name, tuple(map(int, numbers)))
    return None


def read_inside(place: HDF5Picture) -> np.ndarray:
    """uint8 [3,H,W]; raises InputError for what is not there or is no picture."""
    file, name, index = place
    inside = f"{name}[{', '.join(map(str, index))}]"
    try:
        with _opened(file) as links:
            pixels = np.asarray(links.data_set(name)[index])
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise InputError(f"{file} has no {inside} ({error}); CrossNet's layout is wanted") from error
    if pixels.ndim != 3 or pixels.shape[0] != 3:
        raise InputError(f"{inside} of {file} is {list(pixels.shape)}; a picture [3,H,W] is wanted")
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


def shape_of(file: Path, name: str) -> tuple[int, ...]:
    """Of a data set; () where the file has none of that name."""
    with _opened(file) as links:
        return tuple(_data_set(links, name).shape) if name in links else ()


def numbers_of(file: Path, name: str) -> list[int]:
    """A data set of integers, flat."""
    with _opened(file) as links:
        return [int(number) for number in np.asarray(_data_set(links, name)).ravel()]


def files_of(folder: Path) -> Iterator[Path]:
    """The HDF5 files of a folder, those for testing only where their names mark some as such."""
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    testing = [path for path in files if "test" in path.stem.lower()]
    yield from testing or files


def _opened(file: Path) -> "LinkedFile":
    from .hdf5_links import LinkedFile  # only those who have such files need h5py loaded

    try:
        return LinkedFile(file)
    except OSError as error:
        raise InputError(f"{file} cannot be read as HDF5 ({error}); fetch it again") from error


def _data_set(links: "LinkedFile", name: str) -> Any:
    try:
        return links.data_set(name)
    except InputError as error:
        raise InputError(f"{links.path}: /{name} {error}; fetch the file again") from error
