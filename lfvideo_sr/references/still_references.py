"""References from stills: a folder, a manifest or one picture."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import ReferencesMissing
from ..frames import Size
from ..media.clock import Timeline
from ..media.images import read_image, read_size
from ..media.picture_formats import read_or_why, shown_unreadable
from .reference import Reference
from .source import ClipFit
from .still_places import PlacedStills
from .stills import Still


class StillReferences:
    """Stills in time order, each decoded when it is loaded. Their files are looked at before the first is given: those
    that are damaged, and those that are no larger than the clip's frames, are left out.

    A still is aligned if its time is that of one of the clip's frames, and it has exactly the size of a
    reference.

    left_out:  pictures that are not used, each with why, to be read after its name.
    estimates: a line for each still whose time was estimated.
    cadence:   0: stills given by hand are all used.
    """

    cadence = 0

    def __init__(self, where: Path, placed: PlacedStills, fit: ClipFit, timeline: Timeline, kind: str):
        self.kind = kind
        self._fit = fit
        self._timeline = timeline
        self._frame_times = frozenset(timeline.times)
        self.left_out = dict(placed.left_out)
        self._sizes = self._sizes_of(placed.stills)
        if not self._sizes:
            why = "; ".join(shown_unreadable(self.left_out))
            raise ReferencesMissing(f"{where} holds no stills that can serve: {why}")
        count = len(self._sizes)
        noun = "still" if count == 1 else "stills"
        self.description = f"{count} {noun} in {where}, {fit.describe(list(self._sizes.values()))}"
        estimated = [self.described(still) for still in self._sizes if still.estimated]
        self.estimates = [*([str(placed.offset)] if placed.offset else []), *estimated]
        self.warnings = [f"left out: {line}" for line in shown_unreadable(self.left_out)]
        if placed.offset is not None and not placed.offset.is_known:
            self.warnings.append(str(placed.offset))

    @property
    def stills(self) -> list[Still]:
        """In time order."""
        return list(self._sizes)

    def seconds_of(self, still: Still) -> float:
        """When it was taken, seconds since the clip's first frame."""
        return float(still.time - self._timeline.start)

    def is_within(self, still: Still, frames: int) -> bool:
        """Whether it was taken while one of the first so many frames was shown."""
        return frames >= len(self._timeline) or still.time < self._timeline.times[frames]

    def is_at_frame(self, still: Still) -> bool:
        """Whether its time is exactly that of one of the clip's frames."""
        return still.time in self._frame_times

    def described(self, still: Still) -> str:
        """When a still was taken, seconds since the clip's first frame, and where that time comes from."""
        by = still.by if still.sure is None else f"{still.by}, sure {still.sure:.2f}"
        note = f"; {still.note}" if still.note else ""
        return f"{still.path.name} at {self.seconds_of(still):.2f} s (by {by}{note})"

    def __iter__(self) -> Iterator[Reference]:
        for still, size in self._sizes.items():
            yield Reference(
                key=(self.kind, str(still.path)),
                time=still.time,
                origin=str(still.path),
                load=partial(self._load, still.path),
                aligned=self._fit.exact(size) and self.is_at_frame(still),
            )

    def _load(self, path: Path) -> np.ndarray:
        return self._fit(read_image(path))

    def _sizes_of(self, stills: list[Still]) -> dict[Still, Size]:
        """Of those that can be read and are larger than the clip's frames; the others are left out."""
        with ThreadPoolExecutor(4) as pool:
            outcomes = dict(zip(stills, pool.map(lambda still: read_or_why(read_size, still.path), stills)))
        self.left_out |= {still.path: why for still, why in outcomes.items() if isinstance(why, str)}
        sizes = {still: size for still, size in outcomes.items() if isinstance(size, Size)}
        small = {still: size for still, size in sizes.items() if not self._fit.is_larger(size)}
        self.left_out |= {
            still.path: f"is {size}, no larger than the clip's frames ({self._fit.seen}); make it larger first"
            for still, size in small.items()
        }
        return {still: size for still, size in sizes.items() if still not in small}

    def close(self) -> None:
        pass
