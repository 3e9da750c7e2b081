"""Numbered pictures as one clip: which files a folder, a pattern or a glob names, in order. No file is opened here."""

import glob
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from ..errors import InputError
from .picture_formats import PICTURES, why_unreadable

FILM = {".exr", ".dpx"}  # pictures of the film trade, which FFmpeg decodes
_PRINTF = re.compile(r"(?<!%)((?:%%)*)%(?:0?(\d+))?d")
_WILD = frozenset("*?[")


@dataclass(frozen=True)
class PictureSequence:
    """Pictures that follow each other as the frames of a clip.

    named:    the folder, pattern or glob, as the user gave it.
    paths:    of the pictures, in order.
    numbers:  of each picture, rising: those in the names; 0, 1, 2 ... where the names are of no one numbered run.
    pattern:  the name of a picture with %0Nd for its number, "frame_%04d.png".
    warnings: what was left out or is missing, one line each.
    """

    named: Path
    paths: tuple[Path, ...]
    numbers: tuple[int, ...]
    pattern: str
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What messages call it: its folder, or the pattern with the folder that it is in."""
        return self.named.name if self.named.is_dir() else str(Path(self.named.parent.name, self.named.name))

    @property
    def folder(self) -> Path:
        return self.paths[0].parent

    def __len__(self) -> int:
        return len(self.paths)

    def __str__(self) -> str:
        first, last = self.paths[0].name, self.paths[-1].name
        return f"{len(self)} picture{'s' * (len(self) > 1)}, {first}" + (f" to {last}" if len(self) > 1 else "")


def is_picture_name(name: str) -> bool:
    """Whether a file of this name is a picture by its ending."""
    return Path(name).suffix.lower() in PICTURES | FILM


def is_numbered(path: Path) -> bool:
    """Whether a path is a pattern for numbered pictures, such as out/%05d.png, and no file of that very name."""
    known = is_picture_name(path.name) or why_unreadable(path) is not None
    return known and _PRINTF.search(path.name) is not None and not path.is_file()


def is_sequence(named: Path) -> bool:
    """Whether a name stands for pictures: a folder, a pattern with %d, or a glob that matches pictures only."""
    if named.is_dir() or is_numbered(named):
        return True
    if named.exists() or not _WILD & set(str(named)):
        return False
    matched = _matched(named)
    return bool(matched) and all(is_picture_name(path.name) for path in matched)


def find_sequence(named: Path) -> PictureSequence | None:
    """The pictures that a name stands for; None where it is that of no sequence. Raises InputError where there are no
    such pictures, one is missing, or a folder holds more than one numbered run."""
    if not is_sequence(named):
        return None
    if named.is_dir():
        return _in_folder(named)
    return _of_pattern(named) if is_numbered(named) else _of_glob(named)


def numbered_name(pattern: str, number: int) -> str:
    """The name of a picture: ("frame_%04d.png", 7) -> "frame_0007.png"; %4d is filled with zeros too, as by FFmpeg."""
    return _PRINTF.sub(lambda match: f"{match[1]}%0{match[2] or 1}d", pattern) % number


def number_in(pattern: str, name: str) -> int | None:
    """The number that a name has by a pattern; None for a name that does not fit it."""
    match = _expression(pattern).fullmatch(name)
    return None if match is None else int(match[1])


def check_pattern(pattern: str) -> str | None:
    """What is wrong with a pattern for the names of pictures, to be read after it; None where nothing is."""
    try:
        pattern % 0
    except (TypeError, ValueError):
        return "needs one %d or %05d for the number, and %% for a per cent sign"
    return None


@dataclass
class _Run:
    """Pictures whose names differ in one number only."""

    pattern: str
    pictures: dict[int, Path] = field(default_factory=dict)

    def sequence(self, named: Path, warnings: Sequence[str] = ()) -> PictureSequence:
        numbers = sorted(self.pictures)
        paths = tuple(self.pictures[number] for number in numbers)
        return PictureSequence(named, paths, tuple(numbers), self.pattern, tuple(warnings))


def _in_folder(folder: Path) -> PictureSequence:
    pictures = _pictures_of(folder)
    runs, without = _runs(pictures)
    if not runs:
        raise InputError(_no_pictures(folder, pictures))
    if len(runs) > 1:
        names = " and ".join(run.pattern for run in runs[:2])
        raise InputError(
            f"{folder} holds more than one run of numbered pictures, {names}; name one of them: "
            f"{folder / runs[0].pattern}"
        )
    lines = [f"{path} has no number and is left out" for path in without[:1]]
    if len(without) > 1:
        lines = [f"{without[0]} and {len(without) - 1} more pictures have no number and are left out"]
    return _whole(runs[0].sequence(folder, lines))


def _no_pictures(folder: Path, pictures: Sequence[Path]) -> str:
    remedy = "give a video, a folder of numbered pictures (frame_0001.png), or a quoted pattern ('clips/*.mp4')"
    if pictures:
        return f"{folder} is a folder whose pictures have no numbers ({pictures[0].name}); {remedy}"
    return f"{folder} is a folder without pictures; {remedy}"


def _of_pattern(named: Path) -> PictureSequence:
    if not is_picture_name(named.name):
        raise InputError(f"{named} {why_unreadable(named)}")
    if reason := check_pattern(named.name):
        raise InputError(f"{named} {reason}")
    if not named.parent.is_dir():
        raise InputError(f"{named.parent} is not a folder; check the name")
    run = _Run(named.name)
    for path in _pictures_of(named.parent):
        number = number_in(named.name, path.name)
        if number is not None:
            _add(run, number, path)
    if not run.pictures:
        raise InputError(f"{named.parent} holds no picture called like {named.name}; check the name and its digits")
    return _whole(run.sequence(named))


def _of_glob(named: Path) -> PictureSequence:
    """What it matches, in natural order; missing numbers are a warning only, since the user has chosen the files."""
    paths = _matched(named)
    runs, without = _runs(paths)
    if len(runs) == 1 and not without:
        sequence = runs[0].sequence(named)
        if gap := _gap(sequence):
            return replace(sequence, warnings=(f"{gap}; the pictures are taken as they follow each other",))
        return sequence
    digits = len(str(len(paths) - 1))
    pattern = f"%0{max(digits, 4)}d{paths[0].suffix}"
    return PictureSequence(named, tuple(sorted(paths, key=_natural)), tuple(range(len(paths))), pattern)


def _whole(sequence: PictureSequence) -> PictureSequence:
    gap = _gap(sequence)
    if gap is None:
        return sequence
    anyway = sequence.folder / f"*{sequence.paths[0].suffix}"
    raise InputError(f"{gap}; add it, or take the pictures as they follow each other by a quoted '{anyway}'")


def _gap(sequence: PictureSequence) -> str | None:
    """Names the first picture that is missing; None where the numbers have no gap."""
    for number, following in pairwise(sequence.numbers):
        if following != number + 1:
            return f"{sequence.folder / numbered_name(sequence.pattern, number + 1)} is missing"
    return None


def _runs(paths: Iterable[Path]) -> tuple[list[_Run], list[Path]]:
    """The numbered runs among pictures, and the pictures whose names have no number.

    Names of one run are equal but for one number. Of several numbers in a name the last one that changes counts.
    """
    alike: dict[tuple[str, ...], list[list[str]]] = {}
    of_name: dict[str, Path] = {}
    without = []
    for path in paths:
        parts = re.split(r"(\d+)", path.stem)
        of_name[path.name] = path
        if len(parts) == 1:
            without.append(path)
        else:
            alike.setdefault((*parts[::2], path.suffix), []).append(parts)
    runs = [run for (*_, ending), names in alike.items() for run in _runs_of(names, ending, of_name)]
    return sorted(runs, key=lambda run: run.pattern), without


def _runs_of(names: list[list[str]], ending: str, of_name: dict[str, Path]) -> list[_Run]:
    """Of names that are split into texts and numbers, and whose texts are equal."""
    places = range(1, len(names[0]), 2)
    changing = [place for place in places if len({parts[place] for parts in names}) > 1]
    counted = changing[-1] if changing else places[-1]
    grouped: dict[tuple[str, str], list[list[str]]] = {}
    for parts in names:
        around = "".join(parts[:counted]), "".join(parts[counted + 1 :]) + ending
        grouped.setdefault(around, []).append(parts)
    runs = []
    for (before, after), members in grouped.items():
        digits = min(len(parts[counted]) for parts in members)
        number = f"%0{digits}d" if digits > 1 else "%d"
        run = _Run(f"{before.replace('%', '%%')}{number}{after.replace('%', '%%')}")
        for parts in members:
            _add(run, int(parts[counted]), of_name["".join(parts) + ending])
        runs.append(run)
    return runs


def _add(run: _Run, number: int, path: Path) -> None:
    other = run.pictures.setdefault(number, path)
    if other != path:
        raise InputError(f"{other} and {path.name} both have the number {number}; remove one of them")


def _pictures_of(folder: Path) -> list[Path]:
    """The files of a folder that are pictures by their ending, in natural order; hidden ones are left out."""
    try:
        paths = [path for path in folder.iterdir() if is_picture_name(path.name) and not path.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}); check its permissions") from error
    return sorted((path for path in paths if path.is_file()), key=_natural)


def _matched(named: Path) -> list[Path]:
    return [path for path in map(Path, glob.glob(str(named))) if path.is_file()]


def _natural(path: Path) -> tuple[list[object], str]:
    """Sorts 2 before 10."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts)], str(path)


def _expression(pattern: str) -> re.Pattern[str]:
    """Of a pattern with one %d, %5d or %05d; %% is a per cent sign."""
    match = _PRINTF.search(pattern)
    if match is None:
        return re.compile("(?!)")
    start, end = match.start() + len(match[1]), match.end()
    width = int(match[2] or 1)
    digits = r"\d+" if width <= 1 else rf"\d{{{width}}}|[1-9]\d{{{width},}}"
    before, after = (re.escape(text.replace("%%", "%")) for text in (pattern[:start], pattern[end:]))
    return re.compile(f"{before}({digits}){after}")
