"""Targets that appear under their name only when they are whole."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import OutputError


def partial_of(path: Path) -> Path:
    """The unfinished name beside the target: sr.h5 -> sr.partial.h5, a folder sr -> sr.partial."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What fails while writing leaves nothing unfinished behind, and reads as one line."""
    try:
        yield
    except OSError as error:
        remove(partial_of(path))
        full = error.errno == errno.ENOSPC
        why = "the disk is full; free some space" if full else f"cannot be written ({error.strerror or error})"
        raise OutputError(f"{path}: {why}, or choose another -o") from error


def remove(path: Path) -> None:
    """A file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
