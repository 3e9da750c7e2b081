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
from .partial import PartialFolder, writing
from .view_names import by_pattern


@dataclass(frozen=True)
class NamedViews:
    """Which file each view is, and how that was decided."""

    layout: str
    decided: str
    files: Mapping[View, Path]


def name_views(folder: Path, layout: str | None = None, pattern: str | None = None) -> NamedViews:
    """The views among a folder's pictures; other pictures are left alone. InputError where the names say nothing."""
    pictures = picture_files(folder)
    if pattern is not None:
        return NamedViews("folder", f"names like {pattern}", by_pattern(pictures, folder, pattern))
    known = layouts_of(FolderLayout)
    asked = known if layout is None else {layout: known[layout]}
    matches = {name: files for name, kind in asked.items() if (files := kind.views(pictures, folder))}
    if len(matches) == 1:
        ((name, files),) = matches.items()
        return NamedViews(name, f"{len(files)} pictures named like {next(iter(files.values())).name}", files)
    names = ", ".join(picture.name for picture in pictures[:4]) or "no pictures"
    example = "--pattern 'shot_{row}_{column}.png'"
    several = f"names of {len(matches)} kinds ({' and '.join(matches)}); choose with --layout"
    what = several if matches else "no known names"
    raise InputError(f"{folder} holds {names}: {what}; view_R_C.png is known, others are described like {example}")


@dataclass(eq=False)
class FolderField:
    """Views as picture files; each is decoded when it is read."""

    folder: Path
    named: NamedViews
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

    def target(self, path: Path, size: Size, views: Grid, frames: int) -> "_ViewFolderSink":
        """A folder of the same names, as PNG; see `LightField`."""
        return _ViewFolderSink(path, size, self)

    def close(self) -> None:
        pass


class _ViewFolderSink(PartialFolder):
    def __init__(self, path: Path, size: Size, source: FolderField):
        super().__init__(path)
        self._size, self._source = size, source
        with writing(path, self.folder):
            self._copy_companions()

    def _copy_companions(self) -> None:
        """What the layout has beside its pictures goes along and states the new size."""
        layout = LAYOUTS[self._source.named.layout]
        assert isinstance(layout, FolderLayout)
        for name, changed in layout.companions.items():
            original = self._source.folder / name
            if original.is_file():
                text = changed(original.read_text("utf-8", "surrogateescape"), self._size)  # whatever its encoding is
                (self.folder / name).write_text(text, "utf-8", "surrogateescape")

    def write(self, view: Frame, frame: int = 0) -> None:
        stamp = view.stamp
        assert isinstance(stamp, View)
        if view.size != self._size:
            raise OutputError(f"view {name_of(stamp)} is {view.size}; this output was opened for {self._size}")
        name = self._source.named.files[stamp].with_suffix(".png").name
        write_png(self.folder / name, view.pixels, self._source.bit_depth)
