"""Patterns of file names, with {row} and {column} in them: as a user writes them, or as the names of a folder show."""

import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError, UsageError
from ..frames import View
from .grid import name_of

_DIGITS = re.compile(r"\d+")
_MOST = 4  # digits of a row or a column: longer numbers are dates or times
_COLUMN_FIRST = re.compile(r"(?:^|[^a-z])(?:col(?:umn)?|c|x)[^a-z]*$", re.IGNORECASE)  # before the first of two numbers
_ROW_SECOND = re.compile(r"(?:^|[^a-z])(?:row|r|y)[^a-z]*$", re.IGNORECASE)  # before the second


def by_pattern(pictures: list[Path], folder: Path, pattern: str) -> dict[View, Path]:
    """The views of names with {row} and {column} in them; with one of the two, of a single line. InputError where no
    picture is named so."""
    expression = _expression(pattern)
    matches = [(match.groupdict(), picture) for picture in pictures if (match := expression.fullmatch(picture.name))]
    if not matches:
        held = pictures[0].name if pictures else "none"
        raise InputError(f"no picture in {folder} is named like {pattern}; it holds {held}; describe that name")
    numbered = ((View(int(at.get("row", 0)), int(at.get("column", 0))), picture) for at, picture in matches)
    return unique(numbered, folder)


def _expression(pattern: str) -> re.Pattern[str]:
    if "{row}" not in pattern and "{column}" not in pattern:
        raise UsageError(f"--pattern is '{pattern}'; a name with {{row}} and {{column}} is wanted, or with one of them")
    expression = re.escape(pattern)
    for word in ("row", "column"):
        expression = expression.replace(re.escape(f"{{{word}}}"), rf"(?P<{word}>\d+)", 1)
        if re.escape(f"{{{word}}}") in expression:
            raise UsageError(f"--pattern '{pattern}' names {{{word}}} twice; once is wanted")
    return re.compile(expression)


def patterns_of(pictures: list[Path]) -> list[str]:
    """The patterns that names show by themselves: names that are alike but for two numbers, which make a grid.

    The first number is the row, unless words before them say otherwise, as in col00-row01.
    """
    alike: dict[tuple[str, ...], list[list[str]]] = {}
    for picture in pictures:
        alike.setdefault(tuple(_DIGITS.split(picture.name)), []).append(_DIGITS.findall(picture.name))
    patterns = (_pattern(words, numbers) for words, numbers in alike.items() if len(numbers) > 1)
    return sorted(pattern for pattern in patterns if pattern is not None)


def _pattern(words: tuple[str, ...], numbers: list[list[str]]) -> str | None:
    """Of names that have these words between their numbers; None where not just two of the numbers count views."""
    count = len(numbers[0])
    varying = [place for place in range(count) if len({int(name[place]) for name in numbers}) > 1]
    places = varying if len(varying) == 2 else [0, 1] if count == 2 and varying else []
    if not places or any(len(name[place]) > _MOST for name in numbers for place in places):
        return None
    first, second = words[places[0]], words[places[1]]
    fields = ["{row}", "{column}"]
    if _COLUMN_FIRST.search(first) or _ROW_SECOND.search(second):
        fields.reverse()
    at = dict(zip(places, fields))
    parts = [at.get(place, number) for place, number in enumerate(numbers[0])]
    return "".join(word + part for word, part in zip(words, [*parts, ""]))


def row_by_row(pictures: list[Path], grid: tuple[int, int]) -> dict[View, Path]:
    """The views of names that are alike but for one number, which counts the views of a grid of so many rows and
    columns row by row, from whichever number on; {} where names or their count say otherwise."""
    alike: dict[tuple[str, ...], list[Path]] = {}
    for picture in pictures:
        alike.setdefault(tuple(_DIGITS.split(picture.name)), []).append(picture)
    runs = [run for run in alike.values() if len(run) == grid[0] * grid[1]]
    if len(runs) != 1:
        return {}
    numbers = {picture: [int(number) for number in _DIGITS.findall(picture.name)] for picture in runs[0]}
    varying = [column for column in zip(*numbers.values()) if len(set(column)) > 1]
    if len(varying) != 1 or len(set(varying[0])) != len(numbers):
        return {}
    return {View(*divmod(place, grid[1])): path for place, path in enumerate(sorted(numbers, key=numbers.__getitem__))}


def example_for(name: str) -> str:
    """A pattern that a name fits, for people to change: its last two numbers are taken for row and column."""
    numbers = list(_DIGITS.finditer(Path(name).stem))[-2:]
    fields = ["{row}", "{column}"] if len(numbers) == 2 else ["{column}"]
    for match, field in reversed(list(zip(numbers, fields))):
        name = name[: match.start()] + field + name[match.end() :]
    return name if numbers else "view_{row}_{column}.png"


def unique(views: Iterable[tuple[View, Path]], folder: Path) -> dict[View, Path]:
    """Views by name; InputError where two pictures are one view."""
    files: dict[View, Path] = {}
    for view, path in views:
        if view in files:
            raise InputError(f"{folder}: {files[view].name} and {path.name} are both view {name_of(view)}; remove one")
        files[view] = path
    return files
