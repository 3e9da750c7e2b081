"""An HDF5 or MATLAB file as detection sees it: arrays by key, whatever library read them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..frames import Size
from .arrangement import Arrangement, Axes, Extent

_SHOWN = 12  # arrays of a file that an error names


@dataclass(frozen=True)
class ArrayRequest:
    """What the user says of a file of arrays; None: to be detected.

    key:    of the data set, of FILE::/key.
    layout: a name, or axes as "row,~column,y,x,channel".
    grid:   rows and columns, where the file does not say.
    item:   which of several scenes or frames.
    sharp:  take the high-resolution part of a file that holds both.
    """

    key: str | None = None
    layout: str | None = None
    grid: tuple[int, int] | None = None
    item: int | None = None
    sharp: bool = False


class ArrayFile(Mapping[str, Any]):
    """The arrays of a file by key, and the attributes of its root."""

    def __init__(self, path: Path, arrays: Mapping[str, Any], attributes: Mapping[str, Any], kind: str):
        """kind: "hdf5", "matlab5" or "matlab73"."""
        self.path, self.attributes, self.kind = path, attributes, kind
        self._arrays = arrays

    def __getitem__(self, key: str) -> Any:
        return self._arrays[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def existing(self, key: str) -> str:
        """The key itself; InputError where the file has no such array."""
        if key not in self:
            raise self.refuse(f"no data set /{key}")
        return key

    def describe(self, key: str) -> str:
        """ "LF uint8 [9,9,96,96,3]" """
        return f"{key} {self[key].dtype} [{','.join(map(str, self[key].shape))}]"

    @property
    def tree(self) -> str:
        """Keys, types and shapes on one line."""
        shown = ", ".join(self.describe(key) for key in list(self)[:_SHOWN])
        return (shown or "no data sets") + (f" and {len(self) - _SHOWN} more" if len(self) > _SHOWN else "")

    def refuse(self, why: str) -> InputError:
        """One line: what is wrong, what the file holds, and an example."""
        example = f"lfvideo-sr lightfield '{self.path}::/KEY' --layout row,column,y,x,channel"
        return InputError(f"{self.path}: {why}; it holds: {self.tree}; name one and its axes, like: {example}")


@dataclass(frozen=True)
class StoredViews:
    """Where the views of an array are, and how many.

    sizes:  (width, height) of each item's true part, where items are padded to a common size.
    origin: where the number of views comes from, where the array does not say; may be empty.
    """

    arrangement: Arrangement
    extent: Extent
    sizes: tuple[Size, ...] = ()
    origin: str = ""


class Clue(NamedTuple):
    """Why an array may have a layout; `sure` where no other layout can have it."""

    reason: str
    sure: bool = True


class Detection(NamedTuple):
    """The key of the array to read, its layout's name, why it was taken for that, and its views."""

    key: str
    layout: str
    decided: str
    stored: StoredViews


Recognise = Callable[[ArrayFile, str], Clue | None]
Locate = Callable[[ArrayFile, str, Axes, ArrayRequest], StoredViews]
Companion = Callable[[Extent], np.ndarray]
