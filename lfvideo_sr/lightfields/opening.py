"""Opening a light field, whatever file it is in: `open_light_field`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np

from ..checks import check_choice, check_positive
from ..errors import InputError, LFVideoError, UsageError, first_line
from ..media.picture_formats import PICTURES
from . import hdf5, matlab
from .arrangement import Axes
from .array_file import ArrayFile, ArrayRequest, Detection
from .arrays import ArrayField, Store, one_item
from .carried import carried_with
from .detect import detect, warnings_of, written_key
from .field import FieldInfo, LightField
from .folder import FolderField, name_views
from .frames_of import VIDEO_SUFFIXES, FolderMosaics, MosaicField, Mosaics, VideoMosaics
from .grid import Grid
from .layouts import LAYOUTS, SCALE, ArrayLayout, FolderLayout, PictureLayout, layouts_of
from .pictures import PictureStore, detect_in_picture, read_samples, transparency_lost, whole_lenses
from .quilt import Quilt, tiles_for, tiles_in_name
from .turned import TurnedField

_FULL = 65535  # the white of pictures of 16 bits that are written


@dataclass(frozen=True)
class OpenOptions:
    """What a user says of a light field; None: to be detected.

    layout:    a name of LAYOUTS, or axes like "row,~column,y,x,channel".
    grid:      rows and columns, where a file does not say.
    item:      which of several scenes or frames.
    pattern:   of a folder's names, with {row} and {column}.
    transpose: exchange rows and columns. mirror: of "rows" and "columns", those that run backwards.
    sharp:     take the high-resolution part of a file that holds both.
    white:     the sample that is white, of samples of 16 bits and of floats.
    follow_links: read what an HDF5 file keeps in files outside its own folder, or as raw bytes of another file.
    """

    layout: str | None = None
    grid: tuple[int, int] | None = None
    item: int | None = None
    pattern: str | None = None
    transpose: bool = False
    mirror: Sequence[str] = ()
    sharp: bool = False
    follow_links: bool = False
    white: float | None = None

    def __post_init__(self) -> None:
        if self.white is not None:
            check_positive("--white", self.white)
        for side in self.mirror:
            check_choice("--mirror", side, ("rows", "columns"))
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


def of_output(options: OpenOptions, info: FieldInfo, views: Grid) -> OpenOptions:
    """How what was written of these views of a light field is opened, which was opened by `options`."""
    kind, numbered = LAYOUTS[info.layout], options.grid is not None
    shape = len(views.rows), len(views.columns)
    options = replace(options, item=None, sharp=True, grid=None, white=_FULL)
    if isinstance(kind, ArrayLayout):
        options = replace(options, layout=options.layout or info.layout, white=info.white)
    elif isinstance(kind, FolderLayout):
        pattern = options.pattern and str(Path(options.pattern).with_suffix(".png"))
        grid = shape[::-1] if options.transpose else shape
        return replace(options, layout=None, pattern=pattern, grid=grid if numbered else None)
    else:
        options = replace(options, layout=info.layout)
    if not kind.needs_grid:
        return options
    if info.tiles:
        return replace(options, grid=tiles_for(len(views), info.tiles))
    return replace(options, grid=shape[::-1] if options.transpose else shape)


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
    if h5py.is_hdf5(path) or path.suffix.lower() in set(hdf5.SUFFIXES) - set(matlab.SUFFIXES):
        return _open_hdf5(path, key, options)
    if path.suffix.lower() in matlab.SUFFIXES:
        return _open_matlab5(path, key, options)
    if path.suffix.lower() in PICTURES:
        return _open_picture(path, options)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return _open_video(path, options)
    raise InputError(f"{path}: '{path.suffix}' is no light field known here; give HDF5, .mat, a picture or a folder")


def _check_layout(path: Path, what: str, layout: str | None, choices: Collection[str]) -> None:
    """Refuse a layout that cannot be read from such a file; axes like "row,column,y,x" are for arrays."""
    if layout is not None and layout not in choices:
        raise InputError(f"{path} is {what}; --layout {layout} is of another; choose one of: {', '.join(choices)}")


def _open_folder(path: Path, options: OpenOptions) -> LightField:
    _check_layout(path, "a folder", options.layout, [*layouts_of(FolderLayout), *_of_frames()])
    if options.layout in _of_frames():
        return _mosaics(path, FolderMosaics(path, options.white), options)
    return FolderField(path, name_views(path, options.layout, options.pattern, options.grid), options.white)


def _open_video(path: Path, options: OpenOptions) -> LightField:
    _check_layout(path, "a video", options.layout, _of_frames())
    return _mosaics(path, VideoMosaics(path), options)


def _mosaics(path: Path, mosaics: Mosaics, options: OpenOptions) -> LightField:
    layout, by_tile = _quilt_layout(path, options)
    tiles = tiles_in_name(path.name)
    grid = options.grid or tiles
    if grid is None:
        raise InputError(f"{path} has views side by side and does not say how many; pass --grid 5x5")
    kinds = layouts_of(PictureLayout)
    name = layout or ("quilt" if tiles == grid else "mosaic")
    decided = "--grid" if options.grid else "its name"
    return MosaicField(mosaics, grid, name, decided, kinds[name].sweep, by_tile)


def _of_frames() -> list[str]:
    return [name for name, layout in layouts_of(PictureLayout).items() if layout.frames]


def _open_hdf5(path: Path, key: str | None, options: OpenOptions) -> LightField:
    file = hdf5.open_hdf5(path, options.follow_links)
    try:
        arrays = hdf5.arrays_of(path, file)
        detection = _detect(arrays, key, options)
        layout = layouts_of(ArrayLayout)[detection.layout]
        extent, folder = detection.stored.extent, detection.key.rpartition("/")[0]
        scale = SCALE if layout.keys and layout.keys.enlarged(detection.key) else 1
        carried = carried_with(arrays, folder, layout.carried, extent, scale)
        key, grid = written_key(detection.key), (extent.row, extent.column)
        store = hdf5.Hdf5Store(file, arrays[detection.key], key, layout.companions, carried, grid)
        field = _array_field(arrays, detection, store, options)
        if carried:
            decided = f"{field.info.decided}, {' and '.join(carried)} goes along"
            field.info = replace(field.info, chroma=next(iter(carried)), decided=decided)
        return field
    except LFVideoError:
        file.close()
        raise
    except hdf5.DAMAGED as error:
        file.close()
        raise InputError(f"{path} is damaged ({first_line(error)}); fetch or make it again") from error


def _open_matlab5(path: Path, key: str | None, options: OpenOptions) -> LightField:
    arrays = matlab.read_matlab5(path)
    detection = _detect(arrays, key, options)
    return _array_field(arrays, detection, matlab.Matlab5Store(written_key(detection.key)), options)


def _detect(arrays: ArrayFile, key: str | None, options: OpenOptions) -> Detection:
    if options.layout is not None and "," not in options.layout:
        _check_layout(arrays.path, "a file of arrays", options.layout, layouts_of(ArrayLayout))
    return detect(arrays, ArrayRequest(key, options.layout, options.grid, options.item, options.sharp))


def _array_field(arrays: ArrayFile, detection: Detection, store: Store, options: OpenOptions) -> ArrayField:
    item = one_item(detection.stored, options.item, str(arrays.path))
    name, layout = f"{arrays.path}::/{detection.key}", layouts_of(ArrayLayout)[detection.layout]
    field = ArrayField(name, arrays[detection.key], detection, store, item, options.white, layout.studio)
    field.info = replace(field.info, warnings=warnings_of(detection.key, layout))
    return field


def _open_picture(path: Path, options: OpenOptions) -> LightField:
    _check_layout(path, "a picture", options.layout, layouts_of(PictureLayout))
    samples = read_samples(path, options.white)
    layout, by_tile = _quilt_layout(path, options)
    detection = detect_in_picture(path, samples, layout, options.grid)
    views, white = whole_lenses(samples.array, detection.stored), float(np.iinfo(samples.array.dtype).max)
    field = ArrayField(str(path), views, detection, PictureStore(), 0, white)
    arrangement = detection.stored.arrangement
    tiles = arrangement.tiles if isinstance(arrangement, Quilt) else None
    lost = transparency_lost(path, samples.read)
    field.info = replace(field.info, white=None, tiles=tiles, named_by_tile=by_tile, warnings=lost)
    return field


def _quilt_layout(path: Path, options: OpenOptions) -> tuple[str | None, bool]:
    """The layout to read a file with, and whether views are named by tile: where the user calls a quilt, by its name, a
    mosaic of just its tiles."""
    tiles = tiles_in_name(path.name)
    by_tile = options.layout == "mosaic" and tiles is not None and options.grid in (None, tiles)
    return ("quilt" if by_tile else options.layout), by_tile
