"""The times of pictures in the order in which they are shown: the file's own, but for those that do not rise."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial
from itertools import islice
from typing import Generic, TypeVar

from av.video.frame import VideoFrame

from ..frames import TimeStamp
from .probe import VideoInfo
from .pyav import fraction

T = TypeVar("T")

_FAR = 4  # turns of a frame: a later time is looked at


def stamped(
    pictures: Iterable[VideoFrame], video: VideoInfo, warn: Callable[[str], None]
) -> Iterator[tuple[VideoFrame, TimeStamp]]:
    """Pictures with their times, which rise. One that has none follows the picture before; one that is out of order,
    or far ahead of those after it, is moved between its neighbours."""

    def turn_of(picture: VideoFrame) -> int:
        base = fraction(picture.time_base) or video.time_base
        return picture.duration or max(1, round(1 / ((video.rate or Fraction(25)) * base)))

    def moved(ticks: int) -> None:
        seconds = float(ticks * video.time_base)
        warn(f"{video.path}: times stand still, run backwards or leap, first at {seconds:.3f} s; such frames are moved")

    for picture, ticks in rising(pictures, _ticks_of, turn_of, moved):
        base = fraction(picture.time_base) or video.time_base
        yield picture, TimeStamp(ticks, base, picture.duration or None)


def _ticks_of(picture: VideoFrame) -> int | None:
    return picture.dts if picture.pts is None else picture.pts


def rising(
    items: Iterable[T],
    ticks_of: Callable[[T], int | None],
    turn_of: Callable[[T], int],
    moved: Callable[[int], None] = lambda ticks: None,
) -> Iterator[tuple[T, int]]:
    """Items with their times, in ticks, each later than the one before. An item is held back only where its time is
    odd, until the next one is there.

    ticks_of: the time that an item has, or None. turn_of: how long it is shown. moved: gets the first odd time.
    """
    queue = _Queue(items)
    last, is_reported = None, False
    while (item := queue.next()) is not None:
        ticks, turn = ticks_of(item), turn_of(item)
        following = partial(queue.following, ticks_of)
        if ticks is None:
            time = 0 if last is None else last + turn
        elif last is None:
            time = _first(ticks, following, turn)
        elif last < ticks <= last + _FAR * turn:
            time = ticks
        else:
            time = _between(last, ticks, following(0), turn)
        if ticks is not None and time != ticks and not is_reported:
            moved(ticks)
            is_reported = True
        yield item, time
        last = time


class _Queue(Generic[T]):
    """Items, of which those that follow can be looked at."""

    def __init__(self, items: Iterable[T]):
        self._rest, self._ahead = iter(items), deque[T]()

    def next(self) -> T | None:
        return self._ahead.popleft() if self._ahead else next(self._rest, None)

    def following(self, ticks_of: Callable[[T], int | None], place: int) -> int | None:
        """The time of the item so many places after the next one; None where there is none, or it has none."""
        self._ahead.extend(islice(self._rest, max(place + 1 - len(self._ahead), 0)))
        return ticks_of(self._ahead[place]) if place < len(self._ahead) else None


def _first(ticks: int, following: Callable[[int], int | None], turn: int) -> int:
    """The first time, but where the two after it rise and are both before it."""
    second = following(0)
    if second is None or second > ticks:
        return ticks
    third = following(1)
    return second - turn if third is not None and second < third < ticks else ticks


def _between(last: int, ticks: int, following: int | None, turn: int) -> int:
    """Where an item belongs whose time stands out against the one before it and the one that follows."""
    if ticks > last and (following is None or following > ticks):  # a pause
        return ticks
    if following is None or following <= last:
        return last + turn
    return min(last + turn, max(last + 1, (last + following) // 2))
