"""Targets that appear under their name only when they are whole."""

import errno
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import OutputError
from ..media.partial import claim_partial, write_names_through

_FILES = {".h5", ".hdf5", ".mat", ".png", ".jpg", ".mp4", ".mkv", ".mov"}


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


def check_folder(path: Path, names: Collection[str] = (), earlier: Collection[str] = ()) -> None:
    """Refuse a file where a folder of pictures with these names is to be, and a folder with a picture that would be
    taken for one of them, unless an earlier run has left it."""
    if path.is_file() or path.suffix.lower() in _FILES:
        raise OutputError(f"{path}: the output is a folder of pictures, as the input; give -o a folder's name")
    kinds = {_words(name) for name in names}
    for entry in sorted(path.iterdir()) if path.is_dir() else []:
        if entry.name in names and entry.is_dir():
            raise OutputError(f"{path} holds a folder {entry.name}, which a view is called; give -o another name")
        if _words(entry.name) in kinds and entry.name not in names and entry.name not in earlier:
            why = "which is none of the views to be written and would be taken for one"
            raise OutputError(f"{path} holds {entry.name}, {why}; remove it, or give -o another folder's name")


def _words(name: str) -> tuple[str, ...]:
    """What stands between the numbers of a name."""
    return tuple(re.split(r"\d+", name))


def files_of_earlier_run(path: Path) -> frozenset[str]:
    """The names that a run before has left in a folder, by the report beside it; none where there is no such report."""
    try:
        report = json.loads(path.with_name(f"{path.stem}.report.json").read_text(encoding="utf-8"))
        names = report["output_files"]
        return frozenset(name for name in names if isinstance(name, str) and Path(name).name == name)
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()


def fill_folder(partial: Path, path: Path, earlier: Collection[str] = ()) -> None:
    """Give a finished folder its name. Where that folder is there, its files go into it, and what else an earlier run
    has left goes; all other files stay."""
    with writing(path, partial):
        if path.is_symlink():
            path.unlink()  # where it leads is somebody's
        if not path.is_dir():
            os.replace(partial, path)
            write_names_through(path.parent)
            return
        finished = {entry.name: entry for entry in partial.iterdir()}
        for name in set(earlier) - finished.keys():
            (path / name).unlink(missing_ok=True)
        for name, entry in finished.items():
            os.replace(entry, path / name)
        write_names_through(path)
        partial.rmdir()


class PartialFolder:
    """A target that is a folder of pictures: `folder` has its unfinished name until `close`.

    names: of the pictures to be written. files: after `close`, of all that is there by it.
    """

    files: Collection[str] = ()

    def __init__(self, path: Path, names: Collection[str]):
        self._path, self._earlier = path, files_of_earlier_run(path)
        check_folder(path, names, self._earlier)
        with writing(path):
            self.folder = claim_partial(path, folder=True)

    def close(self) -> None:
        self.files = [entry.name for entry in self.folder.iterdir()]
        fill_folder(self.folder, self._path, self._earlier)

    def abort(self) -> None:
        remove(self.folder)
