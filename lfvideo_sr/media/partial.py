"""What a target is called until it is whole."""

from pathlib import Path


def partial_of(path: Path) -> Path:
    """The unfinished name beside the target: sr.h5 -> sr.partial.h5, a folder sr -> sr.partial."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")
