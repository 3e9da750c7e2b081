"""What a target is called until it is whole, and how it gets to the disk."""

import os
from pathlib import Path


def partial_of(path: Path) -> Path:
    """The unfinished name beside the target: sr.h5 -> sr.partial.h5, a folder sr -> sr.partial."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def write_through(path: Path) -> None:
    """Return when a file's content and its name have reached the disk. Devices have nothing to wait for."""
    for name in (path, path.parent) if path.is_file() else ():
        handle = os.open(name, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
