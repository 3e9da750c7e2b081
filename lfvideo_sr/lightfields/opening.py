"""Opening a light field, whatever it lies in: `open_light_field`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from ..checks import check_choice
from ..errors import InputError, UsageError
from ..frames import Size
from ..media.picture_formats import PICTURES
from .arrangement import Axes
from .arrays import ArrayField, one_item
from .detect import ARRAY_LAYOUTS, Arrays, Wanted, detect
from .field import LightField
from .folder import FOLDER_LAYOUTS, FolderField, name_views
from .frames_of import FolderMosaics, MosaicField, VideoMosaics
from .hdf5 import Hdf5Store, open_hdf5, tree_of
from .matlab import Matlab5Store, read_matlab5, tree_of_matlab5
from .pictures import PICTURE_LAYOUTS, PictureStore, find_in_picture, read_samples, whole_lenses
from .turned import TurnedField

LAYOUTS = {**ARRAY_LAYOUTS, **FOLDER_LAYOUTS, **PICTURE_LAYOUTS}
_ENLARGED_KEYS = {"Lr_SAI_y": "Hr_SAI_y"}  # what a key is called once its views are enlarged
_BESIDE = {"lfssr-ato": ("img_size",), "crossnet-sintel": ("frame_number",)}  # what tells these layouts apart
_MATLAB = {".mat"}
_VIDEOS = {".mp4", ".mkv", ".mov", ".m4v", ".webm", ".avi"}
_HDF5 = {".h5", ".hdf5", ".mat"}


@dataclass(frozen=True)
class OpenOptions:
    """What a user says of a light field; None: to be found out.

    layout:    a name of LAYOUTS, or axes like "row,~column,y,x,channel".
    grid:      rows and columns, where a file does not say.
    item:      which of several scenes or frames.
    pattern:   of a folder's names, with {row} and {column}.
    transpose: exchange rows and columns. mirror: of "rows" and "columns", those that run backwards.
    sharp:     take the high-resolution part of a file that holds both.
    """

    layout: str | None = None
    grid: tuple[int, int] | None = None
    item: int | None = None
    pattern: str | None = None
    transpose: bool = False
    mirror: Sequence[str] = ()
    sharp: bool = False

    def __post_init__(self) -> None:
        for one in self.mirror:
            check_choice("--mirror", one, ("rows", "columns"))
        if self.layout is not None and "," not in self.layout:
            check_choice("--layout", self.layout, list(LAYOUTS))
        elif self.layout is not None:
            Axes.parse(self.layout)


def open_light_field(named: Path | str, options: OpenOptions = OpenOptions()) -> LightField:
    """A folder of views, an HDF5 or MATLAB file (FILE::/key for one data set of it), or a picture that holds all views.

    Raises InputError with what the file holds where its layout is not known or could be two.
    """
    path, key = split_key(str(named))
    if not path.exists():
        raise InputError(f"no light field at {path}; give a folder of views, an HDF5, a .mat or a picture")
    field = _open(path, key, options)
    if options.transpose or options.mirror:
        return TurnedField(field, options.transpose, frozenset(options.mirror))
    return field


def split_key(named: str) -> tuple[Path, str | None]:
    """ "scenes.h5::/bench/LF" -> scenes.h5, "bench/LF" """
    if "::" in named and not Path(named).exists():
        file, _, key = named.partition("::")
        if not key.strip("/"):
            raise UsageError(f"'{named}' names no data set after '::'; write it as FILE::/KEY")
        return Path(file), key.strip("/")
    return Path(named), None


def _open(path: Path, key: str | None, options: OpenOptions) -> LightField:
    if path.is_dir():
        return _open_folder(path, options)
    if h5py.is_hdf5(path) or path.suffix.lower() in _HDF5 - _MATLAB:
        return _open_hdf5(path, key, options)
    if path.suffix.lower() in _MATLAB:
        return _open_matlab5(path, key, options)
    if path.suffix.lower() in PICTURES:
        return _open_picture(path, options)
    if path.suffix.lower() in _VIDEOS:
        return MosaicField(VideoMosaics(path), _told_grid(path, options))
    raise InputError(f"{path}: '{path.suffix}' is no light field known here; give HDF5, .mat, a picture or a folder")


def _told_grid(path: Path, options: OpenOptions) -> tuple[int, int]:
    if options.grid is None:
        raise InputError(f"{path} has views side by side; how many stands nowhere: pass --grid 5x5")
    return options.grid


def _open_folder(path: Path, options: OpenOptions) -> LightField:
    if options.layout == "mosaic":
        return MosaicField(FolderMosaics(path), _told_grid(path, options))
    if options.layout is not None and options.layout not in FOLDER_LAYOUTS:
        raise InputError(f"{path} is a folder; --layout {options.layout} is for files, leave it out")
    return FolderField(path, name_views(path, options.layout, options.pattern))


def _open_hdf5(path: Path, key: str | None, options: OpenOptions) -> LightField:
    file = open_hdf5(path)
    try:
        arrays = Arrays(path, _data_sets(file), file.attrs, tree_of(file), _kind(file))
        key, found = detect(arrays, _wanted(key, options))
        item = one_item(found, options.item, str(path))
        store = Hdf5Store(file, arrays[key], _enlarged(key), _BESIDE.get(found.layout, ()))
        return ArrayField(_name(path, key), arrays[key], found, store, item)
    except BaseException:
        file.close()
        raise


def _data_sets(file: h5py.File) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item

    file.visititems(visit)
    return found


def _kind(file: h5py.File) -> str:
    """MATLAB leaves 512 bytes before the HDF5 part, and a class with every data set."""
    marked = any("MATLAB_class" in item.attrs for item in file.values())
    return "matlab73" if marked or file.userblock_size == 512 else "hdf5"


def _open_matlab5(path: Path, key: str | None, options: OpenOptions) -> LightField:
    found_arrays = read_matlab5(path)
    arrays = Arrays(path, found_arrays, {}, tree_of_matlab5(found_arrays), "matlab5")
    key, found = detect(arrays, _wanted(key, options))
    item = one_item(found, options.item, str(path))
    return ArrayField(_name(path, key), arrays[key], found, Matlab5Store(_enlarged(key) or key), item)


def _wanted(key: str | None, options: OpenOptions) -> Wanted:
    return Wanted(key, options.layout, options.grid, options.item, options.sharp)


def _name(path: Path, key: str) -> str:
    return f"{path}::/{key}"


def _enlarged(key: str) -> str | None:
    """The name of what is written, where the one read says that it is low resolution."""
    folder, _, last = key.rpartition("/")
    new = "img_HR" if last.startswith("img_LR") else _ENLARGED_KEYS.get(last)
    return None if new is None else f"{folder}/{new}".lstrip("/")


def _open_picture(path: Path, options: OpenOptions) -> LightField:
    samples = read_samples(path)
    size = Size(samples.shape[1], samples.shape[0])
    found = find_in_picture(path, size, options.layout, options.grid)
    return ArrayField(str(path), whole_lenses(samples, found.extent), found, PictureStore(), 0)
