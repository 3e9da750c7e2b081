"""The folder of a run, and the list in it of the files that the run has written: no other file there is replaced or
removed."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from ..errors import OutputError

LIST = "run.files"  # one name a line, relative to the folder
CHECKPOINT, BEST, CONFIG, LOG = "last.pt", "best.pt", "config.yaml", "log.csv"
LOCK = "run.lock"  # held while a training is at work here
PICTURES, BOARD = "pictures", "tensorboard"
_OF_A_RUN = {"step", "averaged", "modules", "optimizers"}  # what a checkpoint of a run holds


def unfinished(path: Path) -> Path:
    """What a checkpoint is called until it is whole."""
    return path.with_suffix(".tmp")


_WRITTEN_ANEW = (LOCK, CONFIG, LOG, CHECKPOINT, BEST, *(unfinished(Path(name)).name for name in (CHECKPOINT, BEST)))


class RunFolder:
    """The folder `path` of a run. A name is in the list before its file is there, so that a run that was killed leaves
    nothing unlisted."""

    def __init__(self, path: Path):
        self.path = path
        self._listed = list(dict.fromkeys(_lines(path / LIST)))
        self._lock = FileLock(path / LOCK, timeout=0)

    def claim(self, resume: bool = True) -> None:
        """Make the folder and take it for this run until `close`. Without `resume`, remove an earlier run's files from
        it first.

        Raises OutputError, with nothing changed, where a file that no run has written has a name that this run needs,
        and where another training is at work there.
        """
        taken = [name for name in _WRITTEN_ANEW if os.path.lexists(self.path / name) and name not in self._listed]
        if taken and not (_is_of_a_run(self.path / CHECKPOINT) or _is_of_a_run(self.path / BEST)):
            raise OutputError(f"{self.path / taken[0]} is not a run's; move it away, or give another folder with -o")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._list(LOCK)
            self._lock.acquire()
            for name in taken:  # of a run that kept no list
                self._list(name)
            if not resume:
                self._clear()
            for name in _WRITTEN_ANEW:
                self._list(name)
        except Timeout:
            raise OutputError(
                f"another training writes to {self.path}; wait for it, or give another folder with -o"
            ) from None
        except OSError as error:
            raise OutputError(f"{self.path}: {error.strerror}; give another folder with -o") from error

    def close(self) -> None:
        """Let others have the folder."""
        self._lock.release()

    def register(self, name: str) -> Path:
        """List a file that the run is about to write, and make its folder; returns its path. Raises OutputError where
        something else has that name."""
        path = self.path / name
        if name not in self._listed and os.path.lexists(path):
            raise OutputError(f"{path} is not this run's; move it away")
        self._list(name)
        path.parent.mkdir(exist_ok=True)
        return path

    def register_new(self, folder: str, before: set[Path]) -> None:
        """List the files of an inner folder that were not there before."""
        for path in set((self.path / folder).glob("*")) - before:
            self._list(f"{folder}/{path.name}")

    def _list(self, name: str) -> None:
        if name not in self._listed:
            with (self.path / LIST).open("a", encoding="utf-8") as file:
                file.write(f"{name}\n")
            self._listed.append(name)

    def _clear(self) -> None:
        """Remove what is listed, the inner folders that are empty then, and the list."""
        inner = self._inner()
        for name in set(self._listed) - {LOCK}:
            path = self.path / name
            if path.parent.resolve() in (self.path.resolve(), *inner) and (path.is_file() or path.is_symlink()):
                path.unlink()
        for folder in inner:
            with suppress(OSError):
                folder.rmdir()
        (self.path / LIST).unlink(missing_ok=True)
        self._listed = []

    def _inner(self) -> list[Path]:
        """The inner folders that a run makes, those that are links left out."""
        folders = [self.path / name for name in (PICTURES, BOARD)]
        return [folder.resolve() for folder in folders if folder.is_dir() and not folder.is_symlink()]


def _is_of_a_run(path: Path) -> bool:
    """Whether a file is a checkpoint as runs save them."""
    if not path.is_file():
        return False
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return state.keys() >= _OF_A_RUN
    except Exception:  # whatever the reader raises, the file is none
        return False


def _lines(path: Path) -> Iterator[str]:
    if path.is_file():
        yield from path.read_text(encoding="utf-8", errors="replace").splitlines()
