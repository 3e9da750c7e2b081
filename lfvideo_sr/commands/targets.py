"""Refuses files to be written before anything is loaded, where writing would fail later."""

from pathlib import Path

from ..errors import OutputError


def check_target(output: Path, overwrite: bool) -> None:
    """Refuse what the sink would refuse."""
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists; pass --overwrite or give another -o")
    check_folder(output, "-o")


def check_folder(path: Path, option: str) -> None:
    """Refuse a file to be written where there is no folder for it."""
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is no folder; make it, or give another {option}")
