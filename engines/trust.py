"""Whether files of the cache may be used: not where another user could have put them there or could change them."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

BY_OTHERS = 0o022  # the bits of a mode that let the group, and everybody, write
_ROOT = 0


def untrusted(paths: Iterable[Path]) -> str | None:
    """Why files and folders of the cache are not used, of the first that another user owns or may write; None where all
    of them are this user's, or the system's, alone. What does not exist counts as trusted."""
    if not hasattr(os, "geteuid"):  # Windows keeps users apart by other means
        return None
    for path in paths:
        try:
            state = path.stat()
        except OSError:
            continue
        if state.st_uid not in (os.geteuid(), _ROOT):
            return f"{path} belongs to another user"
        if state.st_mode & BY_OTHERS and not state.st_mode & stat.S_ISVTX:  # as in /tmp, where each has its own files
            return f"others may write to {path}: chmod go-w it if its content is known to be right"
    return None
