"""What marks an array as one of the known layouts, and where its views are when its axes alone do not say."""

import re

import numpy as np

from ..errors import InputError
from ..frames import Size
from .arrangement import Axes, Extent, Mosaic
from .array_file import ArrayFile, ArrayRequest, Clue, StoredViews

COLOURS = (1, 3, 4)  # how many channels an array has where its last (or first) axis counts them
LOW_RESOLUTION = r"img_LR_(\d+)"
_HCI_2013 = ("hRes", "vRes", "xRes", "yRes")  # root attributes
_HCI_2016 = ("disp_highres", "disp_lowres")  # data sets beside LF
_MOST = 1e6  # numbers in an array that says how others are stored
_GRID_IN_NAME = re.compile(r"SR_(\d+)x(\d+)(_\d+x)?")


def hci2013(file: ArrayFile, key: str) -> Clue | None:
    if _colours_last(file, key) and all(name in file.attributes for name in _HCI_2013):
        return Clue("and the root attributes hRes, vRes, xRes, yRes")
    return None


def hci2016(file: ArrayFile, key: str) -> Clue | None:
    if not _colours_last(file, key):
        return None
    beside = any(name in file for name in _HCI_2016)
    return Clue("beside disp_highres or disp_lowres") if beside else Clue("with colours last", sure=False)


def toolbox(file: ArrayFile, key: str) -> Clue | None:
    if _colours_last(file, key) and file.kind == "matlab5":
        return Clue("in a MATLAB v5 file, colours last")
    return None


def toolbox73(file: ArrayFile, key: str) -> Clue | None:
    if not _may_be_views(file[key].shape[::-1]):
        return None
    if file.kind == "matlab73":
        return Clue("in a MATLAB v7.3 file, colours first")
    return Clue("with colours first", sure=False)


def _colours_last(file: ArrayFile, key: str) -> bool:
    return _may_be_views(file[key].shape)


def _may_be_views(shape: tuple[int, ...]) -> bool:
    """Whether (row,column,y,x,channel) may have that shape: few colours, and no view smaller than the grid."""
    return len(shape) == 5 and shape[-1] in COLOURS and min(shape[2:4]) >= max(shape[:2])


def clip(file: ArrayFile, key: str) -> Clue | None:
    return _five_axes_beside(file, key, "frame_number", "img_size")


def padded(file: ArrayFile, key: str) -> Clue | None:
    return _five_axes_beside(file, key, "img_size", "frame_number")


def _five_axes_beside(file: ArrayFile, key: str, mark: str, other: str) -> Clue | None:
    """Five axes of img_HR mean clips or light fields: one small data set beside it says which, both say nothing."""
    if file[key].ndim == 5 and mark in file and other not in file:
        return Clue(f"with five axes beside {mark}")
    return None


def two_axes(file: ArrayFile, key: str) -> Clue | None:
    return Clue("with two axes") if file[key].ndim == 2 else None


def named_axes(file: ArrayFile, key: str) -> Clue | None:
    return Clue("with its attribute axes") if _axes_attribute(file, key) else None


def colours_last(file: ArrayFile, key: str) -> Clue | None:
    """(row,column,y,x,channel) under any name, unless the other end looks like colours as well."""
    shape = file[key].shape
    if len(shape) != 5 or shape[-1] not in COLOURS or (shape[0] in COLOURS and shape[1] > 2 * max(shape[3:])):
        return None
    return Clue("with five axes, colours last")


def locate_by_axes(file: ArrayFile, key: str, axes: Axes, request: ArrayRequest) -> StoredViews:
    """The array's axes say everything."""
    return StoredViews(axes, axes.extent(file[key].shape))


def locate_clip(file: ArrayFile, key: str, axes: Axes, request: ArrayRequest) -> StoredViews:
    """A clip's frames are columns, padded to the longest clip: frame_number says how many count."""
    extent = axes.extent(file[key].shape)
    if "frame_number" not in file:
        return StoredViews(axes, extent)
    counts = _integers(file, "frame_number").reshape(-1)
    if request.item is None and len(counts) > 1:
        raise InputError(f"{file.path} holds {len(counts)} clips; choose one with --item 0")
    item = request.item or 0
    length = int(counts[item]) if item < len(counts) else extent.column
    if not 0 < length <= extent.column:
        raise file.refuse(f"frame_number says {length} frames, {key} holds {extent.column}")
    return StoredViews(axes, extent._replace(column=length))


def _integers(file: ArrayFile, key: str) -> np.ndarray:
    """A small array that says how others are stored; InputError where it is none of numbers."""
    array = file[file.existing(key)]
    if np.prod(array.shape, dtype=float) > _MOST or np.dtype(array.dtype).kind not in "iuf":
        raise file.refuse(f"{key} is none of a few numbers")
    values = np.asarray(array, float)
    if not (np.isfinite(values).all() and np.abs(values).max(initial=0) < 1e9):
        raise file.refuse(f"{key} holds numbers that are no counts of pixels or frames")
    return values.astype(int)


def locate_padded(file: ArrayFile, key: str, axes: Axes, request: ArrayRequest) -> StoredViews:
    """img_size [N,2] is (height, width) of the high-resolution views, which are padded."""
    known = _integers(file, "img_size")
    if known.size % 2:
        raise file.refuse("img_size is no list of heights and widths")
    known = known.reshape(-1, 2)
    shrink = _shrink(key)
    sizes = tuple(Size(int(width) // shrink, int(height) // shrink) for height, width in known)
    items, *_, height, width = file[key].shape
    if len(sizes) != items or not all(0 < size.width <= width and 0 < size.height <= height for size in sizes):
        raise file.refuse(f"img_size does not fit {key}")
    return StoredViews(axes, axes.extent(file[key].shape), sizes)


def size_of_sharp(extent: Extent, key: str) -> np.ndarray:
    """img_size of an array of that extent, under that key."""
    return np.array([[extent.y, extent.x]] * extent.item) * _shrink(key)


def _shrink(key: str) -> int:
    """How much smaller than img_HR the views of a key are."""
    return int(match[1]) if (match := re.fullmatch(LOW_RESOLUTION, key.rpartition("/")[2])) else 1


def locate_mosaic(file: ArrayFile, key: str, axes: Axes, request: ArrayRequest) -> StoredViews:
    """[columns * x, rows * y]; --grid, or else the name of a folder above, like SR_5x5_4x, says how many views."""
    rows, columns, origin = _grid_of(file, key, request)
    width, height = file[key].shape
    if width % columns or height % rows:
        raise file.refuse(f"{file.describe(key)} is no transposed mosaic of {rows}x{columns} views")
    extent = Extent(1, rows, columns, height // rows, width // columns, 0)
    return StoredViews(Mosaic(axes.names), extent, origin=f"its grid from {origin}")


def _grid_of(file: ArrayFile, key: str, request: ArrayRequest) -> tuple[int, int, str]:
    if request.grid is not None:
        return *request.grid, "--grid"
    for part in reversed(file.path.resolve().parts):
        if match := _GRID_IN_NAME.search(part):
            return int(match[1]), int(match[2]), f"the folder's name ({match[0]})"
    raise file.refuse(f"{key} is a mosaic, and no folder above is called like SR_5x5_4x; pass --grid 5x5")


def locate_named_axes(file: ArrayFile, key: str, axes: Axes, request: ArrayRequest) -> StoredViews:
    """The attribute axes, "row column y x channel", says how the array is stored."""
    text = _axes_attribute(file, key)
    if text is None:
        raise file.refuse(f"{key} lacks the attribute axes")
    axes = Axes.parse(",".join(text.replace(",", " ").split()))
    if len(axes.names) != file[key].ndim:
        raise file.refuse(f"{key} has {file[key].ndim} axes, its attribute says '{text}'")
    return StoredViews(axes, axes.extent(file[key].shape))


def _axes_attribute(file: ArrayFile, key: str) -> str | None:
    """A string, or one for each axis; also of bytes."""
    value = getattr(file[key], "attrs", {}).get("axes")
    if value is None:
        return None
    words = np.atleast_1d(value).tolist()
    return ",".join(word.decode(errors="replace") if isinstance(word, bytes) else str(word) for word in words)
