"""When each still of a folder was taken: by its name or manifest line, else by its clock and by what it shows."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from ..media.images import read_image
from ..media.picture_formats import read_or_why
from .capture_time import UNCERTAIN, capture_time, moments_within, recording_starts
from .offset import AUTO, Offset, estimate_offset
from .placing import SURE, SeenClip, Sighting, Span
from .source import ClipFit
from .still_names import ACCEPTED
from .stills import CAMERAS_NUMBER, Still, read_places, stills_by_name
from .thumbnails import thumbnail_of

_CLEARLY = 0.1  # of a correlation: elsewhere in the clip a still has to fit so much better for its clock to be wrong


@dataclass(frozen=True)
class PlacedStills:
    """Stills in time order; and pictures that are not used, each with why, to be read after its name.

    offset: what --ref-offset auto found; None where it was not asked.
    """

    stills: list[Still]
    left_out: dict[Path, str]
    offset: Offset | None = None


class _Clocked(NamedTuple):
    """When a still was taken by its own clock, on the clip's clock; and where that time comes from."""

    moment: Fraction
    origin: str


class StillPlaces:
    """Places stills in a clip; decodes the clip to thumbnails where names alone are not enough.

    fit: turns upright pictures as the clip's coded frames are.
    """

    def __init__(self, seen: SeenClip, fit: ClipFit):
        self._seen, self._fit = seen, fit
        self._video, self._timeline = seen.video, seen.timeline

    def find(self, where: Path, index_base: int = 0, offset: Fraction | str | None = None) -> PlacedStills:
        """The stills of a folder, a manifest or a single picture, with their times.

        offset: seconds to add to times that stills have by a clock of their own, or "auto".
        Raises InputError for names that contradict each other or the clip, and where no still fits the clip.
        """
        estimated = self._estimated_offset(where) if offset == AUTO else None
        shift = estimated.seconds if estimated else offset if isinstance(offset, Fraction) else None
        by_name = stills_by_name(where, self._timeline, index_base, shift)
        placed, misfits = self._placed(by_name.unplaced, shift)
        left_out = by_name.left_out | misfits
        stills = sorted([*by_name.stills, *placed], key=lambda still: still.time)
        if not stills:
            clip = self._video.path.name
            raise InputError(f"{where} holds no still of {clip}: {_first(left_out)}; accepted names: {ACCEPTED}")
        return PlacedStills(stills, left_out, estimated)

    def _estimated_offset(self, where: Path) -> Offset:
        timed = [entry for entry in read_places(where) if entry.seconds is not None]
        moments = [self._timeline.start + entry.seconds for entry in timed if entry.seconds is not None]
        pictures, _ = self._thumbnails([entry.path for entry in timed])
        kept = [(moment, pictures[entry.path]) for moment, entry in zip(moments, timed) if entry.path in pictures]
        return estimate_offset(self._seen, kept)

    def _placed(self, unplaced: dict[Path, str], shift: Fraction | None) -> tuple[list[Still], dict[Path, str]]:
        """Places for stills that have none by name; and those that fit nowhere, each with the reason."""
        pictures, left_out = self._thumbnails(list(unplaced))
        if not pictures:
            return [], left_out
        paths = list(pictures)
        sightings = dict(zip(paths, self._seen.find([pictures[path] for path in paths])))
        clocked = self._by_clock(paths, sightings, shift or Fraction(0))
        again = self._near([pictures[path] for path in clocked], [clock.moment for clock in clocked.values()])
        nearby = dict(zip(clocked, again))
        stills = []
        for path in paths:
            still = _decided(path, sightings[path], clocked.get(path), nearby.get(path))
            if still is None:
                left_out[path] = f"fits nowhere in the clip ({unplaced[path]}; {_shown_fit(sightings[path])})"
            else:
                number = unplaced[path].partition(":")[0]
                stills.append(replace(still, note=number if number == CAMERAS_NUMBER else ""))
        return stills, left_out

    def _thumbnails(self, paths: Sequence[Path]) -> tuple[dict[Path, np.ndarray], dict[Path, str]]:
        """Of the pictures that can be read; the others, each with why."""

        def read(path: Path) -> np.ndarray | str:
            return read_or_why(lambda picture: thumbnail_of(self._fit.lying(read_image(picture))), path)

        with ThreadPoolExecutor(4) as pool:
            outcomes = dict(zip(paths, pool.map(read, paths)))
        return (
            {path: outcome for path, outcome in outcomes.items() if not isinstance(outcome, str)},
            {path: reason for path, reason in outcomes.items() if isinstance(reason, str)},
        )

    def _by_clock(
        self, paths: Sequence[Path], sightings: dict[Path, Sighting | None], shift: Fraction
    ) -> dict[Path, _Clocked]:
        """Those whose time of capture is within the clip: where the clip may have been stamped at either end, by the
        end that agrees best with what the stills show."""
        taken = {path: when for path in paths if (when := capture_time(path))}
        starts = recording_starts(self._video.path, self._timeline.length) if taken else []
        ways = [
            {
                path: _Clocked(self._timeline.start + moment + shift, taken[path].origin)
                for path, moment in zip(taken, way)
                if moment is not None
            }
            for way in moments_within(list(taken.values()), starts, self._timeline.length)
        ]
        return max(ways, key=lambda way: sum(_agree(sightings[path], way[path].moment) for path in way), default={})

    def _near(self, pictures: Sequence[np.ndarray], moments: Sequence[Fraction]) -> list[Sighting | None]:
        return self._seen.find(pictures, [Span(moment - UNCERTAIN, moment + UNCERTAIN) for moment in moments])


def _decided(path: Path, anywhere: Sighting | None, clocked: _Clocked | None, nearby: Sighting | None) -> Still | None:
    """What a still shows decides, near the time of its clock unless it fits clearly better elsewhere; where
    it shows no frame well, its clock does."""
    best = anywhere.sure if anywhere is not None else 0.0
    if clocked is not None and nearby is not None and nearby.sure >= max(SURE, best - _CLEARLY):
        return Still(path, nearby.time, f"{clocked.origin} and content", nearby.sure)
    if anywhere is not None and anywhere.sure >= SURE:
        return Still(path, anywhere.time, "content", anywhere.sure)
    return None if clocked is None else Still(path, clocked.moment, clocked.origin)


def _agree(sighting: Sighting | None, moment: Fraction) -> bool:
    return sighting is not None and sighting.sure >= SURE and abs(sighting.time - moment) <= UNCERTAIN


def _shown_fit(sighting: Sighting | None) -> str:
    return "it shows none of its frames" if sighting is None else f"its best frame agrees by {sighting.sure:.2f} only"


def _first(left_out: dict[Path, str]) -> str:
    path, why = next(iter(left_out.items()))
    more = f", and {len(left_out) - 1} more are left out" if len(left_out) > 1 else ""
    return f"{path.name} {why}{more}"
