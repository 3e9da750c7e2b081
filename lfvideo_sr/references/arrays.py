"""References from an HDF5 file."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np

from ..errors import InputError, ReferencesMissing, first_line
from ..frames import Size
from ..media.clock import Timeline
from ..media.hdf5_links import check_data_sets
from ..media.limits import check_declared
from ..media.resize import to_float
from .reference import Reference
from .source import ClipFit

_KEYS = "images [N,H,W,3] or [N,3,H,W] (uint8 or uint16), and times (seconds) or frames (indices) [N]"
_SAMPLES = (np.uint8, np.uint16)
_PRECISION = Fraction(1, 1000)  # seconds: a time this close to a frame's means that frame, rounded or cut


class ArrayReferences:
    """Pictures of an HDF5: `images` [N,H,W,3] or [N,3,H,W], uint8 or uint16, RGB; beside it `times` (seconds since the
    clip's first frame) or `frames` (indices), [N], also as a row or a column, and rising. Each picture is read when it
    is loaded.

    offset: seconds to add to `times`.
    """

    kind = "refs"
    cadence = 0

    def __init__(
        self, path: Path, timeline: Timeline, fit: ClipFit, index_base: int = 0, offset: Fraction | None = None
    ):
        self._path = path
        self._fit = fit
        self._frame_times = frozenset(timeline.times)
        with _open(path) as file, _read(path):
            check_data_sets(path, ("images", "times", "frames"))
            _check_layout(file, path)
            shape = file["images"].shape
            self._times = _times(file, path, timeline, index_base, offset)
        self._channels_last = shape[-1] == 3
        height, width = shape[1:3] if self._channels_last else shape[2:4]
        self._size = Size(width, height)
        self.estimates: list[str] = []
        self.warnings: list[str] = []
        self.description = f"{len(self._times)} pictures in {path}, {fit.describe([self._size])}"

    def __iter__(self) -> Iterator[Reference]:
        for row, time in enumerate(self._times):
            yield Reference(
                key=(self.kind, str(self._path), row),
                time=time,
                origin=f"{self._path}::images[{row}]",
                load=partial(self._load, row),
                aligned=self._fit.exact(self._size) and time in self._frame_times,
            )

    def _load(self, row: int) -> np.ndarray:
        with _open(self._path) as file, _read(self._path):
            picture = file["images"][row]
        planes = picture.transpose(2, 0, 1) if self._channels_last else picture
        return self._fit(to_float(np.ascontiguousarray(planes, _native(planes.dtype))))

    def close(self) -> None:
        pass


def _native(dtype: np.dtype) -> np.dtype:
    """In the byte order of this machine."""
    return dtype.newbyteorder("=")


def _open(path: Path) -> h5py.File:
    try:
        return h5py.File(path)
    except OSError as error:
        raise InputError(f"{path} cannot be opened as HDF5: {error}; give another file") from error


@contextmanager
def _read(path: Path) -> Iterator[None]:
    """What h5py raises for damaged files, in many kinds, is one line."""
    try:
        yield
    except InputError:
        raise
    except (KeyError, RuntimeError, OSError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(f"{path} is damaged, or not as {_KEYS} ({first_line(error)}); make it again") from error


def _check_layout(file: h5py.File, path: Path) -> None:
    images = file.get("images")
    placed = [key for key in ("times", "frames") if key in file]
    if len(placed) != 1 or not all(isinstance(item, h5py.Dataset) for item in (images, file[placed[0]])):
        raise InputError(f"{path} holds {', '.join(file) or 'nothing'}; wanted: {_KEYS}")
    check_declared(images, f"images in {path}")
    if images.ndim != 4 or 3 not in (images.shape[1], images.shape[3]) or _native(images.dtype) not in _SAMPLES:
        raise InputError(f"images in {path} is {images.dtype} {list(images.shape)}; wanted: {_KEYS}")
    if file[placed[0]].size != len(images):
        raise InputError(f"{path} holds {len(images)} images, {file[placed[0]].size} {placed[0]}; give one each")
    if not len(images):
        raise ReferencesMissing(f"images in {path} is empty; wanted: {_KEYS}")


def _times(file: h5py.File, path: Path, timeline: Timeline, index_base: int, offset: Fraction | None) -> list[Fraction]:
    """When each picture is shown, seconds on the clip's clock; they have to rise and be within the clip."""
    if "frames" in file:
        times = [_frame_time(int(index), path, timeline, index_base) for index in file["frames"][()].flat]
    else:
        times = [_second(float(seconds) + float(offset or 0), path, timeline) for seconds in file["times"][()].flat]
    if any(time >= following for time, following in pairwise(times)):
        raise InputError(f"the moments in {path} do not rise; sort its pictures by time and drop doubles")
    return times


def _frame_time(index: int, path: Path, timeline: Timeline, base: int) -> Fraction:
    if not 0 <= index - base < len(timeline):
        raise InputError(f"{path} names {base}-based frame {index}; the clip has {len(timeline)} frames")
    return timeline.times[index - base]


def _second(seconds: float, path: Path, timeline: Timeline) -> Fraction:
    if not 0 <= seconds <= timeline.length:
        raise InputError(f"{path} names {seconds:g} s; the clip lasts {float(timeline.length):.3f} s")
    return timeline.at(Fraction(seconds), _PRECISION)
