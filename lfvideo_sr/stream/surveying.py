"""Looks through a clip, scene by scene, and measures how far detail could be carried from frame to frame of each.

A scene is looked at in stretches, so that its pictures need not all be held. Each is halved again and again, where
most is lost between its ends first, until the frames at the ends, its *stops*, show what is between them; then every
stop is compared with those within reach of it, outwards, until nothing of it is left.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from heapq import heappop, heappush
from itertools import pairwise
from math import inf
from typing import NamedTuple

import numpy as np

from ..frames import Frame
from .carrying import GRID, FrameTexture, carried_both_ways, texture_of
from .suggesting import SceneSurvey

REACH = 16  # stops to either side that one is compared with
_STRETCH = 256  # frames that are held at once
_FREE, _FRAMES_PER_STOP = 8, 8  # a stretch may have _FREE stops and one more for so many frames
_WIDEST = 48  # frames between two stops, at most
_FINEST = 48  # parts of a stretch that are halved no more: finer stops would bring each other's reach down
_LOST = 0.03  # share of the detail that may be lost between two stops without looking in between
_SPENT = 0.06  # share that can be carried, of the mean over a frame, below which the next stop is not tried
_BLOCKS = GRID[0] * GRID[1]


class _SurveyedFrame(NamedTuple):
    """A frame, by its index in the clip, and its texture."""

    number: int
    texture: FrameTexture


def survey(
    frames: Iterable[Frame], referenced: Collection[int] = (), bits_per_pixel: float = inf
) -> Iterator[SceneSurvey]:
    """The scenes of a clip, in order; frames have to mark cuts.

    referenced: indices of frames that have a reference.
    bits_per_pixel: that the clip is coded with.
    """
    scene: _Scene | None = None
    number = -1
    for frame in frames:
        if frame.cut or scene is None:
            if scene is not None:
                yield scene.finished()
            number += 1
            scene = _Scene(number, referenced, bits_per_pixel)
        scene.add(_SurveyedFrame(frame.index, texture_of(frame.pixels)))
    if scene is not None:
        yield scene.finished()


class _Scene:
    """Takes the frames of one scene; holds a stretch of them and a few stops before it."""

    def __init__(self, number: int, referenced: Collection[int], bits_per_pixel: float):
        self._number, self._referenced, self._bits_per_pixel = number, referenced, bits_per_pixel
        self._stretch: list[_SurveyedFrame] = []
        self._stops: list[int] = []
        self._detail: list[np.ndarray] = []
        self._carried: list[np.ndarray] = []  # per stop uint8 [2 REACH + 1, blocks]
        self._near: deque[_SurveyedFrame] = deque(maxlen=REACH)
        self._last = -1

    def add(self, frame: _SurveyedFrame) -> None:
        self._stretch.append(frame)
        self._last = frame.number
        if len(self._stretch) >= _STRETCH:
            self._look_through()

    def finished(self) -> SceneSurvey:
        self._look_through()
        stops = np.array(self._stops)
        return SceneSurvey(
            self._number, stops, self._stood_for(stops), np.stack(self._detail), np.stack(self._carried),
            np.array([stop in self._referenced for stop in self._stops]), self._bits_per_pixel,
        )  # fmt: skip

    def _stood_for(self, stops: np.ndarray) -> np.ndarray:
        """How many frames are nearer to each stop than to any other."""
        frames = np.arange(stops[0], self._last + 1)
        right = np.clip(np.searchsorted(stops, frames), 1, max(len(stops) - 1, 1))
        if len(stops) == 1:
            return np.array([len(frames)])
        nearer_left = frames - stops[right - 1] <= stops[right] - frames
        return np.bincount(np.where(nearer_left, right - 1, right), minlength=len(stops))

    def _look_through(self) -> None:
        if not self._stretch:
            return
        before = [self._near[-1]] if self._near else []  # halving goes on from the last stop
        frames = [*before, *self._stretch]
        places = _stops_of(frames, [place for place, frame in enumerate(frames) if frame.number in self._referenced])
        for place in places[len(before) :]:
            self._place(frames[place])
        self._stretch = []

    def _place(self, frame: _SurveyedFrame) -> None:
        """A new stop, compared with those before it."""
        shares = np.zeros((2 * REACH + 1, _BLOCKS), np.uint8)
        shares[REACH] = 255
        for back, earlier in enumerate(reversed(self._near), 1):
            here, there = carried_both_ways(frame.texture, earlier.texture)
            shares[REACH - back] = _as_bytes(here)
            self._carried[-back][REACH + back] = _as_bytes(there)
            if max(here.mean(), there.mean()) < _SPENT:
                break
        self._stops.append(frame.number)
        self._detail.append(frame.texture.detail.ravel())
        self._carried.append(shares)
        self._near.append(frame)


def _as_bytes(shares: np.ndarray) -> np.ndarray:
    return (shares.ravel() * 255 + 0.5).astype(np.uint8)


def _stops_of(frames: list[_SurveyedFrame], required: list[int]) -> list[int]:
    """Which of these frames, by place, tell of them all: the ends, those `required`, and between them where most is
    lost."""
    stops = {0, len(frames) - 1, *required}
    allowed = max(len(stops), _FREE + len(frames) // _FRAMES_PER_STOP)
    ends = sorted(stops)
    finest = max(1, len(frames) // _FINEST)
    waiting: list[tuple[float, int, int]] = []  # the most urgent first

    def consider(first: int, last: int) -> None:
        length = last - first
        if length > _WIDEST:
            heappush(waiting, (-inf, first, last))
        elif length > finest:
            lost = _lost(frames[first].texture, frames[last].texture)
            if lost > _LOST:
                heappush(waiting, (-lost * length, first, last))

    for first, last in pairwise(ends):
        consider(first, last)
    while waiting and len(stops) < allowed:
        _, first, last = heappop(waiting)
        middle = _sharpest(frames, first, last)
        stops.add(middle)
        consider(first, middle)
        consider(middle, last)
    return sorted(stops)


def _lost(first: FrameTexture, second: FrameTexture) -> float:
    """Share of the detail that cannot be carried between two frames, the mean of both ways."""
    lost = 0.0
    for texture, shares in zip((first, second), carried_both_ways(first, second)):
        lost += 1 - float((texture.detail * shares).sum()) / max(float(texture.detail.sum()), 1e-9)
    return lost / 2


def _sharpest(frames: list[_SurveyedFrame], first: int, last: int) -> int:
    """The frame of the finest texture in the middle third between two, so that blurred ones are no candidates."""
    third = (last - first) // 6
    middle = (first + last) // 2
    places = range(max(first + 1, middle - third), min(last - 1, middle + third) + 1)
    return max(places, key=lambda place: float(frames[place].texture.detail.mean()))
