"""Targets that appear under their name only when they are whole."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import OutputError
from ..media.partial import claim_partial

_FILES = {".h5", ".hdf5", ".mat", ".png", ".jpg", ".mp4", ".mkv", ".mov"}
_LEFT = {".png", ".cfg"}  # what a run leaves in a folder


@contextmanager
def writing(path: Path, unfinished: Path | None = None) -> Iterator[None]:
    """What fails while writing a target removes what there is of it, and reads as one line."""
    try:
        yield
    except OSError as error:
        if unfinished is not None:
            remove(unfinished)
        full = error.errno == errno.ENOSPC
        why = "the disk is full; free some space" if full else f"cannot be written ({error.strerror or error})"
        raise OutputError(f"{path}: {why}, or choose another -o") from error


def remove(path: Path) -> None:
    """A file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def check_ending(path: Path, endings: tuple[str, ...], what: str) -> None:
    """Refuse a name that says something else than what is written."""
    if path.suffix.lower() not in endings:
        raise OutputError(f"{path}: the output is {what}, as the input; end -o in {' or '.join(endings)}")


def check_folder(path: Path) -> None:
    """Refuse a file where a folder is to be, and a folder with more in it than an earlier run leaves: it is replaced
    whole."""
    if path.is_file() or path.suffix.lower() in _FILES:
        raise OutputError(f"{path}: the output is a folder of pictures, as the input; give -o a folder's name")
    entries = list(path.iterdir()) if path.is_dir() else []
    foreign = [entry.name for entry in entries if entry.suffix not in _LEFT or entry.is_dir()]
    if foreign:
        raise OutputError(f"{path} holds {min(foreign)}, which would be deleted; give -o another folder's name")


def replace_folder(partial: Path, path: Path) -> None:
    """Give a finished folder its name, in the place of an earlier run's."""
    with writing(path, partial):
        if path.is_symlink():
            path.unlink()  # where it leads is somebody's
        elif path.is_dir():
            shutil.rmtree(path)
        os.replace(partial, path)


class PartialFolder:
    """A target that is a folder of pictures: `folder` has its unfinished name until `close`."""

    def __init__(self, path: Path):
        self._path = path
        check_folder(path)
        with writing(path):
            self.folder = claim_partial(path, folder=True)

    def close(self) -> None:
        replace_folder(self.folder, self._path)

    def abort(self) -> None:
        remove(self.folder)
