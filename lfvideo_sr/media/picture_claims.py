"""What a picture claims to be by its header, looked at before anything is decoded or anything heavy is loaded."""

from pathlib import Path

import numpy as np

from .limits import check_content, check_file_size, check_pixels
from .picture_sizes import pixels_claimed

_SCALE = 4  # of every method, before it is known which one runs


def check_claim(path: Path, enlarged: bool = True) -> None:
    """Refuse a picture by its header alone where it, or with `enlarged` what would be made of it, has more pixels than
    are allowed, and where it holds next to nothing. What cannot be read is left to its reader."""
    try:
        if not path.is_file():
            return
        check_file_size(path.stat().st_size, path)
        data = np.fromfile(path, np.uint8)
    except OSError:
        return
    claimed = pixels_claimed(data)
    if claimed is not None:
        check_claimed(claimed, data.size, str(path))
        if enlarged:
            check_pixels(claimed * _SCALE**2, f"the result of {path}")


def check_claimed(claimed: int, stored: int, name: str) -> None:
    """Refuse a picture of more pixels than are allowed, and one of millions of them in a file of hardly any bytes."""
    check_pixels(claimed, name)
    check_content(claimed, stored, name)
