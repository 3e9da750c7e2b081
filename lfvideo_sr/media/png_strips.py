"""A PNG written from top to bottom, so that a picture of gigabytes is never held whole: no library here does it."""

import struct
import zlib
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from ..frames import Size
from .partial import claim_partial, put_in_place, unwritable

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB, _RGBA = 2, 6  # colour types
_SUB = 1  # filter of every row: each sample minus the one on its left
_LEVEL = 4  # of compression


class PngStrips:
    """A context manager for a PNG of `size` with 8 or 16 bits per channel, which appears under its name when the
    context is left with all its rows written. Raises OutputError where it cannot be written.

    alpha: it has transparency, as a fourth channel.
    """

    def __init__(self, path: Path, size: Size, bit_depth: int = 8, alpha: bool = False):
        self._path, self._size, self._bit_depth = path, size, bit_depth
        self._colour_type = _RGBA if alpha else _RGB
        self._rows = 0

    def __enter__(self) -> "PngStrips":
        try:
            self._partial = claim_partial(self._path)
            self._file = self._partial.open("wb")
        except OSError as error:
            raise unwritable(self._path, error) from error
        self._packer = zlib.compressobj(_LEVEL, strategy=zlib.Z_FILTERED)
        header = struct.pack(">IIBBBBB", *self._size, self._bit_depth, self._colour_type, 0, 0, 0)
        self._put(_SIGNATURE + _chunk(b"IHDR", header))
        return self

    def write(self, pixels: np.ndarray) -> None:
        """The next rows, float [3,n,W] RGB in [0,1], with transparency [4,n,W]."""
        self._rows += pixels.shape[1]
        self._put_packed(self._packer.compress(_filtered(_samples(pixels, self._bit_depth))))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._drop()
            return
        assert self._rows == self._size.height, f"{self._rows} of {self._size.height} rows were written"
        self._put_packed(self._packer.flush())
        self._put(_chunk(b"IEND", b""))
        try:
            self._file.close()
            put_in_place(self._partial, self._path)
        except OSError as failure:
            self._drop()
            raise unwritable(self._path, failure) from failure

    def _put_packed(self, data: bytes) -> None:
        if data:
            self._put(_chunk(b"IDAT", data))

    def _put(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            self._drop()
            raise unwritable(self._path, error) from error

    def _drop(self) -> None:
        with suppress(OSError):
            self._file.close()
        self._partial.unlink(missing_ok=True)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _samples(pixels: np.ndarray, bit_depth: int) -> np.ndarray:
    """Float [c,n,W] -> the bytes of rows, uint8 [n,W,c or 2c]."""
    peak = (1 << bit_depth) - 1
    levels = (np.clip(pixels, 0, 1) * peak + 0.5).astype(np.uint8 if bit_depth == 8 else ">u2").transpose(1, 2, 0)
    return np.ascontiguousarray(levels).view(np.uint8)


def _filtered(samples: np.ndarray) -> bytes:
    """Rows [n,W,b] as PNG stores them: the filter's number, then differences."""
    height, width, size = samples.shape
    rows = np.empty((height, 1 + width * size), np.uint8)
    rows[:, 0] = _SUB
    rows[:, 1 : 1 + size] = samples[:, 0]
    rows[:, 1 + size :] = (samples[:, 1:] - samples[:, :-1]).reshape(height, -1)
    return rows.tobytes()
