"""What the words behind `--refs` name. This file imports nothing heavy, so that a wrong name is reported at once."""

import re
from pathlib import Path

from ..errors import ReferencesMissing

MANIFEST = "refs.csv"  # in a folder of stills
_TRACK_SUFFIX = re.compile(r"(.+)#v:(\d+)")


def path_and_track(named: str) -> tuple[Path, int | None]:
    """FILE#v:1 -> FILE and 1; any other name, and a file that is really called so, has no track number."""
    path = Path(named)
    if not path.exists() and (match := _TRACK_SUFFIX.fullmatch(named)):
        return Path(match[1]), int(match[2])
    return path, None


def check_references_exist(where: Path) -> None:
    """Raise ReferencesMissing where nothing has that name."""
    if not where.exists():
        raise ReferencesMissing(f"no references at {where}; give a folder of stills, a video, an HDF5, or a manifest")


def manifest_named(where: Path) -> Path | None:
    """The manifest that a name stands for, or the one in a folder of that name."""
    manifest = where if where.suffix.lower() == ".csv" else where / MANIFEST
    return manifest if manifest.is_file() else None
