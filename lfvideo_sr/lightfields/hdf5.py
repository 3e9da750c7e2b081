"""HDF5 files, MATLAB v7.3 among them: read view by view, and written the same way, in compressed pieces."""

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import InputError, OutputError, first_line
from ..frames import Size
from ..media.hdf5_links import LinkedFile, LinkError
from ..media.partial import claim_partial, put_in_place
from .arrangement import Arrangement, Extent
from .array_file import ArrayFile, Companion
from .carried import carry, fits
from .partial import check_ending, writing

SUFFIXES = (".h5", ".hdf5", ".mat")
DAMAGED = (KeyError, RuntimeError, OSError, ValueError, TypeError, AttributeError)  # what h5py raises for damaged files


def open_hdf5(path: Path, follow_links: bool = False) -> LinkedFile:
    """Open for reading; InputError for what is no HDF5 or is cut short. follow_links: also out of the file's folder."""
    try:
        return LinkedFile(path, follow_links)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path} cannot be opened as HDF5 ({error}); it is damaged, cut short, or no HDF5") from error


def arrays_of(path: Path, links: LinkedFile) -> ArrayFile:
    """The data sets of a file; nothing of them is read yet."""
    arrays: dict[str, h5py.Dataset] = {}
    unread: dict[str, str] = {}
    aliases = set()
    try:
        for key, item, again in links.data_sets():
            if isinstance(item, LinkError):
                unread[key] = str(item)
            else:
                arrays[key] = item
                aliases |= {key} if again else set()
        return ArrayFile(path, arrays, links.file.attrs, _kind(links.file, arrays), unread, frozenset(aliases))
    except DAMAGED as error:
        raise InputError(f"{path} is damaged ({first_line(error)}); fetch or make it again") from error


def _kind(file: h5py.File, arrays: Mapping[str, h5py.Dataset]) -> str:
    """MATLAB leaves 512 bytes before the HDF5 part, and a class with every data set."""
    marked = any("MATLAB_class" in array.attrs for array in arrays.values())
    return "matlab73" if marked or file.userblock_size == 512 else "hdf5"


@dataclass(frozen=True, eq=False)
class Hdf5Store:
    """The file that holds a data set. A file made like it has its attributes, its compression and MATLAB's header.

    key:        the written data set's name: what was img_LR_4 is img_HR when enlarged.
    companions: small data sets that belong to the layout, by key: what each holds.
    carried:    data sets that go along, by key, see `carried`. grid: rows and columns of their views.
    """

    links: LinkedFile
    dataset: h5py.Dataset
    key: str
    companions: Mapping[str, Companion] = field(default_factory=dict)
    carried: Mapping[str, h5py.Dataset] = field(default_factory=dict)
    grid: tuple[int, int] = (1, 1)

    def create(
        self, path: Path, arrangement: Arrangement, extent: Extent, dtype: np.dtype, places: Sequence[tuple[int, int]]
    ) -> "_Hdf5Target":
        check_ending(path, SUFFIXES, "HDF5")
        target = _Hdf5Target(path, self, arrangement, extent, dtype)
        whole = extent._replace(row=self.grid[0], column=self.grid[1])
        for key, data_set in self.carried.items():
            if fits(data_set, whole):
                target.carry(key, data_set, places, extent)
        return target

    def close(self) -> None:
        self.links.close()


@contextmanager
def _made(path: Path) -> Iterator[None]:
    """What h5py raises, in many kinds, where a file cannot be made like the input is an OSError, as a full disk is."""
    try:
        yield
    except OSError:
        raise
    except DAMAGED as error:
        raise OSError(f"it cannot be made like the input: {first_line(error)}") from error


class _Hdf5Target:
    """A file of one data set under its unfinished name."""

    def __init__(self, path: Path, store: Hdf5Store, arrangement: Arrangement, extent: Extent, dtype: np.dtype):
        self._path, original = path, store.links.file
        block = original.userblock_size
        with writing(path):
            self._partial = claim_partial(path)
        with writing(path, self._partial), _made(path):
            self._file = h5py.File(self._partial, "w", userblock_size=block, libver=("earliest", "v110"))
        try:
            with writing(path), _made(path):
                self._header = _header(original, block)
                self._begin(store, arrangement, extent, dtype)
        except BaseException:
            self.abort()
            raise

    def _begin(self, store: Hdf5Store, arrangement: Arrangement, extent: Extent, dtype: np.dtype) -> None:
        """Everything but the views."""
        source = store.dataset
        self.array = self._file.create_dataset(
            store.key, arrangement.shape(extent), dtype, chunks=arrangement.chunks(extent),
            compression=source.compression or "gzip", compression_opts=_level(source), shuffle=True,
        )  # fmt: skip
        for name, content in store.companions.items():
            self._file[name] = content(extent, store.key)
        size = Size(extent.x, extent.y)
        _copy_attributes(store.links.file, self._file, size)
        _copy_attributes(source, self.array, size)

    def carry(self, key: str, source: h5py.Dataset, places: Sequence[tuple[int, int]], extent: Extent) -> None:
        """Copy those views of a mosaic, which go row by row into this file's."""
        with writing(self._path):
            try:
                carry(source, self._file, key, places, extent)
            except BaseException:
                self.abort()
                raise

    def close(self) -> None:
        try:
            self._file.flush()  # what fails here can still be cleared away; what fails in `close` cannot
            self._file.close()
            if self._header:
                with self._partial.open("r+b") as file:
                    file.write(self._header)
            put_in_place(self._partial, self._path)
        except (OSError, RuntimeError) as error:  # HDF5 raises either
            self.abort()
            full = f"errno = {errno.ENOSPC}" in str(error)
            why = "the disk is full; free some space" if full else f"cannot be written ({error})"
            raise OutputError(f"{self._path}: {why}, or choose another -o") from error

    def abort(self) -> None:
        """Leave nothing behind."""
        with suppress(Exception):
            _close(self._file)
        self._partial.unlink(missing_ok=True)


def _close(file: h5py.File) -> None:
    """Close a file that is thrown away. Where its disk is full, what it still wants to write goes nowhere: HDF5 crashes
    the process at its end over a file that it could not finish."""
    try:
        file.flush()
    except (OSError, RuntimeError):
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, file.id.get_vfd_handle())
        os.close(nowhere)
    file.close()


def _level(source: h5py.Dataset) -> int | None:
    """Of gzip only; other filters keep their own settings out of sight."""
    if source.compression in (None, "gzip"):
        return source.compression_opts if source.compression_opts is not None else 4
    return source.compression_opts


def _header(file: h5py.File, size: int) -> bytes:
    """MATLAB's 512 bytes before the HDF5 part."""
    if not size:
        return b""
    with open(file.filename, "rb") as opened:
        return opened.read(size)


def _copy_attributes(source: Any, target: Any, size: Size) -> None:
    """All that can be read and written; what states the size of a view says the new one."""
    for name in source.attrs:
        with suppress(*DAMAGED):
            target.attrs[name] = source.attrs[name]
    for name, side in zip(("xRes", "yRes"), size):
        if name in target.attrs and np.asarray(target.attrs[name]).dtype.kind in "iuf":
            target.attrs[name] = np.asarray(side, np.asarray(target.attrs[name]).dtype)
