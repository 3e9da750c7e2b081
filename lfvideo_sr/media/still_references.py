"""References from stills: a folder, a manifest or one picture."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import ReferencesMissing
from ..frames import Size, size_of
from ..references import Reference
from .images import read_image
from .reference_source import Fit
from .stills import Still


class StillReferences:
    """Stills in time order. All are decoded once before the first is given, so that a broken one fails early; those
    that are no larger than the clip's frames are left out.

    frame_times: of the clip. A still is aligned if it belongs to one of them and has exactly the size of a reference.
    """

    def __init__(self, where: Path, stills: list[Still], fit: Fit, frame_times: Collection[Fraction], kind: str):
        self.kind = kind
        self._fit = fit
        self._frame_times = frozenset(frame_times)
        with ThreadPoolExecutor(4) as pool:
            sizes = dict(zip(stills, pool.map(_decoded_size, stills)))
        self._stills = [still for still in stills if fit.is_larger(sizes[still])]
        self._sizes = [sizes[still] for still in self._stills]
        too_small = [still.path.name for still in stills if still not in self._stills]
        if not self._stills:
            raise ReferencesMissing(
                f"none of the {len(stills)} stills in {where} is larger than the clip's frames ({fit.frame}); "
                "make them sharp first, and larger"
            )
        noun = "still" if len(self._stills) == 1 else "stills"
        self.description = f"{len(self._stills)} {noun} in {where}, {fit.describe(self._sizes)}"
        if too_small:
            self.description += f"; left out, no larger than the frames: {', '.join(too_small)}"

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
