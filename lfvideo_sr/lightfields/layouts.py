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
        """What a low-resolution key is called once its views are enlarged; None for any other key."""
        folder, _, last = key.rpartition("/")
        return f"{folder}/{self.sharp}".lstrip("/") if self.low and re.fullmatch(self.low, last) else None


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
    """

    description: str
    axes: str
    keys: Keys | None = None
    recognise: Recognise | None = None
    locate: Locate = arrays.locate_by_axes
    companions: Mapping[str, Companion] = field(default_factory=dict)
    needs_grid: bool = False

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
    companions: text files that belong to it, by name: their text for views of another size.
    """

    description: str
    views: Callable[[list[Path], Path], dict[View, Path]]
    companions: Mapping[str, Callable[[str, Size], str]] = field(default_factory=dict)
    needs_grid = False
    holds_both = False


@dataclass(frozen=True)
class PictureLayout:
    """One picture with all views.

    mark:   what a file of it has in its name, in lower case; "": it has to be named.
    grid:   rows and columns where the user names none; None: the user has to.
    ragged: pixels left over at the right and bottom belong to no view; else the views fill the picture.
    frames: each picture of a folder, and each frame of a video, may be one: a light-field video.
    """

    description: str
    arrangement: Arrangement
    mark: str = ""
    grid: tuple[int, int] | None = None
    ragged: bool = False
    frames: bool = False
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
        "views, with its axes in the attribute axes",
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
        companions={"frame_number": lambda extent: np.array([extent.column] * extent.item)},
    ),
    "lfssr-ato": ArrayLayout(
        "LFSSR-ATO: img_HR (item,row,column,y,x) with img_size",
        "item,row,column,y,x",
        _IMAGES,
        arrays.padded,
        arrays.locate_padded,
        companions={"img_size": lambda extent: np.array([[extent.y, extent.x]] * extent.item)},
    ),
    "basiclfsr": ArrayLayout(
        "BasicLFSR patches: Lr_SAI_y, Hr_SAI_y, transposed mosaics; the grid is in the folder's name, like SR_5x5_4x",
        "x,y",
        Keys("Hr_SAI_y", "Lr_SAI_y"),
        arrays.two_axes,
        arrays.locate_mosaic,
        needs_grid=True,
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
        "folder of view_R_C.png, R and C row and column; or of names that --pattern describes",
        names.by_row_and_column,
        _PARAMETERS,
    ),
    "hci2016-folder": FolderLayout(
        "HCI 2016: input_Cam000.png, row by row, beside parameters.cfg", names.hci2016, _PARAMETERS
    ),
    "gantry": FolderLayout("Stanford gantry: out_RR_CC_y_x_.png", names.gantry),
    "eslf": PictureLayout(
        "ESLF picture: view (row,column) is picture[row::14, column::14]; --grid for another number",
        Lenslets(),
        mark="eslf",
        grid=(14, 14),
        ragged=True,
    ),
    "mosaic": PictureLayout(
        "picture, folder of pictures or video with views side by side; wants --grid", Mosaic(), frames=True
    ),
}


def layouts_of(kind: type[_Kind]) -> dict[str, _Kind]:
    """The layouts of a kind by name."""
    return {name: layout for name, layout in LAYOUTS.items() if isinstance(layout, kind)}
