"""Whether a name is that of a file that a clip can be read from. This file imports nothing heavy."""

import re
from pathlib import Path

from ..errors import InputError


def check_file(path: Path) -> None:
    """Refuse what is no file to read: a clip is opened more than once, so a pipe will not do."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a video file")
    if not path.exists():
        if re.match(r"[a-z]{2,}:/", str(path)):
            raise InputError(f"{path} is an address, and only files are read; download it first")
        raise InputError(f"{path} does not exist; check the name")
    if not path.is_file():
        raise InputError(
            f"{path} is a pipe or a device, and a video is read more than once; save it, or give it to `stream -`"
        )
    if not path.stat().st_size:
        raise InputError(f"{path} is empty; copy or record it again")
