"""A mark for an output that has its name before its report is written: the same command may put it there once more."""

import json
from pathlib import Path

from ..media.partial import write_names_through, write_through

FINISHED = "finished"  # the mark's name in the folder of a run


def mark_finished(folder: Path, output: Path) -> None:
    """Note in the folder of a run which file its output is, before that file gets its name. Raises OSError."""
    mark = folder / FINISHED
    mark.write_text(json.dumps(_identity(output)))
    write_through(mark)
    write_names_through(folder)


def is_marked(folder: Path, output: Path) -> bool:
    """Whether an output is the very file that the run of that folder has finished, and nobody has changed it since."""
    try:
        return not output.is_symlink() and json.loads((folder / FINISHED).read_text()) == _identity(output)
    except (OSError, ValueError, RecursionError):
        return False


def _identity(path: Path) -> dict[str, int]:
    """What a file keeps when it is renamed."""
    state = path.stat()
    return {"inode": state.st_ino, "bytes": state.st_size, "changed": state.st_mtime_ns}
