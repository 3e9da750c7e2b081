"""What a target and the files beside it are called until it is whole, and how it gets to the disk."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import count
from pathlib import Path

from ..errors import OutputError

_USUAL_LIMIT = 255  # bytes of a name, where the system does not tell
_ROOM: ContextVar[Path | None] = ContextVar("room for unfinished files", default=None)
_NO_FOLDERS = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM)  # said where folders have no fsync


def longest_name(folder: Path) -> int:
    """How many bytes a name in a folder may have."""
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # Windows has no such call
        return _USUAL_LIMIT


def fits(path: Path) -> bool:
    """Whether a name is short enough for its file system."""
    return len(os.fsencode(path.name)) <= longest_name(path.parent)


def check_length(path: Path, option: str = "-o") -> None:
    """Raise OutputError for a name that is longer than its file system takes."""
    length, limit = len(os.fsencode(path.name)), longest_name(path.parent)
    if length > limit:
        raise OutputError(
            f"{path.name[:24]}... is a name of {length} bytes, and its file system takes {limit}; "
            f"give a shorter one with {option}"
        )


def named_beside(path: Path, stem: str, ending: str) -> Path:
    """`<stem><ending>` in the folder of `path`. A stem that is too long for the file system is cut, and a hash of it
    keeps its name apart from others that begin alike."""
    room = longest_name(path.parent) - len(os.fsencode(ending))
    if len(os.fsencode(stem)) > room:
        mark = f"-{hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]}"
        stem = os.fsencode(stem)[: room - len(mark)].decode(errors="ignore") + mark
    return path.with_name(f"{stem}{ending}")


def folder_beside(path: Path, ending: str) -> Path:
    """The folder `<name><ending>` beside a target, which may be `.`"""
    named = path if path.name not in ("", "..") else path.resolve()
    return named_beside(named, named.name, ending) if named.name else named / ending


def partial_of(path: Path) -> Path:
    """The unfinished name beside the target: sr.h5 -> sr.partial.h5, a folder sr -> sr.partial."""
    return named_beside(path, path.stem, f".partial{path.suffix}")


@contextmanager
def unfinished_in(folder: Path) -> Iterator[None]:
    """Inside, in this thread, unfinished files of targets on that folder's disk are made in it, not beside them."""
    token = _ROOM.set(folder)
    try:
        yield
    finally:
        _ROOM.reset(token)


def claim_partial(path: Path, *, folder: bool = False) -> Path:
    """Make the unfinished file of a target, or the folder, empty, under a name that was free: sr.partial.h5, else
    sr.partial-2.h5 and so on. What has such a name already, a link too, is somebody's and is left alone.

    Raises OSError where nothing can be made there.
    """
    room = _ROOM.get()
    if room is not None and room.stat().st_dev == path.parent.stat().st_dev:
        path = room / path.name
    for number in count(1):
        name = partial_of(path) if number == 1 else named_beside(path, path.stem, f".partial-{number}{path.suffix}")
        with suppress(FileExistsError):
            if folder:
                name.mkdir()
            else:
                os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            return name
    raise AssertionError("some name is free")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """The claimed file of a target, which the block is to write. It gets the target's name when the block ends, and is
    removed when the block raises. Raises OSError where it cannot be made or renamed."""
    partial = claim_partial(path)
    try:
        yield partial
        put_in_place(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def unwritable(path: Path, error: OSError) -> OutputError:
    """The error to raise for a target that could not be written."""
    full = error.errno == errno.ENOSPC
    return OutputError(
        f"{path}: {'the disk is full; free some space' if full else f'cannot be written: {error.strerror}'}"
    )


def put_in_place(unfinished: Path, path: Path) -> None:
    """Give a finished file its name, in place of what has that name. This returns when both content and name have
    reached the disk: what is removed or recorded afterwards cannot get there before them. Raises OSError."""
    write_through(unfinished)
    os.replace(unfinished, path)
    write_names_through(path.parent)


def write_through(path: Path) -> None:
    """Return when a file's content has reached the disk. Devices have nothing to wait for."""
    if path.is_file():
        _synchronise(path)


def write_names_through(folder: Path) -> None:
    """Return when the names in a folder have reached the disk, where the system can say so."""
    try:
        _synchronise(folder)
    except OSError as error:
        if error.errno not in _NO_FOLDERS:
            raise


def _synchronise(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
