"""Whether a file is still the one that was opened, and can be read."""

from pathlib import Path
from typing import NamedTuple

from ..errors import InputError

_BLOCK = 1 << 20  # bytes


class FileState(NamedTuple):
    """A file's bytes and the time of its last change, nanoseconds; both -1 where there is none."""

    size: int
    changed: int


def state_of(path: Path) -> FileState:
    """The present state of a file."""
    try:
        status = path.stat()
    except OSError:
        return FileState(-1, -1)
    return FileState(status.st_size, status.st_mtime_ns)


def check_unchanged(path: Path, before: FileState) -> None:
    """Raise InputError where a file has changed since: what was read of it may be cut short or mixed."""
    now = state_of(path)
    if now == before:
        return
    how = f"it had {before.size} bytes and has {now.size}" if now.size != before.size else "it was written anew"
    if now.size < 0:
        how = "it is gone"
    raise InputError(f"{path} changed while it was read: {how}; run the command again when nothing writes to it")


def check_readable(path: Path, begin: int) -> None:
    """Raise InputError where a file cannot be read from byte `begin` on: FFmpeg takes a disk that fails, or a network
    that is gone, for the end of the file."""
    try:
        with path.open("rb") as file:
            file.seek(begin)
            while file.read(_BLOCK):
                pass
    except OSError as error:
        raise InputError(
            f"{path} cannot be read to its end ({error.strerror}); check its disk or its connection, and run the same "
            "command again"
        ) from error
