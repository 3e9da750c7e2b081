"""Which view each picture of a folder is, by its name: view_R_C.png, HCI 2016, the Stanford gantry's, or any pattern.

Each function takes the pictures and their folder, and gives the picture of each view; {} where no name is of its kind.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError, UsageError
from ..frames import Size, View
from .grid import name_of

HCI_PARAMETERS = "parameters.cfg"
_VIEW = re.compile(r"view_(\d+)_(\d+)")
_HCI = re.compile(r"input_Cam(\d+)")
_GANTRY = re.compile(r"out_(\d+)_(\d+)_(-?[\d.]+)_(-?[\d.]+)_?")
_SIDE = re.compile(r"(image_resolution_([xy])_px\s*=\s*)\d+")


def by_row_and_column(pictures: list[Path], folder: Path) -> dict[View, Path]:
    matches = [(_VIEW.fullmatch(picture.stem), picture) for picture in pictures]
    return _unique(((View(int(match[1]), int(match[2])), picture) for match, picture in matches if match), folder)


def hci2016(pictures: list[Path], folder: Path) -> dict[View, Path]:
    """Numbers count row by row; parameters.cfg, or else a square, says how many are in one."""
    numbers = {int(match[1]): picture for picture in pictures if (match := _HCI.fullmatch(picture.stem))}
    if not numbers:
        return {}
    columns = _hci_columns(folder / HCI_PARAMETERS, len(numbers))
    return {View(number // columns, number % columns): picture for number, picture in numbers.items()}


def _hci_columns(parameters: Path, count: int) -> int:
    text = parameters.read_text("utf-8", "replace") if parameters.is_file() else ""
    if match := re.search(r"num_cams_x\s*=\s*(\d+)", text):
        return int(match[1])
    side = round(count**0.5)
    if side**2 != count:
        raise InputError(
            f"{parameters.parent} holds {count} views and no {HCI_PARAMETERS} with num_cams_x; "
            "name them view_R_C.png, or add the rest"
        )
    return side


def hci_parameters(text: str, size: Size) -> str:
    """What parameters.cfg says once views have another size."""
    sides = {"x": size.width, "y": size.height}
    return _SIDE.sub(lambda match: f"{match[1]}{sides[match[2]]}", text)


def gantry(pictures: list[Path], folder: Path) -> dict[View, Path]:
    """The name holds row and column, and where the camera was: y and x. Rows that were taken backwards are turned
    round: columns count the way most rows do."""
    by_row: dict[int, list[tuple[int, float, Path]]] = {}
    for picture in pictures:
        if match := _GANTRY.fullmatch(picture.stem):
            by_row.setdefault(int(match[1]), []).append((int(match[2]), float(match[4]), picture))
    directions = {row: _direction(shots) for row, shots in by_row.items()}
    usual = Counter(directions.values()).most_common(1)[0][0] if directions else 0
    files = {}
    for row, shots in by_row.items():
        columns = sorted(column for column, _, _ in shots)
        names = columns if directions[row] == usual else columns[::-1]
        for (_, _, picture), column in zip(sorted(shots, key=lambda shot: shot[0]), names):
            files[View(row, column)] = picture
    return files


def _direction(shots: list[tuple[int, float, Path]]) -> int:
    """+1 where x grows with the column, -1 where it falls."""
    first, last = min(shots)[1], max(shots)[1]
    return 1 if last >= first else -1


def by_pattern(pictures: list[Path], folder: Path, pattern: str) -> dict[View, Path]:
    """A file name with {row} and {column} in it; InputError where no picture is named so."""
    expression = _expression(pattern)
    matches = [(match, picture) for picture in pictures if (match := expression.fullmatch(picture.name))]
    if not matches:
        held = pictures[0].name if pictures else "none"
        raise InputError(f"no picture in {folder} is named like {pattern}; it holds {held}; describe that name")
    return _unique(((View(int(match["row"]), int(match["column"])), picture) for match, picture in matches), folder)


def _expression(pattern: str) -> re.Pattern[str]:
    if "{row}" not in pattern or "{column}" not in pattern:
        raise UsageError(f"--pattern is '{pattern}'; a name with {{row}} and {{column}} is wanted")
    expression = re.escape(pattern)
    for word in ("row", "column"):
        expression = expression.replace(re.escape(f"{{{word}}}"), rf"(?P<{word}>\d+)", 1)
    try:
        return re.compile(expression)
    except re.error:
        raise UsageError(f"--pattern '{pattern}' names {{row}} or {{column}} twice; once each is wanted") from None


def _unique(views: Iterable[tuple[View, Path]], folder: Path) -> dict[View, Path]:
    files: dict[View, Path] = {}
    for view, path in views:
        if view in files:
            raise InputError(f"{folder}: {files[view].name} and {path.name} are both view {name_of(view)}; remove one")
        files[view] = path
    return files
