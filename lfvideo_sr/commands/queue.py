"""Many clips, one after the other: those that are done are passed over, and one that fails does not stop the others."""

import glob
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import InputError, LFVideoError, OutputError, QueueFailed, UsageError, first_line
from ..media.picture_sequence import is_sequence
from .output_target import default_output
from .progress import Progress

_WILD = frozenset("*?[")
_DONE = "done"


class Run(Protocol):
    """What is to be done with a clip."""

    def run(self) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """What became of a clip: `done`, or the one line that says why not."""

    path: Path
    outcome: str

    @property
    def failed(self) -> bool:
        return self.outcome != _DONE


def queued(named: Path) -> list[Path] | None:
    """The clips that a pattern or a list names, in order; None where the name is that of a single clip, which a pattern
    is that matches pictures only.

    A list is a text file (.txt) with a path a line, as seen from its own folder; blank lines and those that begin with
    # do not count. Raises InputError where a pattern matches nothing, or a list is empty or cannot be read.
    """
    if named.suffix.lower() == ".txt":
        return _listed(named)
    if named.exists() or not _WILD & set(str(named)) or is_sequence(named):
        return None
    paths = [Path(name) for name in sorted(glob.glob(str(named))) if Path(name).is_file()]
    if not paths:
        raise InputError(f"{named} matches no file; check the folder and the ending")
    return paths


def _listed(path: Path) -> list[Path]:
    try:
        content = path.read_bytes()
        if b"\0" in content:
            raise ValueError("it is no text")
        lines = [os.fsdecode(line.strip()) for line in content.splitlines()]  # names may be of any bytes
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a list of clips ({first_line(error)}); check the file") from error
    paths = [path.parent / line for line in lines if line and not line.startswith("#")]
    if not paths:
        raise InputError(f"{path} lists no clips; write a path a line")
    return paths


def run_queue(
    paths: Sequence[Path],
    folder: Path | None,
    codec: str,
    make: Callable[[Path, Path], Run],
    progress: Progress,
) -> None:
    """Run `make(clip, target)` for each clip into the folder; None: beside each clip.

    Raises QueueFailed (exit code 6) when all have had their turn and some have failed. An interrupt ends it at once.
    """
    targets = _targets(paths, folder, codec)
    outcomes = []
    for number, (path, target) in enumerate(targets.items(), 1):
        progress.say(f"clip        {number} of {len(targets)}: {path}")
        outcomes.append(Outcome(path, _run(make, path, target, progress)))
    for line in table(outcomes):
        progress.say(line)
    failed = [outcome.path for outcome in outcomes if outcome.failed]
    if failed:
        names = ", ".join(map(str, failed[:3])) + (" ..." if len(failed) > 3 else "")
        raise QueueFailed(f"{len(failed)} of {len(outcomes)} clips failed: {names}; the same command tries these again")


def _targets(paths: Sequence[Path], folder: Path | None, codec: str) -> dict[Path, Path]:
    """Where each clip goes; raises OutputError for two of one name."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; name a folder for several clips with -o")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    targets: dict[Path, Path] = {}
    taken: dict[Path, Path] = {}
    for path in paths:
        beside = default_output(path, codec)
        target = beside if folder is None else folder / beside.name
        if taken.setdefault(target, path) != path:
            raise UsageError(f"{path} and {taken[target]} would both become {target}; rename one of them")
        targets[path] = target
    return targets


def _run(make: Callable[[Path, Path], Run], path: Path, target: Path, progress: Progress) -> str:
    try:
        make(path, target).run()
        return _DONE
    except (LFVideoError, OSError, MemoryError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
    except Exception as error:  # an error of ours: it costs this clip, not those after it
        if os.environ.get("LFVIDEO_DEBUG"):
            raise
        message = f"{type(error).__name__}: {first_line(error)}; run this clip with lfvideo-sr --debug"
    progress.say(f"failed      {message}")
    return message


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """A line a clip, then how many are done."""
    width = max(len(str(outcome.path)) for outcome in outcomes)
    lines = [f"{outcome.path!s:<{width}}  {outcome.outcome}" for outcome in outcomes]
    done = sum(not outcome.failed for outcome in outcomes)
    return [*lines, f"{done} of {len(outcomes)} clips are done"]
