"""When the stills of a folder belong in a clip, by their names or a manifest. `still_places` places the others."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from ..errors import InputError, ReferencesMissing
from ..media.clock import Timeline
from ..media.picture_formats import pictures_in, shown_unreadable, why_unreadable
from .still_names import ACCEPTED, MANIFEST, StillEntry, is_camera_number, read_manifest, read_name

CAMERAS_NUMBER = "its number is taken for a camera's"


@dataclass(frozen=True)
class Still:
    """A still and its time, seconds on the clip's own clock.

    by:   where the time is from: "name", "manifest", or an estimate by "EXIF", "the date in its name" and "content".
    sure: how well it fits the clip's frame, up to 1, where content was asked.
    note: how a number in its name was read that is no frame index.
    """

    path: Path
    time: Fraction
    by: str = "name"
    sure: float | None = None
    note: str = ""

    @property
    def estimated(self) -> bool:
        return self.by not in ("name", "manifest")


@dataclass
class NamedStills:
    """The stills of a folder, a manifest or a single picture, as far as names and manifest lines place them.

    stills:   those with a time, on the clip's clock, in time order.
    unplaced: the others, each with how its name was read.
    left_out: pictures that will not be used, each with why, to be read after its name.
    """

    stills: list[Still] = field(default_factory=list)
    unplaced: dict[Path, str] = field(default_factory=dict)
    left_out: dict[Path, str] = field(default_factory=dict)


def stills_by_name(where: Path, timeline: Timeline, index_base: int = 0, offset: Fraction | None = None) -> NamedStills:
    """Stills by the places in their names or manifest lines. InputError where two ways of naming contradict each
    other, or a place is outside the clip.

    A number is a camera's, no frame's, where it is none whether frames are counted from 0 or from 1.

    offset: seconds to add to times that names and manifests give in seconds; a still that is then outside is left out.
    """
    result = NamedStills(left_out=unreadable_in(where))
    in_manifest = manifest_of(where) is not None
    placed = read_places(where)
    if not in_manifest:
        result.unplaced = {entry.path: how for entry in placed if (how := _how_read(entry, timeline, index_base))}
        placed = [entry for entry in placed if entry.path not in result.unplaced]
        _check_one_kind(placed, where, timeline, index_base)
    for entry in placed:
        if offset is not None and entry.seconds is not None and not 0 <= entry.seconds + offset < timeline.length:
            result.left_out[entry.path] = f"is outside the clip with --ref-offset {float(offset):+.3f}"
        else:
            result.stills.append(_in_time(entry, timeline, index_base, offset, "manifest" if in_manifest else "name"))
    result.stills.sort(key=lambda still: still.time)
    for still, following in pairwise(result.stills):
        if still.time == following.time and offset is None:  # an offset brings stills that are close to one frame
            raise InputError(
                f"{still.path} and {following.path} both belong to {float(still.time):.3f} s; remove one of them"
            )
    return result


def manifest_of(where: Path) -> Path | None:
    """The manifest that `where` is, or that is in it."""
    if where.suffix.lower() == ".csv":
        return where
    return where / MANIFEST if where.is_dir() and (where / MANIFEST).is_file() else None


def unreadable_in(where: Path) -> dict[Path, str]:
    """Pictures that cannot be read here, each with why; none where a manifest lists the pictures."""
    return pictures_in(where)[1] if where.is_dir() and manifest_of(where) is None else {}


def read_places(where: Path) -> list[StillEntry]:
    """An entry for each name in a folder, line of a manifest, or one picture; a manifest in a folder beats names."""
    manifest = manifest_of(where)
    if manifest is not None:
        return read_manifest(manifest)
    if where.is_file():
        if why := why_unreadable(where):
            raise InputError(f"{where} {why}")
        return [read_name(where)]
    paths, unreadable = pictures_in(where)
    if not paths and unreadable:
        raise ReferencesMissing(f"{where} holds no stills that can be read: {'; '.join(shown_unreadable(unreadable))}")
    if not paths:
        raise ReferencesMissing(f"{where} holds no stills; accepted names: {ACCEPTED}")
    return [read_name(path) for path in paths]


def _check_one_kind(placed: Iterable[StillEntry], where: Path, timeline: Timeline, base: int) -> None:
    by_frame = next((entry for entry in placed if entry.frame is not None), None)
    by_seconds = next((entry for entry in placed if entry.seconds is not None), None)
    if by_seconds and by_frame and by_frame.frame is not None:
        raise InputError(
            f"{where} mixes names: {by_seconds.path.name} is seconds, {by_frame.path.name} is a frame index "
            f"({_readings(by_frame.frame, timeline, base)}); name all one way or list them in {MANIFEST}"
        )


def _how_read(entry: StillEntry, timeline: Timeline, base: int) -> str:
    """How a name was read that has no time, or a number that is no frame, counted from 0 or from 1; "" for others."""
    if entry.frame is None:
        if entry.seconds is not None:
            return ""
        return CAMERAS_NUMBER if is_camera_number(entry.path) else "its name has no time"
    if 0 <= entry.frame <= len(timeline) or 0 <= entry.frame - base < len(timeline):
        return ""
    return f"{CAMERAS_NUMBER}: {_readings(entry.frame, timeline, base)}"


def _in_time(entry: StillEntry, timeline: Timeline, base: int, offset: Fraction | None, by: str) -> Still:
    if entry.frame is not None:
        index = entry.frame - base
        if not 0 <= index < len(timeline):
            raise _out_of_range(entry, entry.frame, timeline, base)
        return Still(entry.path, timeline.times[index], by)
    if entry.seconds is None:
        raise InputError(f"{entry.path} is given by view; a video needs its time or frame")
    if offset is not None:  # no clock that is off is exact: a frame's time is taken where one is near
        return Still(entry.path, timeline.at(entry.seconds + offset, precision=timeline.length), by)
    if not 0 <= entry.seconds <= timeline.length:
        raise _out_of_range(entry, entry.seconds, timeline, base)
    return Still(entry.path, timeline.at(entry.seconds, entry.precision), by)


def _out_of_range(entry: StillEntry, number: Fraction | int, timeline: Timeline, base: int) -> InputError:
    clip = f"the clip has {len(timeline)} frames in {float(timeline.length):.3f} s"
    return InputError(
        f"{entry.path} is out of range: {_readings(number, timeline, base)}, and {clip}; "
        "rename it (t1.5.png for seconds) or pass --ref-index-base"
    )


def _readings(number: Fraction | int, timeline: Timeline, base: int) -> str:
    """What a number would mean as a frame index and as seconds, both since the first frame."""
    index = number - base
    a_frame = index == int(index) and 0 <= index < len(timeline)
    as_frame = f"= {float(timeline.times[int(index)] - timeline.start):.3f} s" if a_frame else "is no frame"
    as_seconds = f"= {float(number):.3f} s" if 0 <= number <= timeline.length else "is outside"
    return f"as a {base}-based frame index {float(number):g} {as_frame}; as seconds {float(number):g} {as_seconds}"
