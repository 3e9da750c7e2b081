"""The data sets of an HDF5 file, by whatever links. A file from elsewhere must not read other files of the machine.

HDF5 can keep the samples of a data set in any other file: behind an external link, as the source of a virtual data set,
or as external raw storage, which has no format at all. Links and virtual data sets are followed to HDF5 files in the
folder of the file itself. Raw storage, and files elsewhere, are read only where the user allows it.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py

from ..errors import InputError, first_line

_MOST_LINKS = 16  # in a row: more lead round in a circle
_DAMAGED = (KeyError, ValueError, RuntimeError, OSError, TypeError)  # what h5py raises for damaged files
_ALLOW = "copy what is needed into one file, or pass --follow-links to lightfield where you trust this one"


class LinkError(InputError):
    """A key that leads to no data set that may be read; the message reads on after the key."""


class LinkedFile:
    """An open HDF5 file and the files that its links lead to. Close it, or use it as a context manager.

    beyond: follow links out of the file's folder, and read external raw storage.
    """

    def __init__(self, path: Path, beyond: bool = False):
        """Raises OSError for what is no HDF5 file."""
        self.path, self._beyond = path, beyond
        self._folders = path.absolute().parent.resolve(), path.resolve().parent
        self._context = ExitStack()
        self._opened: dict[Path, h5py.File] = {}
        self.file = self._open(path.resolve())

    @property
    def opened(self) -> list[Path]:
        """The files that were opened so far."""
        return list(self._opened)

    def data_set(self, key: str) -> h5py.Dataset:
        """The data set of that key. Raises LinkError, which says what is wrong with the key."""
        item = self._find(self.file["/"], key, _MOST_LINKS)
        if not isinstance(item, h5py.Dataset):
            raise LinkError("is no data set")
        self._check_storage(item, _MOST_LINKS)
        return item

    def __contains__(self, key: str) -> bool:
        """Whether the file has something of that name, be it a link that leads nowhere."""
        group, _, name = key.strip("/").rpartition("/")
        try:
            parent = self._find(self.file["/"], group, _MOST_LINKS)
        except LinkError:
            return False
        return isinstance(parent, h5py.Group) and _link(parent, name) is not None

    def data_sets(self) -> Iterator[tuple[str, h5py.Dataset | LinkError, bool]]:
        """Every key of a data set, in groups too: the data set, or why it cannot be read; and whether it is a further
        name of one that came before. Names that are no links come first."""
        seen: set[Any] = set()
        linked: list[tuple[str, Any]] = []
        for key, item in self._members(self.file["/"], "", seen, linked):
            yield key, self._checked(item), False
        for key, item in linked:
            if isinstance(item, h5py.Group):
                for name, member in self._members(item, f"{key}/", seen, []):
                    yield name, self._checked(member), False
            elif isinstance(item, h5py.Dataset | LinkError):
                yield key, self._checked(item), not isinstance(item, LinkError) and _seen(item, seen)

    def _members(
        self, group: h5py.Group, prefix: str, seen: set[Any], linked: list[tuple[str, Any]]
    ) -> Iterator[tuple[str, h5py.Dataset | LinkError]]:
        """The data sets stored below a group; what links lead to is added to `linked`, and so is what is damaged."""
        try:
            names = [] if _seen(group, seen) else [name for name in group if isinstance(name, str)]
        except _DAMAGED as error:
            names = []
            linked.append((prefix.rstrip("/") or "its root", LinkError(f"cannot be read ({first_line(error)})")))
        for name in names:
            try:
                item = self._member(group, name, _MOST_LINKS)
            except LinkError as error:
                linked.append((prefix + name, error))
                continue
            if not isinstance(_link(group, name), h5py.HardLink):
                linked.append((prefix + name, item))
            elif isinstance(item, h5py.Group):
                yield from self._members(item, f"{prefix}{name}/", seen, linked)
            elif isinstance(item, h5py.Dataset) and not _seen(item, seen):
                yield prefix + name, item

    def _checked(self, item: h5py.Dataset | LinkError) -> h5py.Dataset | LinkError:
        try:
            if isinstance(item, h5py.Dataset):
                self._check_storage(item, _MOST_LINKS)
        except LinkError as error:
            return error
        return item

    def _find(self, start: h5py.Group, key: str, left: int) -> Any:
        """What a key leads to from a group: one name after the other, so that each link is looked at."""
        item: Any = start
        for name in (part for part in key.split("/") if part not in ("", ".")):
            if not isinstance(item, h5py.Group):
                raise LinkError("is not there")
            item = self._member(item, name, left)
        return item

    def _member(self, group: h5py.Group, name: str, left: int) -> Any:
        link = _link(group, name)
        if link is None:
            raise LinkError("is not there")
        if not left:
            raise LinkError("is a link that leads round in a circle")
        if isinstance(link, h5py.SoftLink):
            start = group.file["/"] if link.path.startswith("/") else group
            return self._behind(start, link.path, link.path, left - 1)
        if isinstance(link, h5py.ExternalLink):
            file = self._named(link.filename, f"is a link to the file {link.filename}", group)
            return self._behind(file["/"], link.path, f"{link.filename}::{link.path}", left - 1)
        try:
            return group[name]
        except _DAMAGED as error:
            raise LinkError(f"cannot be read ({first_line(error)})") from error

    def _behind(self, start: h5py.Group, path: str, shown: str, left: int) -> Any:
        try:
            return self._find(start, path, left)
        except LinkError as error:
            raise LinkError(f"is a link to {shown}, which {error}") from error

    def _named(self, filename: str, what: str, item: h5py.Group | h5py.Dataset) -> h5py.File:
        """The file that an object names, where HDF5 looks for it: as it is named, or beside the file of the object."""
        named, folder = Path(filename), Path(item.file.filename).absolute().parent
        path = named if named.is_absolute() and named.exists() else folder / (named.name if named.root else named)
        path = path.resolve()
        if not self._beyond and not any(folder in path.parents for folder in self._folders):
            raise LinkError(f"{what}, which is not in the folder {self._folders[0]}; {_ALLOW}")
        if not path.is_file():
            raise LinkError(f"{what}, which is not there")
        try:
            return self._open(path)
        except OSError as error:
            raise LinkError(f"{what}, which cannot be opened ({first_line(error)})") from error

    def _open(self, path: Path) -> h5py.File:
        if path not in self._opened:
            self._opened[path] = self._context.enter_context(h5py.File(path, "r"))
        return self._opened[path]

    def _check_storage(self, data_set: h5py.Dataset, left: int) -> None:
        """Raises LinkError where samples of a data set are in a file that is not there or may not be read."""
        try:
            raw = data_set.external
            sources = data_set.virtual_sources() if data_set.is_virtual else []
        except _DAMAGED as error:
            raise LinkError(f"cannot be read ({first_line(error)})") from error
        if raw and not self._beyond:
            raise LinkError(f"keeps its samples as raw bytes of the file {raw[0][0]}; {_ALLOW}")
        for filename, name in sorted({(source.file_name, source.dset_name) for source in sources}):
            self._check_source(data_set, filename, name, left)

    def _check_source(self, data_set: h5py.Dataset, filename: str, name: str, left: int) -> None:
        what = f"is a virtual data set of {filename}::{name}"
        if "%" in filename + name:  # HDF5 puts numbers there, as many as it finds files
            if not self._beyond:
                raise LinkError(f"{what}, a pattern of names; {_ALLOW}")
            return
        if not left:
            raise LinkError(f"{what}, which leads round in a circle")
        file = data_set.file if filename == "." else self._named(filename, what, data_set)
        try:
            source = self._find(file["/"], name, left - 1)
        except LinkError as error:
            raise LinkError(f"{what}, which {error}") from error
        if not isinstance(source, h5py.Dataset):
            raise LinkError(f"{what}, which is no data set")
        self._check_storage(source, left - 1)

    def close(self) -> None:
        self._context.close()

    def __enter__(self) -> "LinkedFile":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def linked_files(path: Path, beyond: bool = False) -> list[Path]:
    """The files that data sets of a file are read from, besides itself; none where it is no HDF5 file."""
    try:
        with LinkedFile(path, beyond) as file:
            for _ in file.data_sets():
                pass
            return [other for other in file.opened if other != path.resolve()]
    except (KeyError, RuntimeError, OSError):  # opening it will say what is wrong
        return []


def check_data_sets(path: Path, keys: Iterable[str]) -> None:
    """Raises InputError for a data set of a file, of those keys, that `LinkedFile` does not read; others may lack."""
    with LinkedFile(path) as file:
        for key in keys:
            try:
                if key in file:
                    file.data_set(key)
            except LinkError as error:
                raise InputError(f"{path}: /{key} {error}") from error


def _link(group: h5py.Group, name: str) -> Any:
    """The link of that name; None where there is none."""
    try:
        return group.get(name, getlink=True)
    except _DAMAGED as error:
        raise LinkError(f"cannot be read ({first_line(error)})") from error


def _seen(item: h5py.Group | h5py.Dataset, seen: set[Any]) -> bool:
    """Whether an object was there before; from now on it was."""
    try:
        info = h5py.h5o.get_info(item.id)
    except _DAMAGED:
        if isinstance(item, h5py.Group):
            raise
        return False
    key = info.fileno, info.addr
    before = key in seen
    seen.add(key)
    return before
