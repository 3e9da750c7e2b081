"""A folder with one picture per view."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import InputError, OutputError
from ..frames import Frame, Size, View, size_of
from ..media.images import Picture, read_picture, write_png
from ..media.picture_formats import picture_files
from .field import FieldInfo
from .grid import Grid, name_of
from .layouts import LAYOUTS, FolderLayout, layouts_of
from .name_patterns import by_pattern, example_for, patterns_of, row_by_row
from .partial import PartialFolder, writing
from .picture_white import white_of_files
from .pictures import transparency_lost


@dataclass(frozen=True)
class NamedViews:
    """Which file each view is, and how that was decided."""

    layout: str
    decided: str
    files: Mapping[View, Path]


def name_views(
    folder: Path, layout: str | None = None, pattern: str | None = None, grid: tuple[int, int] | None = None
) -> NamedViews:
    """The views among a folder's pictures; other pictures are left alone. InputError where the names say nothing.

    grid: rows and columns of pictures that are numbered row by row, for names of no known kind.
    """
    pictures = picture_files(folder)
    if pattern is not None:
        return NamedViews("folder", f"names like {pattern}", by_pattern(pictures, folder, pattern))
    known = layouts_of(FolderLayout)
    asked = known if layout is None else {layout: known[layout]}
    matches = {name: files for name, kind in asked.items() if (files := kind.views(pictures, folder))}
    if len(matches) == 1:
        ((name, files),) = matches.items()
        return NamedViews(name, f"{len(files)} pictures named like {next(iter(files.values())).name}", files)
    if matches:
        several = f"names of {len(matches)} kinds ({' and '.join(matches)})"
        raise InputError(f"{folder} holds {_some(pictures)}: {several}; choose with --layout {next(iter(matches))}")
    if grid is not None and (files := row_by_row(pictures, grid)):
        return NamedViews("folder", f"{len(files)} numbered pictures, row by row by --grid", files)
    return _by_their_own_pattern(pictures, folder)


def _by_their_own_pattern(pictures: list[Path], folder: Path) -> NamedViews:
    """Names with two numbers that count views."""
    patterns = patterns_of(pictures)
    if len(patterns) == 1:
        files = by_pattern(pictures, folder, patterns[0])
        return NamedViews("folder", f"{len(files)} pictures named like {patterns[0]}", files)
    if not pictures:
        raise InputError(f"{folder} holds no pictures; give a folder with a picture for each view")
    example = patterns[0] if patterns else example_for(pictures[0].name)
    what = f"names of {len(patterns)} kinds ({' and '.join(patterns)}); choose" if patterns else "no known names; say"
    numbered = "" if patterns else "; or pass --grid ROWSxCOLUMNS for pictures numbered row by row"
    raise InputError(
        f"{folder} holds {_some(pictures)}: {what} with --pattern which are views, like: '{example}'{numbered}"
    )


def _some(pictures: list[Path]) -> str:
    return ", ".join(picture.name for picture in pictures[:4])


@dataclass(eq=False)
class FolderField:
    """Views as picture files; each is decoded when it is read. white: as of `read_picture`."""

    folder: Path
    named: NamedViews
    white: float | None = None
    info: FieldInfo = field(init=False)
    bit_depth: int = field(init=False)

    def __post_init__(self) -> None:
        grid = Grid.holding(self.named.files, str(self.folder))
        self.white = white_of_files([self.named.files[view] for view in grid.sampled()], self.white)
        path = self.named.files[next(iter(grid))]
        first = read_picture(path, self.white, alpha=True)
        self.bit_depth = first.bit_depth
        size, pixel = size_of(first.pixels), 3 * first.bit_depth // 8
        named = self.named
        self.info = FieldInfo(
            str(self.folder), named.layout, named.decided, grid, size, first.samples, pixel=pixel,
            warnings=transparency_lost(path, first),
        )  # fmt: skip

    def _picture(self, view: View) -> Picture:
        return read_picture(self.named.files[view], self.white)

    def read(self, view: View, frame: int = 0) -> np.ndarray:
        """Float32 [3,H,W] RGB in [0,1]."""
        pixels = self._picture(view).pixels
        if size_of(pixels) != self.info.size:
            raise InputError(
                f"{self.named.files[view]} is {size_of(pixels)}, other views are {self.info.size}; make all one size"
            )
        return pixels

    def place_in_file(self, view: View) -> tuple[int, int]:
        return self.info.grid.place(view)

    def target(self, path: Path, size: Size, views: Grid, frames: int) -> "_ViewFolderSink":
        """A folder of the same names, as PNG; see `LightField`."""
        return _ViewFolderSink(path, size, self, views)

    def close(self) -> None:
        pass


class _ViewFolderSink(PartialFolder):
    def __init__(self, path: Path, size: Size, source: FolderField, views: Grid):
        layout = LAYOUTS[source.named.layout]
        assert isinstance(layout, FolderLayout)
        self._size, self._source = size, source
        self._layout, self._views = layout, views
        super().__init__(path, {self._name(view) for view in views})
        with writing(path, self.folder):
            self._write_companions()

    def _write_companions(self) -> None:
        """What the layout has beside its pictures goes along, byte by byte but for what is said of the views."""
        for name, changed in self._layout.companions.items():
            original = self._source.folder / name
            if original.is_file():
                text = original.read_bytes().decode(errors="surrogateescape")
                changed_text = changed(text, self._size, self._views)
                (self.folder / name).write_bytes(changed_text.encode(errors="surrogateescape"))
        for name, text in self._layout.added(self._views).items():
            if not (self.folder / name).exists():
                (self.folder / name).write_text(text, encoding="utf-8")

    def write(self, view: Frame, frame: int = 0) -> None:
        stamp = view.stamp
        assert isinstance(stamp, View)
        if view.size != self._size:
            raise OutputError(f"view {name_of(stamp)} is {view.size}; this output was opened for {self._size}")
        write_png(self.folder / self._name(stamp), view.pixels, self._source.bit_depth)

    def _name(self, view: View) -> str:
        return self._layout.named(self._source.named.files[view], view, self._views)
