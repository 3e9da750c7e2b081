"""All that is known of each layout of light fields, a line of LAYOUTS each: a new layout is one more line."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..frames import Size, View
from . import array_layouts as arrays
from . import view_names as names
from .arrangement import Arrangement, Axes, Lenslets, Mosaic
from .array_file import ArrayFile, Clue, Companion, Locate, Recognise
from .grid import Grid

SCALE = 4  # by which views are enlarged
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True)
class Keys:
    """What a layout calls its array. low: a regular expression, where low-resolution views have a key of their own."""

    sharp: str
    low: str = ""

    def includes(self, key: str) -> bool:
        """Whether the last part of a key is one of these."""
        last = key.rpartition("/")[2]
        return last == self.sharp or re.fullmatch(self.low, last) is not None

    def enlarged(self, key: str) -> str | None:
        """What a low-resolution key is called once its views are enlarged by 4; None for any other key."""
        folder, _, last = key.rpartition("/")
        if not (self.low and re.fullmatch(self.low, last)):
            return None
        factor = self.factor(key)
        name = self.sharp if factor <= SCALE or factor % SCALE else last.replace(f"{factor}", f"{factor // SCALE}")
        return f"{folder}/{name}".lstrip("/")

    def factor(self, key: str) -> int:
        """How much smaller views under that key are than sharp ones: what a low-resolution key says, else 4."""
        match = re.fullmatch(self.low, key.rpartition("/")[2]) if self.low else None
        return int(match[1]) if match and match.groups() else SCALE


@dataclass(frozen=True)
class ArrayLayout:
    """Views in an array of an HDF5 or MATLAB file.

    description: one line for people.
    axes:        of the array, in the order in which HDF5 stores them, as --layout takes them; "": `locate` says.
    keys:        of the array; None: any.
    recognise:   whether an array with one of the keys has this layout, and why; default: its number of axes does.
    locate:      where the views are; default: where the axes say.
    companions:  small data sets that belong to it, by key: what each holds in a file that is written.
    needs_grid:  a file that stands alone does not say how many views it holds.
    studio:      a single channel is BT.601's luma, 16..235 of 255.
    carried:     data sets beside it, mosaics of the views at high resolution, that go along into what is written.
    """

    description: str
    axes: str
    keys: Keys | None = None
    recognise: Recognise | None = None
    locate: Locate = arrays.locate_by_axes
    companions: Mapping[str, Companion] = field(default_factory=dict)
    needs_grid: bool = False
    studio: bool = False
    carried: tuple[str, ...] = ()

    @cached_property
    def parsed(self) -> Axes:
        return Axes.parse(self.axes) if self.axes else Axes(())

    @property
    def holds_both(self) -> bool:
        """Whether a file may hold low-resolution views and sharp ones."""
        return self.keys is not None and bool(self.keys.low)

    def clue(self, file: ArrayFile, key: str) -> Clue | None:
        """Why the array may have this layout; None: it has not."""
        if self.recognise is not None:
            return self.recognise(file, key)
        count = len(self.parsed.names)
        return Clue(f"with {_NUMBERS[count]} axes") if file[key].ndim == count else None


@dataclass(frozen=True)
class FolderLayout:
    """A folder with one picture for each view.

    views:      the picture of each view, of a folder's pictures and the folder; {} where none is named so.
    companions: text files that belong to it, by name: their text for other views, of another size.
    added:      text files that are written where the folder had none and `views` could not do without: their text.
    named:      what the picture of a view is called among those that are written, by its file's name.
    """

    description: str
    views: Callable[[list[Path], Path], dict[View, Path]]
    companions: Mapping[str, Callable[[str, Size, Grid], str]] = field(default_factory=dict)
    added: Callable[[Grid], Mapping[str, str]] = lambda views: {}
    named: Callable[[Path, View, Grid], str] = names.same_name
    needs_grid = False
    holds_both = False


@dataclass(frozen=True)
class PictureLayout:
    """One picture with all views.

    mark:   what a file of it has in its name, in lower case; "": it has to be named.
    grid:   rows and columns where the user names none; None: the user has to.
    lenses: views are behind lenses, whose pitch the picture shows.
    sweep:  tiles are one row of views, from the bottom left; names say how many: NAME_qs8x6.
    ragged: pixels left over at the right and bottom belong to no view; else the views fill the picture.
    frames: each picture of a folder, and each frame of a video, may be one: a light-field video.
    """

    description: str
    arrangement: Arrangement
    mark: str = ""
    grid: tuple[int, int] | None = None
    ragged: bool = False
    frames: bool = False
    lenses: bool = False
    sweep: bool = False
    needs_grid = True
    holds_both = False


FieldLayout = ArrayLayout | FolderLayout | PictureLayout
_Kind = TypeVar("_Kind", ArrayLayout, FolderLayout, PictureLayout)

_LF, _IMAGES = Keys("LF"), Keys("img_HR", arrays.LOW_RESOLUTION)
_ROW_BY_ROW = "row,column,y,x,channel"
_PARAMETERS = {names.HCI_PARAMETERS: names.hci_parameters}

# Of several that are sure, the first is taken; an array that may be two, and is surely neither, is refused.
LAYOUTS: dict[str, FieldLayout] = {
    "views": ArrayLayout(
        "data set views, whose attribute axes names its axes",
        "",
        Keys("views"),
        arrays.named_axes,
        arrays.locate_named_axes,
    ),
    "crossnet": ArrayLayout(
        "CrossNet, light-field video: img_HR, img_LR_4 (item,row,column,channel,y,x)",
        "item,row,column,channel,y,x",
        _IMAGES,
    ),
    "crossnet-sintel": ArrayLayout(
        "CrossNet Sintel: img_HR (clip,frame,channel,y,x) with frame_number; frames are columns",
        "item,column,channel,y,x",
        _IMAGES,
        arrays.clip,
        arrays.locate_clip,
        companions={"frame_number": lambda extent, key: np.array([extent.column] * extent.item)},
    ),
    "lfssr-ato": ArrayLayout(
        "LFSSR-ATO: img_HR (item,row,column,y,x) with img_size",
        "item,row,column,y,x",
        _IMAGES,
        arrays.padded,
        arrays.locate_padded,
        companions={"img_size": arrays.size_of_sharp},
        studio=True,
    ),
    "basiclfsr": ArrayLayout(
        "BasicLFSR patches: Lr_SAI_y, Hr_SAI_y, transposed mosaics; the grid is in the folder's name, like SR_5x5_4x",
        "x,y",
        Keys("Hr_SAI_y", "Lr_SAI_y"),
        arrays.two_axes,
        arrays.locate_mosaic,
        needs_grid=True,
        studio=True,
        carried=("Sr_SAI_cbcr",),
    ),
    "toolbox73": ArrayLayout(
        "BasicLFSR, LF-Toolbox .mat v7.3, axes reversed: LF (channel,x,y,column,row)",
        "channel,x,y,column,row",
        _LF,
        arrays.toolbox73,
    ),
    "toolbox": ArrayLayout(
        "BasicLFSR, LF-Toolbox .mat v5: LF (row,column,y,x,channel)", _ROW_BY_ROW, _LF, arrays.toolbox
    ),
    "hci2013": ArrayLayout(
        "HCI 2013 .h5: LF, its horizontal view axis mirrored", "row,~column,y,x,channel", _LF, arrays.hci2013
    ),
    "hci2016": ArrayLayout("HCI 2016 .h5: LF beside disp_highres or disp_lowres", _ROW_BY_ROW, _LF, arrays.hci2016),
    "array": ArrayLayout("one data set (row,column,y,x,channel)", _ROW_BY_ROW, None, arrays.colours_last),
    "folder": FolderLayout(
        "folder of view_R_C.png or other names with two numbers, row and column; or of names that --pattern describes",
        names.by_row_and_column,
        _PARAMETERS,
    ),
    "hci2016-folder": FolderLayout(
        "HCI 2016: input_Cam000.png, row by row, beside parameters.cfg",
        names.hci2016,
        _PARAMETERS,
        names.hci_parameters_needed,
        names.hci_name,
    ),
    "jpeg-pleno": FolderLayout(
        "JPEG Pleno: 003_004.ppm, column and row; written as view_R_C.png",
        names.jpeg_pleno,
        named=names.row_and_column_name,
    ),
    "gantry": FolderLayout("Stanford gantry: out_RR_CC_y_x_.png", names.gantry),
    "eslf": PictureLayout(
        "ESLF picture: of 14x14 views, (row,column) is picture[row::14, column::14]; --grid, else measured",
        Lenslets(),
        mark="eslf",
        ragged=True,
        lenses=True,
    ),
    "mosaic": PictureLayout(
        "picture, folder of pictures or video with views side by side; needs --grid", Mosaic(), frames=True
    ),
    "quilt": PictureLayout(
        "Looking Glass NAME_qs8x6a0.75: side by side, one row of views from the bottom left; --grid 6x8",
        Mosaic(),
        frames=True,
        sweep=True,
    ),
}


def layouts_of(kind: type[_Kind]) -> dict[str, _Kind]:
    """The layouts of a kind by name."""
    return {name: layout for name, layout in LAYOUTS.items() if isinstance(layout, kind)}
