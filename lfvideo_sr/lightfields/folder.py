"""A folder with one picture per view: view_R_C.png, HCI 2016, the Stanford gantry's names, or any pattern."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import InputError, OutputError, UsageError
from ..frames import Frame, Size, View, size_of
from ..media.images import Picture, read_picture, write_png
from ..media.picture_formats import PICTURES
from .field import FieldInfo
from .grid import Grid, name_of
from .partial import check_folder, partial_of, remove, replace_folder, writing

HCI_PARAMETERS = "parameters.cfg"
_VIEW = re.compile(r"view_(\d+)_(\d+)")
_HCI = re.compile(r"input_Cam(\d+)")
_GANTRY = re.compile(r"out_(\d+)_(\d+)_(-?[\d.]+)_(-?[\d.]+)_?")
_SIDE = re.compile(r"(image_resolution_[xy]_px\s*=\s*)\d+")

FOLDER_LAYOUTS = {
    "folder": "folder of view_R_C.png, R and C row and column; or of names that --pattern describes",
    "hci2016-folder": "HCI 2016: input_Cam000.png, row by row, beside parameters.cfg",
    "gantry": "Stanford gantry: out_RR_CC_y_x_.png",
}


@dataclass(frozen=True)
class Named:
    """Which file each view is, and how that was found."""

    layout: str
    decided: str
    files: Mapping[View, Path]


def name_views(folder: Path, layout: str | None = None, pattern: str | None = None) -> Named:
    """The views among a folder's pictures; other pictures are left alone. InputError where the names say nothing."""
    pictures = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURES and path.name[0] != "."]
    if pattern is not None:
        return Named("folder", f"names like {pattern}", _by_pattern(pictures, pattern, folder))
    found = {name: files for name, read in _READERS.items() if (files := read(pictures, folder))}
    if layout is not None:
        found = {name: files for name, files in found.items() if name == layout}
    if len(found) == 1:
        ((name, files),) = found.items()
        return Named(name, f"{len(files)} pictures named like {next(iter(files.values())).name}", files)
    names = ", ".join(picture.name for picture in pictures[:4]) or "no pictures"
    example = "--pattern 'shot_{row}_{column}.png'"
    what = f"names of {len(found)} kinds ({' and '.join(found)}); choose with --layout" if found else "no known names"
    raise InputError(f"{folder} holds {names}: {what}; view_R_C.png is known, others are described like {example}")


def _by_names(pictures: list[Path], folder: Path) -> dict[View, Path]:
    found = [(_VIEW.fullmatch(picture.stem), picture) for picture in pictures]
    return _unique([(View(int(match[1]), int(match[2])), one) for match, one in found if match], folder)


def _hci(pictures: list[Path], folder: Path) -> dict[View, Path]:
    """Numbers count row by row; parameters.cfg, or else a square, says how many are in one."""
    numbers = {int(match[1]): picture for picture in pictures if (match := _HCI.fullmatch(picture.stem))}
    if not numbers:
        return {}
    columns = _hci_columns(folder / HCI_PARAMETERS, len(numbers))
    return {View(number // columns, number % columns): one for number, one in numbers.items()}


def _hci_columns(parameters: Path, count: int) -> int:
    said = parameters.read_text(errors="replace") if parameters.is_file() else ""
    if match := re.search(r"num_cams_x\s*=\s*(\d+)", said):
        return int(match[1])
    side = round(count**0.5)
    if side**2 != count:
        raise InputError(
            f"{parameters.parent} holds {count} views and no {HCI_PARAMETERS} with num_cams_x; "
            "name them view_R_C.png, or add the rest"
        )
    return side


def _gantry(pictures: list[Path], folder: Path) -> dict[View, Path]:
    """Row and column stand in the name, and where the camera was: y and x. Rows that were taken backwards are turned
    round: columns count the way most rows do."""
    found = [(match, picture) for picture in pictures if (match := _GANTRY.fullmatch(picture.stem))]
    by_row: dict[int, list[tuple[int, float, Path]]] = {}
    for match, one in found:
        by_row.setdefault(int(match[1]), []).append((int(match[2]), float(match[4]), one))
    ways = {row: _way(places) for row, places in by_row.items()}
    usual = Counter(ways.values()).most_common(1)[0][0] if ways else 0
    files = {}
    for row, places in by_row.items():
        columns = sorted(column for column, _, _ in places)
        names = columns if ways[row] == usual else columns[::-1]
        for (_, _, one), column in zip(sorted(places, key=lambda place: place[0]), names):
            files[View(row, column)] = one
    return files


def _way(places: list[tuple[int, float, Path]]) -> int:
    """+1 where x grows with the column, -1 where it falls."""
    first, last = min(places)[1], max(places)[1]
    return 1 if last >= first else -1


_READERS: dict[str, Callable[[list[Path], Path], dict[View, Path]]] = {
    "folder": _by_names,
    "hci2016-folder": _hci,
    "gantry": _gantry,
}


def _by_pattern(pictures: list[Path], pattern: str, folder: Path) -> dict[View, Path]:
    """A file name with {row} and {column} in it."""
    if "{row}" not in pattern or "{column}" not in pattern:
        raise UsageError(f"--pattern is '{pattern}'; a name with {{row}} and {{column}} is wanted")
    expression = re.escape(pattern)
    for word in ("row", "column"):
        expression = expression.replace(re.escape(f"{{{word}}}"), rf"(?P<{word}>\d+)", 1)
    try:
        known = re.compile(expression)
    except re.error:
        raise UsageError(f"--pattern '{pattern}' names {{row}} or {{column}} twice; once each is wanted") from None
    found = [(match, picture) for picture in pictures if (match := known.fullmatch(picture.name))]
    if not found:
        held = pictures[0].name if pictures else "none"
        raise InputError(f"no picture in {folder} is named like {pattern}; it holds {held}; describe that name")
    return _unique([(View(int(match["row"]), int(match["column"])), one) for match, one in found], folder)


def _unique(found: list[tuple[View, Path]], folder: Path) -> dict[View, Path]:
    files: dict[View, Path] = {}
    for view, path in found:
        if view in files:
            raise InputError(f"{folder}: {files[view].name} and {path.name} are both view {name_of(view)}; remove one")
        files[view] = path
    return files


@dataclass(eq=False)
class FolderField:
    """Views as picture files; each is decoded when it is read."""

    folder: Path
    named: Named
    info: FieldInfo = field(init=False)
    bit_depth: int = field(init=False)

    def __post_init__(self) -> None:
        grid = Grid.holding(self.named.files, str(self.folder))
        first = self._picture(next(iter(grid)))
        self.bit_depth = first.bit_depth
        samples = f"uint{first.bit_depth} RGB"
        size, pixel = size_of(first.pixels), 3 * first.bit_depth // 8
        named = self.named
        self.info = FieldInfo(str(self.folder), named.layout, named.decided, grid, size, samples, pixel=pixel)

    def _picture(self, view: View) -> Picture:
        return read_picture(self.named.files[view])

    def read(self, view: View, frame: int = 0) -> np.ndarray:
        """Float32 [3,H,W] RGB in [0,1]."""
        pixels = self._picture(view).pixels
        if size_of(pixels) != self.info.size:
            raise InputError(
                f"{self.named.files[view]} is {size_of(pixels)}, other views are {self.info.size}; make all one size"
            )
        return pixels

    def target(self, path: Path, size: Size, views: Grid, frames: int) -> "_FolderSink":
        """A folder of the same names, as PNG; see `LightField`."""
        return _FolderSink(path, size, self)

    def close(self) -> None:
        pass


class _FolderSink:
    def __init__(self, path: Path, size: Size, source: FolderField):
        self._path, self._partial, self._size, self._source = path, partial_of(path), size, source
        check_folder(path)
        remove(self._partial)
        with writing(path):
            self._partial.mkdir()
            self._copy_parameters()

    def _copy_parameters(self) -> None:
        """parameters.cfg goes along and states the new size."""
        given = self._source.folder / HCI_PARAMETERS
        if given.is_file():
            sides = {"x": self._size.width, "y": self._size.height}
            said = _SIDE.sub(lambda found: f"{found[1]}{sides[found[1][17]]}", given.read_text(errors="replace"))
            (self._partial / HCI_PARAMETERS).write_text(said)

    def write(self, view: Frame, frame: int = 0) -> None:
        stamp = view.stamp
        assert isinstance(stamp, View)
        if view.size != self._size:
            raise OutputError(f"view {name_of(stamp)} is {view.size}; this output was opened for {self._size}")
        name = self._source.named.files[stamp].with_suffix(".png").name
        write_png(self._partial / name, view.pixels, self._source.bit_depth)

    def close(self) -> None:
        replace_folder(self._partial, self._path)

    def abort(self) -> None:
        remove(self._partial)
