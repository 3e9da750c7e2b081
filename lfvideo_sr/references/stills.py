"""What the stills of a folder say of when they belong in a clip. Those that do not say are placed by `still_places`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from ..errors import InputError, ReferencesMissing
from ..media.clock import Timeline
from ..media.picture_formats import pictures_in, shown_unreadable, why_unreadable
from .still_names import ACCEPTED, MANIFEST, Placed, is_camera_number, read_manifest, read_name

CAMERAS_NUMBER = "its number is taken for a camera's"


@dataclass(frozen=True)
class Still:
    """A still and its time, seconds on the clip's own clock.

    by:   what tells the time: "name", "manifest", or an estimate by "EXIF", "the date in its name", "content" or both.
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
class Told:
    """What the stills of a folder, a manifest or a single picture say of themselves.

    stills:   those that say when they belong, on the clip's clock, in time order.
    untold:   the others, each with how its name was read.
    left_out: pictures that will not be used, each with why, to be read after its name.
    """

    stills: list[Still] = field(default_factory=list)
    untold: dict[Path, str] = field(default_factory=dict)
    left_out: dict[Path, str] = field(default_factory=dict)


def told_places(where: Path, timeline: Timeline, index_base: int = 0, offset: Fraction | None = None) -> Told:
    """What stills say: InputError where two ways of naming contradict each other, or a place lies outside the clip.

    A number is a camera's, no frame's, where it is none whether frames are counted from 0 or from 1.

    offset: seconds to add to what names and manifests say in seconds; what then lies outside is left out.
    """
    told = Told(left_out=unreadable_in(where))
    in_manifest = manifest_of(where) is not None
    placed = read_places(where)
    if not in_manifest:
        told.untold = {place.path: how for place in placed if (how := _untold(place, timeline, index_base))}
        placed = [place for place in placed if place.path not in told.untold]
        _check_one_kind(placed, where, timeline, index_base)
    for place in placed:
        if offset is not None and place.seconds is not None and not 0 <= place.seconds + offset < timeline.length:
            told.left_out[place.path] = f"lies outside the clip with --ref-offset {float(offset):+.3f}"
        else:
            told.stills.append(_in_time(place, timeline, index_base, offset, "manifest" if in_manifest else "name"))
    told.stills.sort(key=lambda still: still.time)
    for one, other in pairwise(told.stills):
        if one.time == other.time and offset is None:  # an offset brings stills that are close to one frame
            raise InputError(f"{one.path} and {other.path} both belong to {float(one.time):.3f} s; remove one of them")
    return told


def manifest_of(where: Path) -> Path | None:
    """The manifest that `where` is, or that lies in it."""
    if where.suffix.lower() == ".csv":
        return where
    return where / MANIFEST if where.is_dir() and (where / MANIFEST).is_file() else None


def unreadable_in(where: Path) -> dict[Path, str]:
    """Pictures that cannot be read here, each with why; none where a manifest says what is meant."""
    return pictures_in(where)[1] if where.is_dir() and manifest_of(where) is None else {}


def read_places(where: Path) -> list[Placed]:
    """What a folder's names, a manifest's lines or one picture's name say; a manifest in a folder beats its names."""
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


def _check_one_kind(placed: Iterable[Placed], where: Path, timeline: Timeline, base: int) -> None:
    by_frame = next((place for place in placed if place.frame is not None), None)
    by_seconds = next((place for place in placed if place.seconds is not None), None)
    if by_seconds and by_frame and by_frame.frame is not None:
        raise InputError(
            f"{where} mixes names: {by_seconds.path.name} is seconds, {by_frame.path.name} is a frame index "
            f"({_readings(by_frame.frame, timeline, base)}); name all one way or list them in {MANIFEST}"
        )


def _untold(place: Placed, timeline: Timeline, base: int) -> str:
    """How a name was read that tells no time, or a number that is no frame, counted from 0 or from 1; "" for others."""
    if place.frame is None:
        if place.seconds is not None:
            return ""
        return CAMERAS_NUMBER if is_camera_number(place.path) else "its name tells no time"
    if 0 <= place.frame <= len(timeline):
        return ""
    return f"{CAMERAS_NUMBER}: {_readings(place.frame, timeline, base)}"


def _in_time(place: Placed, timeline: Timeline, base: int, offset: Fraction | None, by: str) -> Still:
    if place.frame is not None:
        index = place.frame - base
        if not 0 <= index < len(timeline):
            raise _out_of_range(place, place.frame, timeline, base)
        return Still(place.path, timeline.times[index], by)
    if place.seconds is None:
        raise InputError(f"{place.path} is given by view; a video needs its time or frame")
    if offset is not None:  # no clock that is off is exact: a frame's time is taken where one is near
        return Still(place.path, timeline.at(place.seconds + offset, precision=timeline.length), by)
    if not 0 <= place.seconds <= timeline.length:
        raise _out_of_range(place, place.seconds, timeline, base)
    return Still(place.path, timeline.at(place.seconds, place.precision), by)


def _out_of_range(place: Placed, number: Fraction | int, timeline: Timeline, base: int) -> InputError:
    clip = f"the clip has {len(timeline)} frames in {float(timeline.length):.3f} s"
    return InputError(
        f"{place.path} is out of range: {_readings(number, timeline, base)}, and {clip}; "
        "rename it (t1.5.png for seconds) or pass --ref-index-base"
    )


def _readings(number: Fraction | int, timeline: Timeline, base: int) -> str:
    """What a number would mean as a frame index and as seconds, both since the first frame."""
    index = number - base
    a_frame = index == int(index) and 0 <= index < len(timeline)
    as_frame = f"= {float(timeline.times[int(index)] - timeline.start):.3f} s" if a_frame else "is no frame"
    as_seconds = f"= {float(number):.3f} s" if 0 <= number <= timeline.length else "is outside"
    return f"as a {base}-based frame index {float(number):g} {as_frame}; as seconds {float(number):g} {as_seconds}"
