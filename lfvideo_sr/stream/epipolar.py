"""Views of a light field agree along epipolar lines: what neighbours show of a point, moved to a view by its known
disparity, is averaged with what the view shows itself. Errors of restoration differ from view to view, points do not.

Only views that are done already take part, nearer to the reference most of them, each with what it took from others
before. So a view goes on at once, and truth spreads outward. Where a neighbour shows something else, because
something hides the point there or the disparity is wrong, its weight falls to nothing.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from ..frames import View
from ..lightfields.grid import Grid, step
from ..matching.seed import pixel_grid
from ..media.luma import STUDIO_RANGE, studio_luma
from .pipeline import Restored

REACH = 2  # views along a row or a column
WEIGHT = 0.5  # of each neighbour, where a view's own counts 1
_COARSE = 2.0  # output pixels: what is coarser than this the low-resolution view knows better than its neighbours
_LIKE, _AROUND = 4.0, 1.5  # levels of luma that neighbours differ by, smoothed over pixels: there they count 1/e
_LEVELS = 256  # steps of a level of luma, in memory
HELD = 256 << 20  # bytes of lumas in memory

MotionLookup = Callable[[View, Restored], np.ndarray | None]


class Agreement:
    """Takes the views of one frame in their order, and gives each back in agreement with its neighbours.

    motion: f32 [h,w,4] in output pixels on any coarser grid, how far what a view shows moves, x and y, from one column
    to the next, and from one row to the next; None where that is not known. scratch: folder for what `held` bytes of
    memory do not hold.
    """

    def __init__(
        self,
        views: Sequence[View],
        motion: MotionLookup,
        weight: float = WEIGHT,
        scratch: Path | None = None,
        held: int = HELD,
    ):
        self._rank = {view: rank for rank, view in enumerate(views)}
        self._grid = Grid.part(views)
        self._motion, self._weight = motion, weight
        self._lumas = _Lumas(held, scratch)
        self.agreed = 0  # views that took something from neighbours

    def add(self, restored: Restored) -> Restored:
        """One view; those that are a reference's own pixels stay as they are."""
        view = restored.frame.stamp
        assert isinstance(view, View)
        if self._rank[view] == 0:
            self._lumas.clear()  # a new frame
        luma = studio_luma(restored.frame.pixels)
        motion = None if restored.passed else self._motion(view, restored)
        if motion is not None:
            done = [neighbour for neighbour in self._neighbours(view) if neighbour in self._lumas]
            neighbours = [(self._lumas[neighbour], step(view, neighbour)) for neighbour in done]
            change = agreement(luma, neighbours, motion, self._weight)
            self.agreed += bool(neighbours)
            luma += change
            pixels = np.clip(restored.frame.pixels + change / STUDIO_RANGE, 0, 1)
            restored = replace(restored, frame=restored.frame.with_pixels(pixels))
        self._keep(view, luma)
        return restored

    def stored(self, view: View) -> np.ndarray | None:
        """What later views take from the latest one, uint16 [H,W]; None where none of them does."""
        return self._lumas.stored(view) if view in self._lumas else None

    def recall(self, view: View, stored: np.ndarray | None) -> None:
        """Take a view that an earlier run has added, with what it stored then."""
        if self._rank[view] == 0:
            self._lumas.clear()
        if stored is not None:
            self._lumas[view] = stored.astype(np.float32) / _LEVELS
        self._prune(view)

    def _keep(self, view: View, luma: np.ndarray) -> None:
        self._lumas[view] = luma
        self._prune(view)

    def _prune(self, view: View) -> None:
        """What later views need stays; what none of them needs goes."""
        done = self._rank[view]
        for kept in list(self._lumas):
            if all(self._rank[other] <= done for other in self._neighbours(kept)):
                del self._lumas[kept]

    def _neighbours(self, view: View) -> Iterator[View]:
        """Up to four along its row and four along its column."""
        row, column = self._grid.place(view)
        rows, columns = self._grid.rows, self._grid.columns
        along = [View(view.row, columns[at]) for at in _beside(column, len(columns))]
        along += [View(rows[at], view.column) for at in _beside(row, len(rows))]
        yield from (neighbour for neighbour in along if neighbour in self._grid)

    def close(self) -> None:
        self._lumas.close()


def agreement(
    luma: np.ndarray, neighbours: Sequence[tuple[np.ndarray, tuple[int, int]]], motion: np.ndarray, weight: float
) -> np.ndarray:
    """What to add to a luma f32 [H,W], 0..255, so that it agrees with those of its neighbours, each with its step
    (columns, rows) from it; `motion` as `Agreement` says."""
    height, width = luma.shape
    total, weights, places = np.zeros_like(luma), np.ones_like(luma), pixel_grid(height, width)
    for other, (across, down) in neighbours:
        at = places + _enlarged(
            motion[..., :2] * np.float32(across) + motion[..., 2:] * np.float32(down), height, width
        )
        apart = cv2.remap(other, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE) - luma  # type: ignore[call-overload]
        like = cv2.GaussianBlur(np.abs(apart), (0, 0), _AROUND) / np.float32(_LIKE)
        seen = ((at >= 0) & (at <= (width - 1, height - 1))).all(-1)
        trust = np.exp(-(like * like)) * seen * np.float32(weight)
        total += trust * (apart - cv2.GaussianBlur(apart, (0, 0), _COARSE))
        weights += trust
    return total / weights


def _beside(place: int, count: int) -> list[int]:
    """The places within REACH of one, of so many."""
    return [at for at in range(max(place - REACH, 0), min(place + REACH + 1, count)) if at != place]


def _enlarged(field: np.ndarray, height: int, width: int) -> np.ndarray:
    """A field [h,w,2] whose places each stand for s x s pixels, on those pixels; the last places may reach beyond."""
    scale = max(1, round(width / field.shape[1]))
    large = cv2.resize(field, (scale * field.shape[1], scale * field.shape[0]), interpolation=cv2.INTER_LINEAR)
    return large[:height, :width]


class _Lumas:
    """Lumas f32 [H,W] by view, in 1/256 of a level. Beyond `held` bytes they lie in a file without a name."""

    def __init__(self, held: int, folder: Path | None):
        self._held, self._folder = held, folder
        self._file: IO[bytes] | None = None
        self._arrays: dict[View, np.ndarray] = {}
        self._slots: dict[View, int] = {}
        self._shape = (0, 0)

    def __iter__(self) -> Iterator[View]:
        yield from self._arrays
        yield from self._slots

    def __contains__(self, view: object) -> bool:
        return view in self._arrays or view in self._slots

    def __setitem__(self, view: View, values: np.ndarray) -> None:
        stored = np.round(np.clip(values, 0, 255) * _LEVELS).astype(np.uint16)
        self._shape = stored.shape
        if (len(self._arrays) + 1) * stored.nbytes <= self._held:
            self._arrays[view] = stored
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (closed in close)
        free = set(range(len(self._slots) + 1)) - set(self._slots.values())
        self._slots[view] = min(free)
        self._file.seek(self._slots[view] * stored.nbytes)
        self._file.write(stored.tobytes())

    def __getitem__(self, view: View) -> np.ndarray:
        return self.stored(view).astype(np.float32) / _LEVELS

    def stored(self, view: View) -> np.ndarray:
        """uint16 [H,W]"""
        if view in self._arrays:
            return self._arrays[view]
        assert self._file is not None
        size = 2 * self._shape[0] * self._shape[1]
        self._file.seek(self._slots[view] * size)
        return np.frombuffer(self._file.read(size), np.uint16).reshape(self._shape)

    def __delitem__(self, view: View) -> None:
        (self._arrays if view in self._arrays else self._slots).pop(view)

    def clear(self) -> None:
        self._arrays.clear()
        self._slots.clear()

    def close(self) -> None:
        self.clear()
        if self._file is not None:
            self._file.close()
