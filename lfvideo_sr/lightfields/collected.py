"""Targets of formats that are written whole: views are collected in a file beside it until the last one is there."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from .partial import partial_of, remove, writing


class Collected:
    """An array that lies in a file, so that only the last step needs it in memory; what encodes it is a subclass's."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype):
        self._path, self._partial = path, partial_of(path)
        self._collected = path.with_name(f"{path.stem}.partial.array")
        with writing(path):
            self.array: Any = np.memmap(self._collected, dtype, "w+", shape=shape)

    def encode(self, path: Path) -> None:
        """Write the array to a file; raises OSError."""
        raise NotImplementedError

    def close(self) -> None:
        try:
            with writing(self._path):
                self.encode(self._partial)
                os.replace(self._partial, self._path)
        finally:
            self.abort()

    def abort(self) -> None:
        self.array = None
        remove(self._collected)
        remove(self._partial)
