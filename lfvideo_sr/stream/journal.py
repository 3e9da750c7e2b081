"""The journal of a run: which segments of an output are encoded and safe on the disk, and what they were made of.

A run works in a folder beside its target, `out.mp4.work` for `out.mp4`:

    lock            held by the one run that works here, released by the system when that ends, however it ends
    journal.jsonl   a line that says what the run was asked to do, then a line for every segment that is done
    000000.nut ...  the segments, each a playable video; of an output of pictures 000000.pictures ..., lists of them; of
                    a light field 000000.npz ..., its views
    unfinished/     files of a light field that is being written
    finished        which file the output is, from before it has its name until its report is written

A line is written after the file that it describes has reached the disk. What else a run writes here has names of its
own (_OURS); all other files are somebody's and are never removed.
"""

import errno
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..errors import OutputError, ResumeRefused
from ..media.codecs import SEGMENT_ENDINGS
from ..media.partial import folder_beside, write_names_through
from .finished import FINISHED
from .records import SegmentRecord, is_whole, record_of, sha256_of

FORMAT = "lfvideo-sr journal 1"
_LOCK, _LINES = "lock", "journal.jsonl"
_SETTLED = ("device", "dtype", "engine")  # of what is asked: "auto" until a run begins
_ROOM = "unfinished"
_NUMBER = 6 * "[0-9]"
_PICTURES = (f"{_NUMBER}.pictures", f"{_NUMBER}.{7 * '[0-9]'}.*")  # lists of them, and those without their names yet
_VIEWS = (f"{_NUMBER}.npz", f"{_NUMBER}.partial.npz")
_SEGMENTS = tuple(f"{_NUMBER}{middle}{ending}" for middle in ("", ".partial") for ending in SEGMENT_ENDINGS)
_OURS = (*_SEGMENTS, "joined.*", *_PICTURES, *_VIEWS, "journal.new", FINISHED)  # finished and unfinished


class Journal:
    """The folder of a run, locked while it is used. Use it as a context manager.

    done:    the records of segments that are whole, by number.
    damaged: names of recorded segments that are missing, short or changed; they are done again.
    """

    def __init__(
        self, target: Path, asked: Mapping[str, Any], resume: bool = True, ending: str = ".nut",
        whole: Callable[[Path, SegmentRecord], bool] | None = None,
    ):  # fmt: skip
        """asked: everything that decides what comes out, by name. Without `resume` the run starts over.

        ending, whole: of a segment's file, and whether one that is recorded can be used.

        Raises OutputError where another run works on the same target, or the folder is not one of ours; ResumeRefused
        (exit code 5) where it was begun with something else than `asked`.
        """
        self.target, self.folder = target, work_folder(target)
        self.done: dict[int, SegmentRecord] = {}
        self._partials: dict[str, set[str]] = {}  # the sums of playable parts that interrupted runs left, by name
        self.damaged: list[str] = []
        self._ending, self._whole = ending, whole or is_whole
        self._fresh, self._removed = _made(self.folder), False
        self._lock = FileLock(self.folder / _LOCK, timeout=0)
        try:
            self._lock.acquire()
            held = (self.folder / _LOCK).exists()  # not so where the other run ended at this very moment
        except Timeout:
            held = False
        if not held:
            self._lock.release()
            raise OutputError(f"{target} is being written by another run; wait for it, or give another -o")
        try:
            self._open(json.loads(json.dumps(asked)), resume)
        except BaseException:
            if self._fresh:
                with suppress(OSError):
                    self.remove()
            self._lock.release()
            raise

    def _open(self, asked: dict[str, Any], resume: bool) -> None:
        if resume and not self._fresh:
            first, *lines = _lines(self.folder / _LINES)
            check_same(first["asked"], asked, f"{self.target} was begun", "pass --no-resume to start over")
            self._take(lines)
        else:
            self._remove_ours()
        self._write([{"journal": FORMAT, "target": self.target.name, "asked": asked}, *self._records()])

    def _take(self, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            if _is_partial(line):
                self._partials.setdefault(line["partial"], set()).add(line["sha256"])
                continue
            try:
                record = SegmentRecord.of_line(line)
            except (ValueError, KeyError, TypeError):  # what it was of is restored again
                continue
            if self._whole(self.folder / record.file, record):
                self.done[record.number] = record
            else:
                self.damaged.append(record.file)

    def _records(self) -> list[dict[str, Any]]:
        """The lines of what is whole, after a crash without one that was cut short."""
        partials = [_partial_line(name, sha256) for name, sums in self._partials.items() for sha256 in sorted(sums)]
        return partials + [asdict(record) for record in self.done.values()]

    @property
    def frames(self) -> int:
        """How many frames are done."""
        return sum(record.frames for record in self.done.values())

    def path(self, number: int) -> Path:
        """Where the segment of that number is written."""
        return self.folder / f"{number:06}{self._ending}"

    def add(self, number: int, first: int, shown: list[tuple[int, int]], uses: tuple[dict[str, Any], ...] = ()) -> None:
        """Record the segment at `path(number)`, which has reached the disk."""
        record = record_of(self.path(number), number, first, shown, uses)
        self._append(asdict(record))
        self.done[number] = record

    def partial(self, path: Path) -> Path:
        """What to call the playable part of an interrupted run: `path`, or with a number where that is somebody's."""
        free, number = path, 1
        while free.exists() and not self._is_our_partial(free):
            number += 1
            free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        return free

    def add_partial(self, name: str, unfinished: Path) -> None:
        """Take note of a playable part before it gets that name beside the target. A later run replaces or removes it
        unless it was changed."""
        sha256 = sha256_of(unfinished)
        self._append(_partial_line(name, sha256))
        self._partials.setdefault(name, set()).add(sha256)

    def _is_our_partial(self, path: Path) -> bool:
        return path.is_file() and not path.is_symlink() and sha256_of(path) in self._partials.get(path.name, ())

    def _append(self, line: dict[str, Any]) -> None:
        """Add a line, whole or not at all: where the disk is full, no half of it stays in the way of later lines."""
        data = (json.dumps(line) + "\n").encode()
        with (self.folder / _LINES).open("ab", buffering=0) as lines:
            end = lines.seek(0, os.SEEK_END)
            try:
                if lines.write(data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(lines.fileno())
            except OSError:
                with suppress(OSError):
                    lines.truncate(end)
                raise

    def whole(self, frames: int) -> list[SegmentRecord]:
        """All records in order; raises OutputError unless they are the whole of so many frames, each once."""
        records = [self.done[number] for number in sorted(self.done)]
        firsts = [record.first for record in records]
        ends = [0, *(record.first + record.frames for record in records)]
        if firsts != ends[:-1] or ends[-1] != frames:
            raise OutputError(
                f"{self.folder} holds frames {_ranges(records)} of {frames}; run the command with --no-resume"
            )
        return records

    def _write(self, lines: list[dict[str, Any]]) -> None:
        path = self.folder / _LINES
        unfinished = path.with_suffix(".new")
        with unfinished.open("w") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        write_names_through(self.folder)

    def remove(self) -> None:
        """Remove what is ours, when target and report are whole or nothing was done; the folder too unless it holds
        more."""
        for name in self._partials:
            part = self.target.with_name(name)
            if self._is_our_partial(part):
                part.unlink()
        self._removed = True
        self._remove_ours()
        for name in (_LINES, _LOCK):
            (self.folder / name).unlink(missing_ok=True)
        self._lock.release()
        _remove_if_empty(self.folder)

    def forget(self) -> None:
        """Give up what is done, and its room on the disk."""
        self.done.clear()
        with suppress(OSError):
            self._remove_files()

    def room(self) -> Path:
        """An empty folder for unfinished files, which a later run removes with all that is in it."""
        room = self.folder / _ROOM
        _remove_room(room)
        room.mkdir()
        return room

    def _remove_ours(self) -> None:
        self._remove_files()
        _remove_room(self.folder / _ROOM)

    def _remove_files(self) -> None:
        for pattern in _OURS:
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Let others work here; where nothing is done, nothing stays but lists of pictures, which are of this run."""
        if self.done or self._partials or any(self.folder.glob(_PICTURES[0])):
            self._lock.release()
        elif not self._removed:
            self.remove()


def _remove_room(room: Path) -> None:
    if room.is_dir() and not room.is_symlink():
        shutil.rmtree(room)


def work_folder(target: Path) -> Path:
    """Where the run works that writes a target."""
    return folder_beside(target, ".work")


def remove_left(target: Path, asked: Mapping[str, Any]) -> None:
    """Remove the folder of a run that ended when its output and its report were whole. That of a run of something else
    than `asked`, or of one that is at work, stays."""
    folder = work_folder(target)
    with suppress(OSError):
        begun = _lines(folder / _LINES)[0]["asked"] if (folder / _LINES).exists() else None
        decided = {name: value for name, value in json.loads(json.dumps(asked)).items() if name not in _SETTLED}
        same = begun is None or decided.items() <= begun.items()
        if same and (folder / _LOCK).is_file():
            Journal(target, begun or {}, resume=False).remove()


def _made(folder: Path) -> bool:
    """Whether the folder was made now; raises OutputError for something else of that name."""
    try:
        folder.mkdir()
        return True
    except FileExistsError:
        pass
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}); choose another -o") from error
    if hasattr(os, "geteuid") and folder.lstat().st_uid != os.geteuid():
        raise OutputError(f"{folder} belongs to another user; choose another -o")
    if folder.is_symlink() or not folder.is_dir() or (any(folder.iterdir()) and not (folder / _LOCK).is_file()):
        raise OutputError(f"{folder} is there and is not the folder of a run; move it, or choose another -o")
    return not (folder / _LINES).exists()


def _lines(path: Path) -> list[dict[str, Any]]:
    """What a journal says; what stands behind a line that was cut short by a crash, or is damaged, does not count."""
    lines: list[dict[str, Any]] = []
    for text in path.read_bytes().decode(errors="replace").splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            break
        if not isinstance(line, dict):
            break
        lines.append(line)
    if not lines or lines[0].get("journal") != FORMAT or not isinstance(lines[0].get("asked"), dict):
        raise ResumeRefused(f"{path} is not a journal of this version; pass --no-resume to start over")
    return lines


def check_same(before: dict[str, Any], asked: dict[str, Any], begun: str, remedy: str) -> None:
    """Raises ResumeRefused, which names what differs, unless a piece of work is asked for as it was begun."""
    changed = [name for name in sorted({*before, *asked}) if before.get(name) != asked.get(name)]
    if changed:
        name = changed[0]
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        values = f"{_shown(before.get(name))}, now {_shown(asked.get(name))}"
        raise ResumeRefused(f"{begun} with another {name}: {values}{more}; do as at first, or {remedy}")


def _is_partial(line: dict[str, Any]) -> bool:
    """Whether a line is of the playable part of an interrupted run, which lies beside the target."""
    name, sha256 = line.get("partial"), line.get("sha256")
    return isinstance(name, str) and isinstance(sha256, str) and name not in ("", "..") and Path(name).name == name


def _partial_line(name: str, sha256: str) -> dict[str, Any]:
    return {"partial": name, "sha256": sha256}


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _ranges(records: list[SegmentRecord]) -> str:
    return ", ".join(f"{record.first}-{record.first + record.frames - 1}" for record in records) or "none"


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # something that is not ours is in it
        folder.rmdir()
