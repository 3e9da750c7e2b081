"""Opening a light field, whatever file it is in: `open_light_field`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py

from ..checks import check_choice
from ..errors import InputError, LFVideoError, UsageError, first_line
from ..frames import Size
from ..media.picture_formats import PICTURES
from . import hdf5, matlab
from .arrangement import Axes
from .array_file import ArrayFile, ArrayRequest, Detection
from .arrays import ArrayField, Store, one_item
from .detect import detect, written_key
from .field import LightField
from .folder import FolderField, name_views
from .frames_of import VIDEO_SUFFIXES, FolderMosaics, MosaicField, VideoMosaics
from .layouts import LAYOUTS, ArrayLayout, FolderLayout, PictureLayout, layouts_of
from .pictures import PictureStore, detect_in_picture, read_samples, whole_lenses
from .turned import TurnedField


@dataclass(frozen=True)
class OpenOptions:
    """What a user says of a light field; None: to be detected.

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
        return MosaicField(FolderMosaics(path), _requested_grid(path, options), options.layout)
    return FolderField(path, name_views(path, options.layout, options.pattern))


def _open_video(path: Path, options: OpenOptions) -> LightField:
    _check_layout(path, "a video", options.layout, _of_frames())
    return MosaicField(VideoMosaics(path), _requested_grid(path, options), options.layout or _of_frames()[0])


def _of_frames() -> list[str]:
    return [name for name, layout in layouts_of(PictureLayout).items() if layout.frames]


def _requested_grid(path: Path, options: OpenOptions) -> tuple[int, int]:
    if options.grid is None:
        raise InputError(f"{path} has views side by side and does not say how many; pass --grid 5x5")
    return options.grid


def _open_hdf5(path: Path, key: str | None, options: OpenOptions) -> LightField:
    file = hdf5.open_hdf5(path)
    try:
        arrays = hdf5.arrays_of(path, file)
        detection = _detect(arrays, key, options)
        layout = layouts_of(ArrayLayout)[detection.layout]
        store = hdf5.Hdf5Store(file, arrays[detection.key], written_key(detection.key), layout.companions)
        return _array_field(arrays, detection, store, options)
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
    return ArrayField(f"{arrays.path}::/{detection.key}", arrays[detection.key], detection, store, item)


def _open_picture(path: Path, options: OpenOptions) -> LightField:
    _check_layout(path, "a picture", options.layout, layouts_of(PictureLayout))
    samples = read_samples(path)
    size = Size(samples.shape[1], samples.shape[0])
    detection = detect_in_picture(path, size, options.layout, options.grid)
    return ArrayField(str(path), whole_lenses(samples, detection.stored.extent), detection, PictureStore(), 0)
