"""Targets of formats that are written whole: views are collected in a file beside it until the last one is there."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..media.partial import claim_partial, put_in_place
from .partial import remove, writing


class Collected:
    """An array in a file, so that only the last step needs it in memory; what encodes it is a subclass's."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype):
        self._path = path
        with writing(path):
            self._partial, self._collected = claim_partial(path), claim_partial(path.with_name(f"{path.stem}.array"))
        try:
            with writing(path):
                _reserve(self._collected, int(np.prod([*shape, dtype.itemsize])))
                self.array: Any = np.memmap(self._collected, dtype, "r+", shape=shape)
        except BaseException:
            self.abort()
            raise

    def encode(self, path: Path) -> None:
        """Write the array to a file; raises OSError."""
        raise NotImplementedError

    def close(self) -> None:
        try:
            with writing(self._path, self._partial):
                self.encode(self._partial)
                put_in_place(self._partial, self._path)
        finally:
            self.abort()

    def abort(self) -> None:
        self.array = None
        remove(self._collected)
        remove(self._partial)


def _reserve(path: Path, size: int) -> None:
    """A file of `size` bytes on the disk: where a mapped one has to grow and cannot, the whole process is killed."""
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
