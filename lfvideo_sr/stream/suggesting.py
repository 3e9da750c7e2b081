"""Which frames' sharp versions would help most: a pure choice, exact for what each could give to the others.

It follows `pairing.choose`: a frame has its scene's nearest past and nearest future reference and no others. So what
the frames between two neighbouring references gain depends on those two alone, and the best choice of any number of
references in a scene is a longest path over (place, count), found by dynamic programming. A film's is made of its
scenes'.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .expected_gain import expected_gain

_NEVER = -np.inf


@dataclass(frozen=True, eq=False)
class SceneSurvey:
    """What is known of a scene: n frames that may become references ("stops"), each standing for those round it.

    number:     of the scene, counted by cuts.
    stops:      int [n], rising: their frames' indices in the clip.
    frames:     int [n], how many frames each stands for, itself included.
    detail:     float32 [n,b], energy of the finest texture in each of b blocks, mean square of 255.
    carried:    uint8 [n,2r+1,b], share (of 255) of stop i's detail in a block that stop i + j - r has; r is the reach.
    referenced: bool [n], stops that have a reference already.
    bits_per_pixel: that the clip is coded with; inf: nothing was lost.
    """

    number: int
    stops: np.ndarray
    frames: np.ndarray
    detail: np.ndarray
    carried: np.ndarray
    referenced: np.ndarray
    bits_per_pixel: float = np.inf

    @property
    def reach(self) -> int:
        return self.carried.shape[1] // 2

    @property
    def length(self) -> int:
        """Frames in the scene."""
        return int(self.frames.sum())


@dataclass(frozen=True)
class Rules:
    """What references the stream will take: at most one in `every` frames, past ones only (`causal`), future ones only
    while at most `lookahead` frames wait for them. As in `pairing.ReferencePolicy`."""

    every: int = 1
    causal: bool = False
    lookahead: int = 64


@dataclass(frozen=True)
class SceneChoice:
    """The best references of a scene, for every number of new ones.

    totals: [k] dB summed over the scene's frames with k new references; -inf where so many find no place.
    picks:  [k] the new references' places among the stops.
    """

    survey: SceneSurvey
    totals: list[float]
    picks: list[tuple[int, ...]]


@dataclass(frozen=True)
class Suggestion:
    """A frame to be made sharp.

    frame:  its index in the clip.
    scene:  its scene, counted by cuts.
    served: frames that would have it as a reference and gain by it, itself included.
    gain:   dB that these would lose in the mean if this reference alone were left out.
    """

    frame: int
    scene: int
    served: int
    gain: float


def best_of_scene(survey: SceneSurvey, most: int, rules: Rules = Rules()) -> SceneChoice:
    """The best 0, 1, ... `most` new references of a scene beside those that it has: exact, by dynamic programming."""
    return _Course(survey, _Gains(survey, rules), rules, most).best()


class ClipChoice:
    """The best references of a clip, for every number of new ones up to `most`. Exact, given its scenes' surveys.

    gains: [k] dB in the mean over the clip's frames with k new references (0: with those that it has); ends where so
           many find no place.
    """

    def __init__(self, scenes: Iterable[SceneSurvey], most: int, rules: Rules = Rules()):
        self._rules = rules
        self._scenes = [best_of_scene(scene, most, rules) for scene in scenes]
        self._counts = share_out(self._scenes, most)
        self.frames = sum(choice.survey.length for choice in self._scenes)
        self.scenes = len(self._scenes)
        self.gains = [
            sum(choice.totals[number] for choice, number in zip(self._scenes, counts)) / max(self.frames, 1)
            for counts in self._counts
        ]

    def suggestions(self, count: int) -> list[Suggestion]:
        """The best `count` new references, or as many as find a place, in time order."""
        counts = self._counts[min(count, len(self._counts) - 1)]
        suggestions = [described(choice, number, self._rules) for choice, number in zip(self._scenes, counts) if number]
        return [suggestion for scene in suggestions for suggestion in scene]


def share_out(choices: Sequence[SceneChoice], most: int) -> list[tuple[int, ...]]:
    """How many new references each scene has in the best choice of 0, 1, ... `most` in all: exact."""
    best, counts = np.array([0.0]), [[0]]
    table: list[np.ndarray] = []
    for choice in choices:
        totals = np.array(choice.totals)
        reachable = min(most, len(best) - 1 + len(totals) - 1)
        together = np.full((reachable + 1, len(totals)), _NEVER)
        for number in range(len(totals)):
            before = best[: reachable + 1 - number]
            together[number : number + len(before), number] = before + totals[number]
        table.append(together.argmax(1))
        best = together.max(1)
    counts = [_traced(table, number) for number in range(len(best)) if np.isfinite(best[number])]
    return [tuple(count) for count in counts]


def _traced(table: list[np.ndarray], number: int) -> list[int]:
    counts = []
    for best_own in reversed(table):
        chosen = int(best_own[number])
        counts.append(chosen)
        number -= chosen
    return counts[::-1]


def described(choice: SceneChoice, count: int, rules: Rules = Rules()) -> list[Suggestion]:
    """The `count` new references of a scene, in time order, each with what it is worth beside the others."""
    survey = choice.survey
    gains = _Gains(survey, rules)
    picked = choice.picks[count]
    chosen = sorted({*picked, *np.flatnonzero(survey.referenced).tolist()})
    with_all = gains.per_stop(chosen)
    suggestions = []
    for place in picked:
        lost = with_all - gains.per_stop([other for other in chosen if other != place])
        served = (lost > _NOTICED) & (survey.frames > 0)
        count_served = int(survey.frames[served].sum())
        mean = float((lost * survey.frames)[served].sum()) / max(count_served, 1)
        suggestions.append(Suggestion(int(survey.stops[place]), survey.number, count_served, mean))
    return suggestions


_NOTICED = 0.05  # dB


class _Gains:
    """What frames gain, dB per stop, from references at some stops."""

    def __init__(self, survey: SceneSurvey, rules: Rules):
        self._survey, self._rules = survey, rules

    def of(self, stops: np.ndarray, past: np.ndarray | None, future: np.ndarray | None) -> np.ndarray:
        """dB at `stops` [m] with the nearest references at stops `past` and `future` [m] (None: there is none)."""
        survey = self._survey
        shares = np.zeros((len(stops), survey.detail.shape[1]), np.uint8)
        for there in (past, future):
            if there is not None:
                shares = np.maximum(shares, self._shares(stops, there))
        return expected_gain(survey.detail[stops], shares, survey.bits_per_pixel)

    def _shares(self, stops: np.ndarray, there: np.ndarray) -> np.ndarray:
        survey, rules = self._survey, self._rules
        steps = there - stops
        ahead = survey.stops[there] - survey.stops[stops]
        usable = (np.abs(steps) <= survey.reach) & (ahead <= (0 if rules.causal else rules.lookahead))
        column = np.where(usable, steps + survey.reach, survey.reach)
        return np.where(usable[:, None], survey.carried[stops, column], 0).astype(np.uint8)

    def per_stop(self, chosen: Sequence[int]) -> np.ndarray:
        """dB at every stop [n] with references at the stops `chosen`, which rise."""
        stops = np.arange(len(self._survey.stops))
        if not len(chosen):
            return self.of(stops, None, None)
        places = np.array(chosen)
        after = np.searchsorted(places, stops, side="right")
        past = np.where(after > 0, places[np.maximum(after - 1, 0)], _FAR)
        future = np.where(after < len(places), places[np.minimum(after, len(places) - 1)], _FAR)
        shares = np.maximum(self._where_any(stops, past), self._where_any(stops, future))
        return expected_gain(self._survey.detail, shares, self._survey.bits_per_pixel)

    def _where_any(self, stops: np.ndarray, there: np.ndarray) -> np.ndarray:
        shares = np.zeros((len(stops), self._survey.detail.shape[1]), np.uint8)
        some = there != _FAR
        shares[some] = self._shares(stops[some], there[some])
        return shares

    def at_stops(self) -> np.ndarray:
        """Summed dB of the frames that each stop stands for, with a reference at it: [n]."""
        stops = np.arange(len(self._survey.stops))
        return self.of(stops, stops, None) * self._survey.frames

    def between(self) -> np.ndarray:
        """Summed dB of the frames between a reference at stop i and the next at stop i + d: [n,2r+1]; -inf past the
        end."""
        survey = self._survey
        count, widest = len(survey.stops), 2 * survey.reach
        summed = np.full((count, widest + 1), _NEVER)
        for distance in range(1, min(widest, count - 1) + 1):
            past = np.arange(count - distance)
            total = np.zeros(len(past))
            for step in range(1, distance):
                stops = past + step
                total += self.of(stops, past, past + distance) * survey.frames[stops]
            summed[: count - distance, distance] = total
        return summed

    def alone(self, direction: int) -> np.ndarray:
        """Summed dB of the frames after (1) or before (-1) each stop, with a reference at it and no other: [n]."""
        survey = self._survey
        count = len(survey.stops)
        summed = np.zeros(count)
        for step in range(1, min(survey.reach, count - 1) + 1):
            there = np.arange(count - step) if direction > 0 else np.arange(step, count)
            stops = there + direction * step
            gained = self.of(stops, there, None) if direction > 0 else self.of(stops, None, there)
            summed[there] += gained * survey.frames[stops]
        return summed


_FAR = -1


class _Course:
    """The dynamic programme: `_best[j, k]` is the most that all up to stop j can gain with a reference at j and k new
    ones up to it."""

    def __init__(self, survey: SceneSurvey, gains: _Gains, rules: Rules, most: int):
        """most: new references."""
        count = len(survey.stops)
        self._survey, self._every, self._most = survey, rules.every, most
        self._at_stops, self._between = gains.at_stops(), gains.between()
        self._before, self._after = gains.alone(-1), gains.alone(1)
        self._best = np.full((count, most + 1), _NEVER)
        self._came_from = np.full((count, most + 1), _FAR)
        self._apart = _Apart(most)

    def best(self) -> SceneChoice:
        survey, most = self._survey, self._most
        for stop in range(len(survey.stops)):
            cost = 0 if survey.referenced[stop] else 1
            if cost > most:
                continue
            value, origin = self._arriving(stop)
            self._best[stop, cost:] = value[: most + 1 - cost] + self._at_stops[stop]
            self._came_from[stop, cost:] = origin[: most + 1 - cost]
        return self._ended(most)

    def _arriving(self, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """The most gained before `stop` for each count, and the reference before it (_FAR: it is the first)."""
        survey, width = self._survey, self._between.shape[1] - 1
        referenced = np.flatnonzero(survey.referenced[:stop])
        first = int(referenced[-1]) if len(referenced) else 0  # no way leads past a reference that is there
        value = np.full(self._best.shape[1], _NEVER)
        origin = np.full(self._best.shape[1], _FAR)
        if not len(referenced):
            value[0] = self._before[stop]
        apart = self._apart
        while apart.upto < stop - width and survey.stops[stop] - survey.stops[apart.upto] >= self._every:
            apart.take(self._best[apart.upto] + self._after[apart.upto], bool(survey.referenced[apart.upto]))
        if first < apart.upto:
            value, origin = _better(value, origin, apart.value + self._before[stop], apart.origin)
        earlier = np.arange(max(first, apart.upto), stop)
        earlier = earlier[self._far_enough(earlier, stop)]
        if len(earlier):
            distance = stop - earlier
            between = self._between[earlier, np.minimum(distance, width)]
            between = np.where(distance <= width, between, self._after[earlier] + self._before[stop])
            ways = self._best[earlier] + between[:, None]
            top = ways.argmax(0)
            value, origin = _better(value, origin, ways[top, np.arange(len(top))], earlier[top])
        return value, origin

    def _far_enough(self, earlier: np.ndarray, stop: int) -> np.ndarray:
        stops, referenced = self._survey.stops, self._survey.referenced
        both_there = referenced[earlier] & referenced[stop]
        return (stops[stop] - stops[earlier] >= self._every) | both_there

    def _ended(self, most: int) -> SceneChoice:
        survey = self._survey
        referenced = np.flatnonzero(survey.referenced)
        ends = self._best + self._after[:, None]
        if len(referenced):
            ends[: referenced[-1]] = _NEVER
        totals, picks = [], []
        for number in range(most + 1):
            last = int(ends[:, number].argmax())
            total = float(ends[last, number])
            if number == 0 and not len(referenced):
                total, way = 0.0, []
            elif not np.isfinite(total):
                break
            else:
                way = self._way(last, number)
            totals.append(total)
            picks.append(tuple(stop for stop in way if not survey.referenced[stop]))
        return SceneChoice(survey, totals, picks)

    def _way(self, last: int, number: int) -> list[int]:
        way = []
        while last != _FAR:
            way.append(last)
            last, number = int(self._came_from[last, number]), number - (0 if self._survey.referenced[last] else 1)
        return way[::-1]


class _Apart:
    """The best of references so far back that no frame between has both; `upto`: all stops before it are in."""

    def __init__(self, most: int):
        self.upto = 0
        self.value = np.full(most + 1, _NEVER)
        self.origin = np.full(most + 1, _FAR)

    def take(self, value: np.ndarray, referenced: bool) -> None:
        """The next stop; one that has its reference already hides those before it."""
        if referenced:
            self.value[:] = _NEVER
        self.value, self.origin = _better(self.value, self.origin, value, np.full(len(value), self.upto))
        self.upto += 1


def _better(
    value: np.ndarray, origin: np.ndarray, other: np.ndarray, its_origin: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return np.where(other > value, other, value), np.where(other > value, its_origin, origin)
