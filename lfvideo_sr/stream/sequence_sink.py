"""An output of numbered pictures that survives whatever ends its run.

The pictures of a segment are written beside the journal first. When all are there and safe on the disk, a list of them
is recorded, and they get their names, one by one. So a picture that has its name is whole, and the lists say which
pictures of the folder are of this run, also after a crash between two names.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import OutputError
from ..frames import Frame
from ..media.output_format import ToPlanes, planes_on_host
from ..media.partial import write_names_through, write_through
from ..media.picture_sequence import numbered_name
from ..media.picture_writing import OutputPixels, PictureFormat
from .journal import Journal
from .pipeline import ReferenceUse
from .records import SegmentRecord, is_whole
from .segmented_sink import recorded_uses

LIST = ".pictures"  # the ending of the list of a segment's pictures


@dataclass(frozen=True)
class _Picture:
    """A picture of a finished segment: its name in the target folder, and what it is called until it has that name."""

    name: str
    unfinished: str
    bytes: int
    sha256: str


class SequenceSink:
    """Writes the pictures of a run, which say what segment they are of, into a folder.

    target:    the pattern of their names in its folder, "out/frame_%04d.png".
    number_of: the number in a picture's name, by the number of its frame.
    uses_in:   what references served in a segment, asked for when it is done.
    frames:    how many are expected, whose names have to be free; None: each name is looked at when it is its turn.
    check_input: raises where the input is no longer what was opened; then nothing more of it is recorded.
    """

    def __init__(
        self, target: Path, picture_format: PictureFormat, journal: Journal, number_of: Callable[[int], int],
        uses_in: Callable[[int], Mapping[tuple, ReferenceUse]], *, frames: int | None = None,
        overwrite: bool = False, warnings: Iterable[str] = (), check_input: Callable[[], object] = lambda: None,
    ):  # fmt: skip
        self.path, self.size, self._format = target, picture_format.size, picture_format
        self._journal, self._number_of, self._uses_in = journal, number_of, uses_in
        self._overwrite, self._recorded = overwrite, _recorded(journal.folder)
        self._check_input = check_input
        self._segment = -1
        self._first = 0
        self._pictures: list[_Picture] = []
        self.warnings = list(warnings)
        if picture_format.loses_depth:
            self.warnings.append(f"{target.name} holds 8 bits per channel, and the input has more; write PNG or TIFF")
        if picture_format.loses_alpha:
            self.warnings.append(f"{target.name} has no place for transparency, which is left out; write PNG or TIFF")
        for number in range(frames or 0):
            self._check_free(self._name(number))

    def converted(self, frame: Frame, to_planes: ToPlanes = planes_on_host) -> OutputPixels:
        """What `encode` takes; may be asked for in another thread than that runs in."""
        return self._format.converted(frame, to_planes)

    def encode(self, picture: OutputPixels) -> None:
        """Write the next picture; a segment's pictures follow each other."""
        if picture.segment != self._segment:
            self._end_segment()
            self._segment, self._first = picture.segment, picture.number
        name = self._name(picture.number)
        self._check_free(name)
        unfinished = f"{self._segment:06}.{picture.number:07}{self.path.suffix}"
        data = self._format.encoded(picture.planes)
        _write(self._journal.folder / unfinished, data)
        self._pictures.append(_Picture(name, unfinished, len(data), hashlib.sha256(data).hexdigest()))

    def _end_segment(self) -> None:
        """Record the pictures of a segment, then give them their names."""
        if not self._pictures:
            return
        self._check_input()
        path, pictures = self._journal.path(self._segment), self._pictures
        lines = "".join(json.dumps(asdict(picture)) + "\n" for picture in pictures)
        _write(path, lines.encode())
        _make_safe([*(self._journal.folder / picture.unfinished for picture in pictures), path])
        shown = [(self._first + place, 1) for place in range(len(pictures))]
        self._journal.add(self._segment, self._first, shown, recorded_uses(self._uses_in(self._segment)))
        self._pictures = []
        for picture in pictures:
            self._check_free(picture.name)
            _rename(self._journal.folder / picture.unfinished, self.path.with_name(picture.name))
        write_names_through(self.path.parent)

    def _name(self, number: int) -> str:
        return numbered_name(self.path.name, self._number_of(number))

    def _check_free(self, name: str) -> None:
        """Refuse to replace a file, unless it is a picture of this very run."""
        path, picture = self.path.with_name(name), self._recorded.get(name)
        if os.path.lexists(path) and not self._overwrite and not (picture and _holds(path, picture)):
            raise OutputError(f"{path} exists; pass --overwrite or choose another -o")

    def close(self, frames: int) -> None:
        """End the last segment; the pictures have to be so many. The journal stays until the report is written too."""
        self._end_segment()
        self._journal.whole(frames)
        write_names_through(self.path.parent)  # of pictures too that an earlier run could not name any more

    def leave_partial(self) -> None:
        """Nothing is to be done: the pictures of finished segments have their names."""


def pictures_are_whole(target: Path, overwrite: bool) -> Callable[[Path, SegmentRecord], bool]:
    """Whether all pictures of a recorded segment are whole, under their names beside `target`; those that have not got
    their names yet get them."""

    def whole(path: Path, record: SegmentRecord) -> bool:
        if not is_whole(path, record):
            return False
        pictures = _listed(path)
        there = [_is_there(picture, path.parent, target, overwrite) for picture in pictures]
        return len(there) == record.frames and all(there)

    return whole


def _recorded(work: Path) -> dict[str, _Picture]:
    """The pictures of all lists that a run has written, by name, of segments too of which others are missing."""
    pictures: dict[str, _Picture] = {}
    for path in work.glob(f"{6 * '[0-9]'}{LIST}"):
        with suppress(OSError, ValueError, TypeError):
            pictures |= {picture.name: picture for picture in _listed(path)}
    return pictures


def _listed(path: Path) -> list[_Picture]:
    return [_Picture(**json.loads(line)) for line in path.read_text().splitlines()]


def _is_there(picture: _Picture, work: Path, target: Path, overwrite: bool) -> bool:
    path, unfinished = target.with_name(picture.name), work / picture.unfinished
    if _holds(path, picture):
        return True
    if (os.path.lexists(path) and not overwrite) or not _holds(unfinished, picture):
        return False
    _rename(unfinished, path)
    return True


def _holds(path: Path, picture: _Picture) -> bool:
    if path.is_symlink() or not path.is_file() or path.stat().st_size != picture.bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == picture.sha256


def _write(path: Path, data: bytes) -> None:
    try:
        path.unlink(missing_ok=True)  # of a run that was stopped
        with path.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}; choose another -o") from error


def _make_safe(paths: Sequence[Path]) -> None:
    """Return when files of one folder and their names have reached the disk: together, which takes less time."""
    try:
        for path in paths:
            write_through(path)
        write_names_through(paths[0].parent)
    except OSError as error:
        raise OutputError(f"{paths[0]} cannot be written: {error.strerror or error}; choose another -o") from error


def _rename(path: Path, name: Path) -> None:
    try:
        os.replace(path, name)
    except OSError as error:
        raise OutputError(f"{name} cannot be written: {error.strerror or error}; choose another -o") from error
