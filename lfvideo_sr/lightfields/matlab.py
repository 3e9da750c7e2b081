"""MATLAB files. v7.3 is HDF5 and is read view by view; v5 can only be read and written whole."""

from pathlib import Path

import numpy as np

from ..errors import InputError, OutputError
from .arrangement import Arrangement, Extent
from .array_file import ArrayFile
from .collected import Collected
from .partial import check_ending

SUFFIXES = (".mat",)
LIMIT = (1 << 31) - 1  # bytes of one variable of v5


def read_matlab5(path: Path) -> ArrayFile:
    """The numeric variables of a v5 file by name."""
    from scipy.io import loadmat

    try:
        loaded = loadmat(path)
    except Exception as error:  # scipy raises many kinds for damaged files
        raise InputError(f"{path} cannot be read as MATLAB v5 ({error}); it is damaged or cut short") from error
    arrays = {key: value for key, value in loaded.items() if isinstance(value, np.ndarray) and not key.startswith("__")}
    return ArrayFile(path, arrays, {}, "matlab5")


class Matlab5Store:
    """Makes v5 files of one variable of the same name."""

    def __init__(self, key: str):
        self._key = key

    def create(
        self, path: Path, arrangement: Arrangement, extent: Extent, dtype: np.dtype, places: object
    ) -> "_Matlab5Target":
        check_ending(path, SUFFIXES, "MATLAB v5")
        return _Matlab5Target(path, self._key, arrangement.shape(extent), dtype)

    def close(self) -> None:
        pass


class _Matlab5Target(Collected):
    def __init__(self, path: Path, key: str, shape: tuple[int, ...], dtype: np.dtype):
        self._key = key
        size = int(np.prod([*shape, dtype.itemsize]))
        if size > LIMIT:
            raise OutputError(
                f"{path}: a MATLAB v5 variable holds 2 GB, this one needs {size / 1e9:.1f}; save the input as v7.3, "
                "or choose a part with --views"
            )
        super().__init__(path, shape, dtype)

    def encode(self, path: Path) -> None:
        from scipy.io import savemat

        with path.open("wb") as file:
            savemat(file, {self._key: np.asarray(self.array)}, do_compression=True)
