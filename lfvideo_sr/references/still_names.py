"""Where a still belongs, by its name or by its line in a manifest."""

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ..checks import check_choice
from ..errors import InputError, ReferencesMissing, shortened
from ..frames import View
from .named import MANIFEST as MANIFEST

ACCEPTED = (
    "t12.345.png (seconds), 8.png or frame_0008.png (0-based frame index; --ref-index-base 1 for ffmpeg's numbering), "
    f"or a manifest {MANIFEST} with the columns file and time or frame"
)
_COLUMNS = ("file", "time", "frame", "view")
_SECONDS = re.compile(r"t(\d+(?:\.\d+)?)", re.IGNORECASE)
_TIME = re.compile(r"[+-]?(\d{1,12}(\.\d{0,30})?|\.\d{1,30}|\d{1,12}/\d{1,12})(e[+-]?\d{1,2})?", re.IGNORECASE)
_COUNT = re.compile(r"[+-]?\d{1,12}")
_INDEX = re.compile(r"[A-Za-z_\- ]*(\d+)[A-Za-z_\- ]*")
_CAMERA = re.compile(  # cameras number pictures, not frames, and write capitals
    r"(_?IMG|_?MG|IMGP|_?DSC[FN]?|PXL|PICT|P|MVI|MVIMG|VID|MOV|GOPR|GP|G|GH|GX|DJI|SAM|CIMG|HPIM|RIMG|PANO|BURST|WP"
    r"|[Ss]creenshot|[Ss]creen [Ss]hot)[-_ ]?\d.*"
)


@dataclass(frozen=True)
class StillEntry:
    """A still and the place in its name or manifest line; at most one of frame, seconds and view is set.

    frame:    as written, not yet 0-based.
    seconds:  since the clip's first frame, written with this many `decimals`.
    view:     of a light field.
    """

    path: Path
    frame: int | None = None
    seconds: Fraction | None = None
    decimals: int = 0
    view: View | None = None

    @property
    def precision(self) -> Fraction:
        """Seconds by which the time may differ from its frame's: a unit of the last decimal, since 1.6666... s is
        written 1.667 where it is rounded and 1.666 where it is cut."""
        return Fraction(1, 10**self.decimals)

    @classmethod
    def in_seconds(cls, path: Path, text: str) -> "StillEntry":
        """At a time as it is written, "12.345"; its decimals set the precision."""
        return cls(path, seconds=parse_seconds(text), decimals=len(text.partition(".")[2]))


def read_name(path: Path) -> StillEntry:
    """t12.345.png -> seconds; 8.png, frame_0008.png -> frame; any other name, a camera's among them, gives no place."""
    if match := _SECONDS.fullmatch(path.stem):
        return StillEntry.in_seconds(path, match[1])
    if (match := _INDEX.fullmatch(path.stem)) and not _CAMERA.fullmatch(path.stem):
        return StillEntry(path, frame=int(match[1]))
    return StillEntry(path)


def is_camera_number(path: Path) -> bool:
    """Whether a name is a camera's prefix and its count of pictures: IMG_0042, DSC01234."""
    return bool(_CAMERA.fullmatch(path.stem) and _INDEX.fullmatch(path.stem))


def parse_seconds(text: str) -> Fraction:
    """ "12.345", "-0.7", "1/30" -> exact seconds; ValueError or ZeroDivisionError for anything else, and for numbers
    that no clip reaches: to write them out could fill the memory."""
    if not _TIME.fullmatch(text.strip()):
        raise ValueError(f"{shortened(text)} is no time in seconds")
    return Fraction(text.strip())


def read_manifest(path: Path) -> list[StillEntry]:
    """Lines of `file,time`, `file,frame` or `file,view`; files are relative to the manifest, a view is "row,column"."""
    if not path.is_file():
        raise InputError(f"{path} is no file; give a manifest as a .csv file")
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as lines:
            placed = list(_manifest_rows(path, csv.DictReader(lines, skipinitialspace=True)))
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV file: {error}") from error
    if not placed:
        raise ReferencesMissing(f"{path} lists no stills; write lines of file,time or file,frame below that header")
    return placed


def check_below(manifest: Path) -> None:
    """Raise InputError for a manifest that lists a file outside of its folder, by an absolute path or by "..". Links in
    the folder may lead elsewhere: who made the folder chose them."""
    folder = os.path.abspath(manifest.parent)
    for entry in read_manifest(manifest):
        if os.path.commonpath([folder, os.path.abspath(entry.path)]) != folder:
            raise InputError(
                f"{manifest} lists {entry.path}, outside of its folder; pass --trust-manifest if you trust the manifest"
            )


def _manifest_rows(path: Path, rows: csv.DictReader) -> Iterator[StillEntry]:
    columns = [name.strip() for name in rows.fieldnames or []]
    for column in columns:
        check_choice(f"the header of {path}", column, _COLUMNS)
    if "file" not in columns or len(columns) < 2:
        raise InputError(f"the header of {path} is '{','.join(columns)}'; file,time or file,frame is wanted")
    rows.fieldnames = columns
    for row in rows:
        filled = {name: text.strip() for name, text in row.items() if name and text and text.strip()}
        yield _manifest_place(f"line {rows.line_num} of {path}", path.parent, filled)


def _manifest_place(line: str, folder: Path, filled: dict[str, str]) -> StillEntry:
    if "file" not in filled or len(filled) != 2:
        raise InputError(f"{line} fills {', '.join(filled) or 'nothing'}; file and one of time, frame, view is wanted")
    file = folder / filled["file"]
    if not _is_file(file):
        raise InputError(f"{line} names {file}, which does not exist; paths are relative to the manifest")
    try:
        if "time" in filled:
            return StillEntry.in_seconds(file, filled["time"])
        if "frame" in filled:
            return StillEntry(file, frame=_count(filled["frame"]))
        row, column = filled["view"].split(",")
        return StillEntry(file, view=View(_count(row), _count(column)))
    except (ValueError, ZeroDivisionError) as error:
        accepted = 'a time is seconds (12.345), a frame an index (8), a view "row,column" in quotes'
        raise InputError(f"{line} cannot be read: {error}; {accepted}") from error


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text.strip()):
        raise ValueError(f"{shortened(text)} is no index")
    return int(text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except ValueError:  # a null character in the name
        return False
