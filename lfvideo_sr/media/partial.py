"""What a target is called until it is whole, and how it gets to the disk."""

import os
from contextlib import suppress
from itertools import count
from pathlib import Path


def partial_of(path: Path) -> Path:
    """The unfinished name beside the target: sr.h5 -> sr.partial.h5, a folder sr -> sr.partial."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def claim_partial(path: Path, *, folder: bool = False) -> Path:
    """Make the unfinished file of a target, or the folder, empty, under a name that was free: sr.partial.h5, else
    sr.partial-2.h5 and so on. What has such a name already, a link too, is somebody's and is left alone.

    Raises OSError where nothing can be made there.
    """
    for number in count(1):
        name = partial_of(path) if number == 1 else path.with_name(f"{path.stem}.partial-{number}{path.suffix}")
        with suppress(FileExistsError):
            if folder:
                name.mkdir()
            else:
                os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            return name
    raise AssertionError("some name is free")


def write_through(path: Path) -> None:
    """Return when a file's content and its name have reached the disk. Devices have nothing to wait for."""
    for name in (path, path.parent) if path.is_file() else ():
        handle = os.open(name, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
