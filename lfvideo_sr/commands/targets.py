"""Refuses files to be written before anything is loaded, where writing would fail or destroy something later."""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from ..errors import OutputError
from ..media.partial import check_length, named_beside
from ..report import is_report

REPORT = "--report"


def check_targets(
    targets: Mapping[str, Path], read: Iterable[Path], overwrite: bool, ours: Collection[Path] = ()
) -> None:
    """Refuse files to be written, by the options that name them: what is `read` or holds it, two of one name, what has
    no folder, and what exists, unless it may be replaced. An older report always may, and what is `ours`."""
    check_lengths(targets)
    taken = {path.resolve() for path in read if path.exists()}
    for option, path in targets.items():
        if path.resolve() in taken:
            raise OutputError(f"{path} is read here; give another name to write to with {option}")
        if any(path.resolve() in path_read.parents for path_read in taken):
            raise OutputError(f"{path} holds what is read here; give another name to write to with {option}")
        if not path.parent.is_dir():
            raise OutputError(f"{path.parent} is no folder; make it, or give another {option}")
    _check_names(targets)
    for option, path in targets.items():
        if option == REPORT and path.is_dir():
            raise OutputError(f"{path} is a folder; give a file name with {option}")
        replaceable = overwrite or path in ours or (option == REPORT and is_report(path))
        if os.path.lexists(path) and not replaceable:
            raise OutputError(f"{path} exists; pass --overwrite or give another {option}")


def beside(path: Path, ending: str) -> Path:
    """`<stem><ending>` in the folder of `path`, which may be `.`"""
    named = path if path.name not in ("", "..") else path.resolve()
    if not named.name:
        raise OutputError(f"{path} has no name to call a result by; give -o and --report")
    return named_beside(named, named.stem, ending)


def check_lengths(targets: Mapping[str, Path]) -> None:
    """Refuse names that are longer than their file system takes, by the options that name them."""
    for option, path in targets.items():
        check_length(path, option)


def _check_names(targets: Mapping[str, Path]) -> None:
    options: dict[Path, str] = {}
    for option, path in targets.items():
        first = options.setdefault(path.resolve(), option)
        if first != option:
            raise OutputError(f"{path} is named twice, by {first} and by {option}; give each its own")
