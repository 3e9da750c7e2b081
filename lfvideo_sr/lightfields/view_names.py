"""Which view each picture of a folder is, by its name: view_R_C.png, HCI 2016, JPEG Pleno, the Stanford gantry's.

Each function takes the pictures and their folder, and gives the picture of each view; {} where no name is of its kind.
"""

import re
from collections import Counter
from pathlib import Path

from ..errors import InputError
from ..frames import Size, View
from .grid import Grid
from .name_patterns import unique

HCI_PARAMETERS = "parameters.cfg"
_VIEW = re.compile(r"view_(\d+)_(\d+)", re.IGNORECASE)
_PLENO = re.compile(r"(\d{3})_(\d{3})\.ppm", re.IGNORECASE)
_HCI = re.compile(r"input_Cam(\d+)")
_GANTRY = re.compile(r"out_(\d+)_(\d+)_(-?[\d.]+)_(-?[\d.]+)_?")
_SIDE = re.compile(r"(image_resolution_([xy])_px\s*=\s*)\d+")
_CAMERAS = re.compile(r"(num_cams_([xy])\s*=\s*)\d+")


def by_row_and_column(pictures: list[Path], folder: Path) -> dict[View, Path]:
    matches = [(_VIEW.fullmatch(picture.stem), picture) for picture in pictures]
    return unique(((View(int(match[1]), int(match[2])), picture) for match, picture in matches if match), folder)


def jpeg_pleno(pictures: list[Path], folder: Path) -> dict[View, Path]:
    """003_004.ppm is column 3, row 4."""
    matches = [(_PLENO.fullmatch(picture.name), picture) for picture in pictures]
    return unique(((View(int(match[2]), int(match[1])), picture) for match, picture in matches if match), folder)


def hci2016(pictures: list[Path], folder: Path) -> dict[View, Path]:
    """Numbers count row by row; parameters.cfg, or else a square, says how many are in one."""
    numbers = {int(match[1]): picture for picture in pictures if (match := _HCI.fullmatch(picture.stem))}
    if not numbers:
        return {}
    columns = _hci_columns(folder / HCI_PARAMETERS, len(numbers))
    return {View(number // columns, number % columns): picture for number, picture in numbers.items()}


def _hci_columns(parameters: Path, count: int) -> int:
    text = parameters.read_text(encoding="utf-8", errors="replace") if parameters.is_file() else ""
    if match := re.search(r"num_cams_x\s*=\s*(\d+)", text):
        if not 0 < int(match[1]) <= count:
            raise InputError(f"{parameters} has num_cams_x = {match[1]} for {count} views; give the views of a row")
        return int(match[1])
    side = round(count**0.5)
    if side**2 != count:
        raise InputError(
            f"{parameters.parent} holds {count} views and no {HCI_PARAMETERS} with num_cams_x; "
            "name them view_R_C.png, or add the rest"
        )
    return side


def hci_parameters(text: str, size: Size, views: Grid) -> str:
    """What parameters.cfg says of other views, of another size."""
    sides = {"x": size.width, "y": size.height}
    counts = {"x": len(views.columns), "y": len(views.rows)}
    text = _SIDE.sub(lambda match: f"{match[1]}{sides[match[2]]}", text)
    return _CAMERAS.sub(lambda match: f"{match[1]}{counts[match[2]]}", text)


def hci_parameters_needed(views: Grid) -> dict[str, str]:
    """What says how many views are in a row, where they are no square."""
    rows, columns = len(views.rows), len(views.columns)
    return {} if rows == columns else {HCI_PARAMETERS: f"[extrinsics]\nnum_cams_x = {columns}\nnum_cams_y = {rows}\n"}


def hci_name(original: Path, view: View, views: Grid) -> str:
    """Of a view among those that are written: numbers count these row by row, so that they can be read again."""
    row, column = views.place(view)
    number, match = row * len(views.columns) + column, _HCI.fullmatch(original.stem)
    return same_name(original, view, views) if match and int(match[1]) == number else f"input_Cam{number:03}.png"


def row_and_column_name(original: Path, view: View, views: Grid) -> str:
    return f"view_{view.row}_{view.column}.png"


def same_name(original: Path, view: View, views: Grid) -> str:
    """As in the folder that was read, but for the ending."""
    return original.with_suffix(".png").name


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
