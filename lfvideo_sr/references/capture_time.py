"""When a picture was taken and when a clip was recorded, by their files: EXIF, names, tags of the container.

Clocks are not to be trusted with more than a second. EXIF often leaves out the time zone, containers write UTC or local
time as if it were UTC, and many telephones write the end of a recording for its beginning.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

from ..errors import LFVideoError
from ..media.picture_formats import HEIF, can_read_heif
from ..media.probe import open_input

_EXIF, _TAKEN, _DIGITISED = 0x8769, 0x9003, 0x9004
_OFFSET_OF = {_TAKEN: 0x9011, _DIGITISED: 0x9012}
_PARTS_OF = {_TAKEN: 0x9291, _DIGITISED: 0x9292}
_DATE, _TIME = r"((?:19|20)\d\d)[-_]?(\d\d)[-_]?(\d\d)", r"(\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(\d{3})?"
_NAME = re.compile(rf"(?<!\d){_DATE}[-_ T]?(?:at )?{_TIME}(?!\d)")
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC).timestamp()  # what claims to be older is a clock that was never set
_SHIFTS = sorted((timedelta(minutes=30 * half) for half in range(-28, 29)), key=abs)  # between time zones
UNCERTAIN = Fraction(3, 2)  # seconds by which a time of EXIF, and one of a container, may together be off


@dataclass(frozen=True)
class CaptureTime:
    """When something was taken.

    seconds: since 1970-01-01, UTC where `zoned`, else by the camera's own clock read as if it were UTC.
    origin:  "EXIF", "the date in its name", or the container's tag.
    """

    seconds: Fraction
    zoned: bool
    origin: str


def capture_time(path: Path) -> CaptureTime | None:
    """Of a picture: by its EXIF, else by its name (IMG_20240601_120000.jpg); None where neither has a time."""
    return _by_exif(path) or _by_name(path)


def recording_starts(path: Path, length: Fraction) -> list[CaptureTime]:
    """When a clip that lasts `length` seconds may have begun, likeliest first; empty where its container is silent."""
    starts = []
    for tag, text in _tags(path):
        recorded = _parsed(text)
        if recorded is not None:
            starts.append(CaptureTime(recorded, True, tag))
            if tag == "creation_time":
                starts.append(CaptureTime(recorded - length, True, f"{tag}, as the end"))
    return starts


def moments_within(
    pictures: Sequence[CaptureTime], starts: Sequence[CaptureTime], length: Fraction
) -> list[list[Fraction | None]]:
    """Ways to bring the most pictures into a clip of `length` seconds, likeliest first; empty where none comes in.

    A way is a moment for each picture, seconds since the clip's first frame, or None for one that stays outside. One
    shift between time zones, in half hours, serves all pictures that do not name theirs; both clocks together may be
    off by UNCERTAIN.
    """
    ways = []
    for start in starts:
        for shift in _SHIFTS if not all(picture.zoned for picture in pictures) else [timedelta(0)]:
            moments = [_moment(picture, start, shift) for picture in pictures]
            ways.append([_inside(moment, length) for moment in moments])
    most = max((_count(way) for way in ways), default=0)
    return [way for way in ways if _count(way) == most] if most else []


def _moment(picture: CaptureTime, start: CaptureTime, shift: timedelta) -> Fraction:
    return picture.seconds - start.seconds + Fraction(0 if picture.zoned else shift.total_seconds())


def _inside(moment: Fraction, length: Fraction) -> Fraction | None:
    return min(max(moment, Fraction(0)), length) if -UNCERTAIN <= moment <= length + UNCERTAIN else None


def _count(way: list[Fraction | None]) -> int:
    return sum(moment is not None for moment in way)


def _by_exif(path: Path) -> CaptureTime | None:
    inside = _exif_of(path)
    for tag in (_TAKEN, _DIGITISED):
        text = str(inside.get(tag, "")).strip().strip("\0")
        offset = str(inside.get(_OFFSET_OF[tag], "")).strip().strip("\0")
        parts = str(inside.get(_PARTS_OF[tag], "")).strip().strip("\0")
        try:
            taken = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")
            zone = datetime.strptime(offset, "%z").tzinfo if offset else None
        except ValueError:
            continue
        seconds = Fraction(taken.replace(tzinfo=zone or UTC).timestamp())
        if seconds >= _EARLIEST:
            return CaptureTime(seconds + Fraction(f"0.{parts}" if parts.isdigit() else 0), zone is not None, "EXIF")
    return None


def _exif_of(path: Path) -> dict[int, Any]:
    """What a camera noted of a picture, by tag; empty where it did not, or the file is broken."""
    from PIL import Image

    try:
        if path.suffix.lower() in HEIF:
            return _exif_of_heif(path)
        with Image.open(path) as image:
            return dict(image.getexif().get_ifd(_EXIF))
    except Exception:  # whatever is wrong with a picture's notes, its pixels may be right, and reading them will show
        return {}


def _exif_of_heif(path: Path) -> dict[int, Any]:
    if not can_read_heif():
        return {}
    import pillow_heif
    from PIL import Image

    exif = Image.Exif()
    exif.load(pillow_heif.open_heif(BytesIO(path.read_bytes())).info.get("exif") or b"")
    return dict(exif.get_ifd(_EXIF))


def _by_name(path: Path) -> CaptureTime | None:
    match = _NAME.search(path.stem)
    if match is None:
        return None
    *numbers, thousandths = match.groups()
    try:
        taken = datetime(*map(int, numbers), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    seconds = Fraction(taken.timestamp()) + Fraction(int(thousandths or 0), 1000)
    return CaptureTime(seconds, False, "the date in its name")


def _tags(path: Path) -> Iterator[tuple[str, str]]:
    """The container's own tags that may have the time, best first, then those of its video tracks."""
    try:
        with open_input(path) as container:
            kept = [container.metadata, *(stream.metadata for stream in container.streams.video)]
    except LFVideoError:
        return
    for tag in ("com.apple.quicktime.creationdate", "creation_time"):
        for metadata in kept:
            if tag in metadata:
                yield tag, metadata[tag]
                break


def _parsed(text: str) -> Fraction | None:
    """ISO 8601 as containers have it; None for a date alone, for nonsense, and for a clock that was never set."""
    try:
        recorded = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    seconds = Fraction((recorded if recorded.tzinfo else recorded.replace(tzinfo=UTC)).timestamp())
    return seconds if seconds >= _EARLIEST and len(text.strip()) > 10 else None
