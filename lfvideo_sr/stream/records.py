"""What is recorded of a segment that is done: by the journal of a run, and beside the piece of a plan."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SegmentRecord:
    """A segment that is done.

    number: its place among the segments. first, frames: the frames of the stream that it holds.
    file:   its name in the folder; bytes and sha256 are of the file.
    shown:  time and duration, in ticks of the input, of each of its frames in the order of their packets.
    uses:   what its references served, as the report has it.
    """

    number: int
    first: int
    frames: int
    file: str
    bytes: int
    sha256: str
    shown: tuple[tuple[int, int], ...]
    uses: tuple[dict[str, Any], ...] = ()

    @classmethod
    def of_line(cls, values: dict[str, Any]) -> "SegmentRecord":
        """Raises ValueError, KeyError or TypeError for what is no record."""
        shown = tuple((int(time), int(duration)) for time, duration in values["shown"])
        record = cls(**values | {"shown": shown, "uses": tuple(values["uses"])})
        if not all(type(count) is int and count >= 0 for count in (record.number, record.first, record.frames)):
            raise ValueError("numbers of a segment are none")
        if not re.fullmatch(rf"{record.number:06}\.[a-z]+", record.file):
            raise ValueError("the name of a segment's file is another")
        return record


def record_of(
    file: Path, number: int, first: int, shown: list[tuple[int, int]], uses: tuple[dict[str, Any], ...] = ()
) -> SegmentRecord:
    """The record of a segment's file as it is on the disk."""
    return SegmentRecord(
        number, first, len(shown), file.name, file.stat().st_size, sha256_of(file), tuple(shown), uses
    )  # fmt: skip


def is_whole(file: Path, record: SegmentRecord) -> bool:
    """Whether a segment's file is what was recorded of it."""
    return file.is_file() and file.stat().st_size == record.bytes and sha256_of(file) == record.sha256


def sha256_of(file: Path) -> str:
    """Of a file's content."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
