"""Which layout the arrays of a file have: what is found is said with its reason, what fits two layouts is refused."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..frames import Size
from .arrangement import Arrangement, Axes, Extent, Mosaic
from .arrays import Found

_HCI_2013 = ("hRes", "vRes", "xRes", "yRes")  # root attributes
_HCI_2016 = ("disp_highres", "disp_lowres")  # data sets beside LF
_LOW = re.compile(r"img_LR_(\d+)")
_GRID_IN_NAME = re.compile(r"SR_(\d+)x(\d+)(_\d+x)?")
_COLOURS = (1, 3, 4)

AXES: dict[str, Axes] = {
    "hci2013": Axes(("row", "column", "y", "x", "channel"), frozenset({"column"})),
    "hci2016": Axes(("row", "column", "y", "x", "channel")),
    "toolbox": Axes(("row", "column", "y", "x", "channel")),
    "toolbox73": Axes(("channel", "x", "y", "column", "row")),
    "crossnet": Axes(("item", "row", "column", "channel", "y", "x")),
    "crossnet-sintel": Axes(("item", "column", "channel", "y", "x")),
    "lfssr-ato": Axes(("item", "row", "column", "y", "x")),
    "array": Axes(("row", "column", "y", "x", "channel")),
}
ARRAY_LAYOUTS = {
    "hci2013": "HCI 2013 .h5: LF, its horizontal view axis mirrored",
    "hci2016": "HCI 2016 .h5: LF beside disp_highres or disp_lowres",
    "toolbox": "BasicLFSR, LF-Toolbox .mat v5: LF (row,column,y,x,channel)",
    "toolbox73": "the same as v7.3, axes reversed: LF (channel,x,y,column,row)",
    "basiclfsr": "BasicLFSR patches: Lr_SAI_y, Hr_SAI_y, transposed mosaics; the grid stands in the folder's name",
    "crossnet": "CrossNet, light-field video: img_HR, img_LR_4 (item,row,column,channel,y,x)",
    "crossnet-sintel": "CrossNet Sintel: img_HR (clip,frame,channel,y,x) with frame_number; frames are columns",
    "lfssr-ato": "LFSSR-ATO: img_HR (item,row,column,y,x) with img_size",
    "views": "views with attributes axes and grid",
    "array": "one data set (row,column,y,x,channel)",
}


@dataclass(frozen=True)
class Wanted:
    """What the user says of a file; None: to be found out.

    key:    of the data set, of FILE::/key.
    layout: a name, or axes as "row,~column,y,x,channel".
    grid:   rows and columns, where the file does not say.
    sharp:  the high-resolution part of a file that holds both.
    """

    key: str | None = None
    layout: str | None = None
    grid: tuple[int, int] | None = None
    item: int | None = None
    sharp: bool = False


class Arrays(Mapping[str, Any]):
    """The arrays of a file by key, and the attributes of its root; told apart from what reads them."""

    def __init__(self, path: Path, arrays: Mapping[str, Any], attributes: Mapping[str, Any], tree: str, kind: str):
        """kind: "hdf5", "matlab5" or "matlab73"."""
        self.path, self.attributes, self.tree, self.kind = path, attributes, tree, kind
        self._arrays = arrays

    def __getitem__(self, key: str) -> Any:
        return self._arrays[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def refuse(self, why: str) -> InputError:
        """One line: what is wrong, what the file holds, and an example."""
        example = f"lfvideo-sr lightfield '{self.path}::/KEY' --layout row,column,y,x,channel"
        return InputError(f"{self.path}: {why}; it holds: {self.tree}; name one and its axes, like: {example}")


def detect(arrays: Arrays, wanted: Wanted) -> tuple[str, Found]:
    """The key of the array to read, and how its views lie."""
    key, found = _named(arrays, wanted) if wanted.layout else _recognised(arrays, wanted)
    if wanted.grid and wanted.grid != (found.extent.row, found.extent.column):
        has = f"{found.extent.row}x{found.extent.column}"
        raise arrays.refuse(f"--grid {wanted.grid[0]}x{wanted.grid[1]}, but {key} read as {found.layout} has {has}")
    sizes = found.sizes
    if sizes and wanted.item is None and len(set(sizes)) > 1:
        raise InputError(f"{arrays.path}: its {len(sizes)} items differ in size; choose one with --item 0")
    return key, found


def _recognised(arrays: Arrays, wanted: Wanted) -> tuple[str, Found]:
    """By the keys there are, unless one is named."""
    if wanted.key is not None and wanted.key.rpartition("/")[2] not in ("LF", "img_HR", "Lr_SAI_y", "Hr_SAI_y"):
        return _array(arrays, wanted, wanted.key, "named")
    for marks, recognise in _RULES:
        if any(mark in arrays for mark in marks):
            return recognise(arrays, wanted)
    if any(_LOW.fullmatch(key) for key in arrays):
        return _crossnet(arrays, wanted)
    five = [key for key, array in arrays.items() if array.ndim == 5]
    if not five:
        raise arrays.refuse("no layout known here")
    if len(five) > 1:
        raise arrays.refuse(f"{len(five)} scenes; choose one as {arrays.path}::/{five[0]}")
    return _array(arrays, wanted, five[0], "the only data set with five axes")


def _named(arrays: Arrays, wanted: Wanted) -> tuple[str, Found]:
    """As --layout says."""
    layout = wanted.layout or ""
    if layout == "basiclfsr":
        return _patches(arrays, wanted)
    if layout == "views":
        return _own(arrays, wanted)
    axes = AXES[layout] if layout in AXES else Axes.parse(layout)
    key = _key_for(arrays, wanted, len(axes.names))
    if arrays[key].ndim != len(axes.names):
        raise arrays.refuse(f"--layout {layout} has axes {axes}, but {key} has {arrays[key].ndim}")
    sizes = _sizes(arrays, key) if layout == "lfssr-ato" else None
    return key, Found(layout if layout in AXES else "array", "--layout", axes, axes.extent(arrays[key].shape), sizes)


def _key_for(arrays: Arrays, wanted: Wanted, axes: int) -> str:
    if wanted.key is not None:
        return _existing(arrays, wanted.key)
    fitting = [key for key, array in arrays.items() if array.ndim == axes]
    preferred = [key for key in _by_resolution(arrays, wanted) if key in fitting]
    if preferred or len(fitting) == 1:
        return (preferred or fitting)[0]
    raise arrays.refuse(f"{len(fitting)} data sets have {axes} axes")


def _existing(arrays: Arrays, key: str) -> str:
    if key not in arrays:
        raise arrays.refuse(f"no data set /{key}")
    return key


def _by_resolution(arrays: Arrays, wanted: Wanted) -> list[str]:
    """Keys that say which resolution they hold, the one wanted first; LF says nothing and goes for both."""
    low = [key for key in arrays if _LOW.fullmatch(key) or key == "Lr_SAI_y"]
    high = [key for key in arrays if key in ("img_HR", "Hr_SAI_y")]
    low.sort(key=lambda key: not key.endswith("_4"))
    return (high + low if wanted.sharp else low + high) + ["LF"]


def _lf(arrays: Arrays, wanted: Wanted) -> tuple[str, Found]:
    key = wanted.key or "LF"
    array = arrays[_existing(arrays, key)]
    if array.ndim != 5:
        raise arrays.refuse(f"{key} has {array.ndim} axes, not five")
    last, first = (_plausible(shape) for shape in (array.shape, array.shape[::-1]))
    if not (last or first):
        raise arrays.refuse(f"{key} {list(array.shape)} is no grid of views with colours first or last")
    layout, why = _lf_layout(arrays, last, first)
    if layout is None:
        raise arrays.refuse(f"{key} {list(array.shape)} may be toolbox or toolbox73: pass --layout with one of them")
    return key, _read_as(arrays, key, layout, f"LF {why}")


def _plausible(shape: tuple[int, ...]) -> bool:
    """Whether (row,column,y,x,channel) may have that shape: few colours, and no view smaller than the grid."""
    return shape[-1] in _COLOURS and min(shape[2:4]) >= max(shape[:2])


def _lf_layout(arrays: Arrays, last: bool, first: bool) -> tuple[str | None, str]:
    """Which of the layouts with the key LF, by what stands beside it and where the colours are."""
    if arrays.kind == "matlab73" and first:
        return "toolbox73", "in a MATLAB v7.3 file, colours first"
    if arrays.kind == "matlab5" and last:
        return "toolbox", "in a MATLAB v5 file, colours last"
    if last and all(name in arrays.attributes for name in _HCI_2013):
        return "hci2013", "and the root attributes hRes, vRes, xRes, yRes"
    if last and any(name in arrays for name in _HCI_2016):
        return "hci2016", "beside disp_highres or disp_lowres"
    if last and first:
        return None, ""
    return ("hci2016", "with colours last") if last else ("toolbox73", "with colours first")


def _read_as(arrays: Arrays, key: str, layout: str, decided: str) -> Found:
    axes = AXES[layout]
    return Found(layout, decided, axes, axes.extent(arrays[key].shape))


def _crossnet(arrays: Arrays, wanted: Wanted) -> tuple[str, Found]:
    """img_HR is CrossNet's, with or without views, or LFSSR-ATO's: the number of axes and img_size tell."""
    key = wanted.key or _by_resolution(arrays, wanted)[0]
    array = arrays[_existing(arrays, key)]
    if array.ndim == 6:
        return key, _read_as(arrays, key, "crossnet", f"{key} with six axes")
    padded, counted = "img_size" in arrays, "frame_number" in arrays
    if array.ndim != 5 or padded == counted:
        raise arrays.refuse(f"{key} has {array.ndim} axes; with five, img_size or frame_number has to tell what it is")
    if padded:
        found = _read_as(arrays, key, "lfssr-ato", f"{key} with five axes beside img_size")
        return key, Found(found.layout, found.decided, found.arrangement, found.extent, _sizes(arrays, key))
    return key, _clip(arrays, wanted, key)


def _sizes(arrays: Arrays, key: str) -> list[Size]:
    """img_size [N,2] is (height, width) of the high-resolution views, which are padded."""
    known = np.asarray(arrays["img_size"]).reshape(-1, 2).astype(int)
    shrink = int(found[1]) if (found := _LOW.fullmatch(key)) else 1
    sizes = [Size(int(width) // shrink, int(height) // shrink) for height, width in known]
    height, width = arrays[key].shape[-2:]
    if len(sizes) != arrays[key].shape[0] or any(size.width > width or size.height > height for size in sizes):
        raise arrays.refuse(f"img_size does not fit {key}")
    return sizes


def _clip(arrays: Arrays, wanted: Wanted, key: str) -> Found:
    """A clip's frames, padded to the longest: frame_number says how many count."""
    found = _read_as(arrays, key, "crossnet-sintel", f"{key} with five axes beside frame_number")
    counts = np.asarray(arrays["frame_number"]).reshape(-1).astype(int)
    if wanted.item is None and len(counts) > 1:
        raise InputError(f"{arrays.path} holds {len(counts)} clips; choose one with --item 0")
    length = int(counts[wanted.item or 0]) if (wanted.item or 0) < len(counts) else found.extent.column
    if not 0 < length <= found.extent.column:
        raise arrays.refuse(f"frame_number says {length} frames, {key} holds {found.extent.column}")
    return Found(found.layout, found.decided, found.arrangement, found.extent._replace(column=length))


def _patches(arrays: Arrays, wanted: Wanted) -> tuple[str, Found]:
    """Lr_SAI_y, Hr_SAI_y [columns * x, rows * y]; only a folder above, like SR_5x5_4x, tells the grid."""
    key = wanted.key or next((one for one in _by_resolution(arrays, wanted) if one.endswith("SAI_y")), "Lr_SAI_y")
    array = arrays[_existing(arrays, key)]
    named = next((found for part in arrays.path.resolve().parts[::-1] if (found := _GRID_IN_NAME.search(part))), None)
    grid = wanted.grid or ((int(named[1]), int(named[2])) if named else None)
    if grid is None:
        raise arrays.refuse(f"{key} is a mosaic, and no folder above is called like SR_5x5_4x; pass --grid 5x5")
    rows, columns = grid
    if array.ndim != 2 or array.shape[0] % columns or array.shape[1] % rows:
        raise arrays.refuse(f"{key} {list(array.shape)} is no transposed mosaic of {rows}x{columns} views")
    extent = Extent(1, rows, columns, array.shape[1] // rows, array.shape[0] // columns, 0)
    where = "--grid" if wanted.grid else f"the folder's name ({named[0] if named else ''})"
    return key, Found("basiclfsr", f"{key}, its grid from {where}", Mosaic(("x", "y")), extent)


def _own(arrays: Arrays, wanted: Wanted) -> tuple[str, Found]:
    """`views` with the attribute axes, "row column y x channel"."""
    key = wanted.key or "views"
    said = arrays[_existing(arrays, key)].attrs.get("axes") if hasattr(arrays[key], "attrs") else None
    if said is None:
        raise arrays.refuse(f"{key} lacks the attribute axes")
    axes = Axes.parse(",".join(str(said).replace(",", " ").split()))
    if len(axes.names) != arrays[key].ndim:
        raise arrays.refuse(f"{key} has {arrays[key].ndim} axes, its attribute says '{said}'")
    return key, Found("views", f"{key} with its attribute axes", axes, axes.extent(arrays[key].shape))


def _array(arrays: Arrays, wanted: Wanted, key: str, why: str) -> tuple[str, Found]:
    array = arrays[_existing(arrays, key)]
    arrangement: Arrangement = AXES["array"]
    if array.ndim != 5 or array.shape[-1] not in _COLOURS:
        raise arrays.refuse(f"{key} {list(array.shape)} is not (row,column,y,x,channel)")
    if array.shape[0] in _COLOURS and array.shape[1] > 2 * max(array.shape[3:]):
        raise arrays.refuse(f"{key} {list(array.shape)} may have its axes reversed")
    return key, Found("array", f"{key}, {why}, colours last", arrangement, AXES["array"].extent(array.shape))


_RULES = (
    (("views",), _own),
    (("img_HR",), _crossnet),
    (("Lr_SAI_y", "Hr_SAI_y"), _patches),
    (("LF",), _lf),
)
