"""HDF5 files that declare arrays which were never written, refused before anything heavy is loaded."""

from collections.abc import Iterator
from pathlib import Path

import h5py

from ..errors import InputError
from .hdf5_links import LinkedFile
from .limits import check_declared


def check_written(named: str) -> None:
    """Raise InputError where the array of FILE::/KEY, or each array of FILE that has the axes of a picture, declares
    far more than the file holds of it. What cannot be read is left to its reader."""
    problems = _problems(named)
    if problems and all(problems):
        raise next(filter(None, problems))


def _problems(named: str) -> list[InputError | None]:
    """What is wrong with each array; None for one that is as it should be."""
    file_name, _, key = (named, "", "") if Path(named).exists() else named.partition("::")
    path = Path(file_name)
    try:
        if not path.is_file() or not h5py.is_hdf5(path):
            return []
        with LinkedFile(path) as file:
            arrays = [(key.strip("/"), file.data_set(key))] if key.strip("/") else _pictorial(file)
            return [_problem(array, f"{path}::/{name}") for name, array in arrays]
    except (
        KeyError,
        RuntimeError,
        OSError,
        ValueError,
        TypeError,
        AttributeError,
    ):  # what h5py raises for damaged files
        return []


def _pictorial(file: LinkedFile) -> Iterator[tuple[str, h5py.Dataset]]:
    for key, array, _ in file.data_sets():
        if isinstance(array, h5py.Dataset) and array.ndim > 1:
            yield key, array


def _problem(array: h5py.Dataset, name: str) -> InputError | None:
    try:
        check_declared(array, name)
    except InputError as error:
        return error
    return None
