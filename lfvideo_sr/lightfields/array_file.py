"""An HDF5 or MATLAB file as detection sees it: arrays by key, whatever library read them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..frames import Size
from .arrangement import Arrangement, Axes, Extent

_SHOWN = 12  # arrays of a file that an error names
_AXES = {  # likely ones of an array, for examples, by their number
    3: "column,y,x",
    4: "column,y,x,channel",
    5: "row,column,y,x,channel",
    6: "item,row,column,y,x,channel",
}


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

    def __init__(
        self, path: Path, arrays: Mapping[str, Any], attributes: Mapping[str, Any], kind: str,
        unread: Mapping[str, str] = MappingProxyType({}), aliases: frozenset[str] = frozenset(),
    ):  # fmt: skip
        """kind: "hdf5", "matlab5" or "matlab73". unread: keys of arrays that are not read, and why, to be read on after
        the key. aliases: keys that are further names of other arrays."""
        self.path, self.attributes, self.kind = path, attributes, kind
        self.aliases = aliases
        self._arrays, self._unread = arrays, unread

    def __getitem__(self, key: str) -> Any:
        return self._arrays[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def existing(self, key: str) -> str:
        """The key itself; InputError where the file has no such array."""
        if key in self:
            return key
        if key in self._unread:
            raise InputError(f"{self.path}: /{key} {self._unread[key]}")
        inside = [name for name in self if name.startswith(f"{key}/")]
        raise self.refuse(f"/{key} is a group" if inside else f"no data set /{key}", inside)

    def describe(self, key: str) -> str:
        """ "LF uint8 [9,9,96,96,3]" """
        return f"{key} {self[key].dtype} [{','.join(map(str, self[key].shape))}]"

    @property
    def tree(self) -> str:
        """Keys, types and shapes on one line."""
        described = [self.describe(key) for key in self] + [f"{key} {why}" for key, why in self._unread.items()]
        more = f" and {len(described) - _SHOWN} more" if len(described) > _SHOWN else ""
        return (", ".join(described[:_SHOWN]) or "no data sets") + more

    def refuse(self, why: str, keys: Sequence[str] = ()) -> InputError:
        """One line: what is wrong, what the file holds, and an example with an array of the file, of `keys` if any."""
        message = f"{self.path}: {why}; it holds: {self.tree}"
        key = next((key for key in keys or self if self[key].ndim in _AXES), None)
        if key is None:
            return InputError(f"{message}; none of these has the axes of views, give another file")
        example = f"lfvideo-sr lightfield '{self.path}::/{key}' --layout {_AXES[self[key].ndim]}"
        return InputError(f"{message}; name one and its axes, like: {example}")


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
Companion = Callable[[Extent, str], np.ndarray]  # of an array of that extent, under that key
