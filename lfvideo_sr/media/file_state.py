"""Whether a file is still the one that was opened."""

from pathlib import Path
from typing import NamedTuple

from ..errors import InputError


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
