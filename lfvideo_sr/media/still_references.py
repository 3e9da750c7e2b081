"""References from stills: a folder, a manifest or one picture."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from ..frames import Size, size_of
from ..references import Reference
from .images import read_image
from .reference_source import Fit
from .stills import Still


class StillReferences:
    """Stills in time order. All are decoded once before the first is given, so that a broken one fails early.

    frame_times: of the clip. A still is aligned if it belongs to one of them and has exactly the size of a reference.
    """

    def __init__(self, where: Path, stills: list[Still], fit: Fit, frame_times: Collection[Fraction], kind: str):
        self.kind = kind
        self._stills = stills
        self._fit = fit
        self._frame_times = frozenset(frame_times)
        with ThreadPoolExecutor(4) as pool:
            self._sizes = list(pool.map(_decoded_size, stills))
        noun = "still" if len(stills) == 1 else "stills"
        self.description = f"{len(stills)} {noun} in {where}, {fit.describe(self._sizes)}"

    def __iter__(self) -> Iterator[Reference]:
        for still, size in zip(self._stills, self._sizes):
            yield Reference(
                key=(self.kind, str(still.path)),
                time=still.time,
                origin=str(still.path),
                load=partial(self._load, still.path),
                aligned=self._fit.exact(size) and still.time in self._frame_times,
            )

    def _load(self, path: Path) -> np.ndarray:
        return self._fit(read_image(path))

    def close(self) -> None:
        pass


def _decoded_size(still: Still) -> Size:
    return size_of(read_image(still.path))
