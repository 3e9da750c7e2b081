"""A part of a clip: from a time or frame on, up to another."""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from ..checks import check_positive
from ..errors import InputError, UsageError
from .clock import frame_times
from .probe import VideoInfo

AROUND = 64  # frames on both sides of a part that are decoded too, for the references there: as far as pairing looks
_FRAMES = re.compile(r"(\d{1,12})f")
_SECONDS = re.compile(r"(?:(?:(\d{1,6}):)?(\d{1,6}):)?(\d{1,12}(?:\.\d{1,12})?)")


class Moment(NamedTuple):
    """Where a part begins or ends: `frames`, or seconds, since the clip's first frame; one of the two is None."""

    frames: int | None
    seconds: Fraction | None


class Window(NamedTuple):
    """Which frames of a track are decoded: those with begin <= time < end, seconds on the track's clock.

    end:   None: up to the last frame.
    first_index: of the first of them; negative for frames before a part.
    exact: the times of the track are its file's own, so that the file may be searched for `begin`.
    """

    begin: Fraction
    end: Fraction | None = None
    first_index: int = 0
    exact: bool = True


@dataclass(frozen=True)
class Part:
    """Frames with start <= time < end, seconds on the clip's own clock.

    start:  the time of its first frame.
    end:    None where the part goes on to the end of the clip.
    frames: how many frames it has. first: the index of its first frame in the clip.
    window: the frames that are decoded for it, whose indices count from its first frame.
    """

    start: Fraction
    end: Fraction | None
    frames: int
    first: int
    window: Window

    def seconds(self, rate: Fraction | None) -> float | None:
        """How long it is; None where the clip goes on and its rate is unknown."""
        if self.end is not None:
            return float(self.end - self.start)
        return float(self.frames / rate) if rate else None


def parse_moment(option: str, text: str | float | None) -> Moment | None:
    """ "90.5", "01:30.5", "00:01:30.5" or "120f"; UsageError for anything else."""
    if text is None:
        return None
    if match := _FRAMES.fullmatch(str(text)):
        return Moment(int(match[1]), None)
    if match := _SECONDS.fullmatch(str(text)):
        hours, minutes, seconds = (Fraction(part or 0) for part in match.groups())
        return Moment(None, 3600 * hours + 60 * minutes + seconds)
    raise UsageError(f"{option} is {text}; give seconds (90.5), MM:SS.mmm, HH:MM:SS.mmm, or a count of frames (120f)")


def check_order(start: Moment | None, end: Moment | None) -> None:
    """Refuse an end that is not after the start, as far as that is known without the clip."""
    pairs = [] if start is None or end is None else [(start.frames, end.frames), (start.seconds, end.seconds)]
    for first, last in pairs:
        if first is not None and last is not None and last <= first:
            raise UsageError(f"--to is {_shown(end)} and --from {_shown(start)}; give an end that is after the start")
    if end is not None and not any(end):
        raise UsageError(f"--to is {_shown(end)}, where the clip begins; give an end above 0")


def part_of(video: VideoInfo, start: Moment | None, end: Moment | None, frames: int | None = None) -> Part | None:
    """The part of a track between two moments, of `frames` frames at most; None where no moment is given.

    Raises UsageError for a part without frames, InputError for a track without any.
    """
    if start is None and end is None:
        return None
    if frames is not None:
        check_positive("--frames", frames)
    times, exact = _times(video)
    if not times:
        raise InputError(f"{video.path}: no frame decodes; the file is damaged")
    first = 0 if start is None else _index(start, times)
    last = len(times) if end is None else _index(end, times)
    _check_inside(video, times, first, last, start, end)
    stop = last if frames is None else min(last, first + frames)
    ends_by_seconds = stop == last and end is not None and end.seconds is not None
    until = times[0] + (end.seconds or 0) if ends_by_seconds and end else times[stop] if stop < len(times) else None
    if stop == len(times) and until is not None and until > times[-1] + _turn(times):
        until = None
    return Part(times[first], until, stop - first, first, _window(times, first, stop, exact))


def window_at(video: VideoInfo, time: Fraction) -> Window:
    """The frames of a track from the one on that is shown at `time`, on the track's clock."""
    times, exact = _times(video)
    place = max(bisect_right(times, time) - 1, 0)
    return Window(times[place] if times else time, exact=place > 0 and exact)


def _times(video: VideoInfo) -> tuple[list[Fraction], bool]:
    """The times of a track's frames, and whether its file may be searched for them."""
    mended: list[str] = []
    times = list(frame_times(video, mended.append))
    return times, video.pictures is None and not mended


def _window(times: list[Fraction], first: int, stop: int, exact: bool) -> Window:
    before, behind = max(first - AROUND, 0), stop + AROUND + 1
    end = times[behind] if behind < len(times) else None
    return Window(times[before], end, before - first, exact and before > 0)


def _index(moment: Moment, times: list[Fraction]) -> int:
    """Of the first frame that is not before the moment."""
    if moment.frames is not None:
        return min(moment.frames, len(times))
    return bisect_left(times, times[0] + (moment.seconds or 0))


def _turn(times: list[Fraction]) -> Fraction:
    return times[-1] - times[-2] if len(times) > 1 else Fraction(1, 25)


def _check_inside(
    video: VideoInfo, times: list[Fraction], first: int, last: int, start: Moment | None, end: Moment | None
) -> None:
    length = times[-1] + _turn(times) - times[0]
    clip = f"{video.path} has {len(times)} frames in {float(length):.3f} s"
    if first >= len(times):
        raise UsageError(f"--from is {_shown(start)}, and {clip}; give a start inside it")
    if last <= first:
        raise UsageError(f"no frame is between --from {_shown(start)} and --to {_shown(end)}: {clip}; move one of them")


def _shown(moment: Moment | None) -> str:
    if moment is None:
        return "0"
    return f"{moment.frames}f" if moment.frames is not None else f"{float(moment.seconds or 0):g}"
