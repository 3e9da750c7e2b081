"""Which references serve which frames: properties that hold for every clip, beside a plain twin that sees it whole."""

import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfvideo_sr.frames import Frame, TimeStamp
from lfvideo_sr.references.reference import Reference
from lfvideo_sr.stream.pairing import (
    AnchorFeed,
    Paired,
    Placed,
    ReferencePolicy,
    TimedFeed,
    choose,
    pair_with_references,
)

TICK = Fraction(1, 1000)
PIXEL = np.zeros((3, 1, 1), np.float32)


def reference(ticks: int) -> Reference:
    return Reference(("test", ticks), ticks * TICK, f"at {ticks}", lambda: PIXEL)


@dataclass(frozen=True)
class Clip:
    """Frame times and reference times in ticks, rising; which frames start a scene."""

    times: tuple[int, ...]
    cuts: frozenset[int]
    references: tuple[int, ...]

    def frames(self) -> Iterator[Frame]:
        for index, ticks in enumerate(self.times):
            yield Frame(PIXEL, index, TimeStamp(ticks, TICK), index in self.cuts)

    def scene(self, index: int) -> int:
        return sum(cut <= index for cut in self.cuts)

    def owner(self, ticks: int) -> int:
        """The frame on show at that moment: the last one not after it; before the clip, the first."""
        return max(sum(time <= ticks for time in self.times) - 1, 0)

    def pairs(self, **policy) -> list[Paired]:
        feed = TimedFeed([reference(ticks) for ticks in self.references])
        return list(pair_with_references(self.frames(), feed, ReferencePolicy(**policy)))


@st.composite
def clips(draw) -> Clip:
    """Variable rate with pauses; references at frame times, between them, before the first and after the last."""
    steps = draw(st.lists(st.sampled_from([3, 8, 40, 40, 40, 90, 1000]), min_size=1, max_size=30))
    times = np.cumsum([draw(st.integers(-50, 5000)), *steps[1:]]).tolist()
    cuts = frozenset({0, *draw(st.sets(st.integers(0, len(times) - 1), max_size=4))})
    on_frames = draw(st.sets(st.sampled_from(times)))
    between = draw(st.sets(st.integers(times[0] - 200, times[-1] + 200), max_size=8))
    return Clip(tuple(times), cuts, tuple(sorted(on_frames | between)))


policies = st.fixed_dictionaries(
    {"every": st.integers(1, 6), "most": st.integers(1, 3), "causal": st.booleans(), "lookahead": st.integers(1, 12)}
)


def ticks_of(references) -> list[int]:
    return [int(reference.time / TICK) for reference in references]


def kept(clip: Clip, every: int) -> list[int]:
    """Plain twin of the cadence: the first reference of each scene, then one per `every` frames."""
    early = [ticks for ticks in clip.references if ticks <= clip.times[0]]
    chosen: list[int] = []
    for ticks in early[-1:] + [ticks for ticks in clip.references if ticks > clip.times[0]]:
        owner, before = clip.owner(ticks), clip.owner(chosen[-1]) if chosen else None
        new_scene = before is None or clip.scene(owner) != clip.scene(before)
        if new_scene or owner - before >= every:
            chosen.append(ticks)
    return chosen


def end_of_turn(clip: Clip) -> int:
    """When the last frame's turn is over; it is given that of the frame before."""
    last_turn = clip.times[-1] - clip.times[-2] if len(clip.times) > 1 else 0
    return clip.times[-1] + last_turn


def known(clip: Clip, index: int, policy: dict) -> set[int]:
    """Plain twin of the lookahead: references of its scene that have come when frame `index` has waited long enough."""
    scene = clip.scene(index)
    same = [ticks for ticks in kept(clip, policy["every"]) if clip.scene(clip.owner(ticks)) == scene]
    for latest in range(index, len(clip.times)):
        come = {ticks for ticks in same if ticks <= clip.times[latest]}
        ahead = any(ticks > clip.times[index] for ticks in come)
        waited = latest - index >= policy["lookahead"] or is_alone(clip, index, latest, policy["lookahead"])
        if policy["causal"] or ahead or clip.scene(latest) > scene or waited:
            return come
    return {ticks for ticks in same if ticks < max(end_of_turn(clip), clip.times[-1] + 1)}


def is_alone(clip: Clip, index: int, latest: int, lookahead: int) -> bool:
    """Whether the next reference, if there is one, is further from a frame than it may look ahead, in turns as long as
    the longest so far."""
    longest = max((later - time for time, later in pairwise(clip.times[: latest + 1])), default=0)
    to_come = [ticks for ticks in clip.references if ticks > clip.times[latest]]
    return longest > 0 and not any(ticks <= clip.times[index] + lookahead * longest for ticks in to_come)


def expected(clip: Clip, index: int, policy: dict) -> list[int]:
    """Plain twin of the choice: nearest past and future of what is known, then the next nearest."""
    time, most = clip.times[index], policy["most"]
    come = known(clip, index, policy)
    past = sorted((ticks for ticks in come if ticks <= time), reverse=True)
    future = [] if policy["causal"] else sorted(ticks for ticks in come if ticks > time)
    nearest = past[:1] + future[:1]
    if most == 1:
        return sorted(nearest, key=lambda ticks: abs(ticks - time))[:1]
    return (nearest + sorted(past[1:] + future[1:], key=lambda ticks: abs(ticks - time)))[:most]


@given(clips(), policies)
@settings(max_examples=300, deadline=None)
def test_pairs_of_any_clip_by_any_policy(clip, policy):
    """All that holds for every pair, looked at on the same clips, since drawing these takes longest."""
    pairs = clip.pairs(**policy)
    check_every_frame_comes_out_once_and_in_order(clip, pairs)
    check_no_reference_comes_from_beyond_a_cut(clip, pairs)
    check_the_choice_equals_its_plain_twin(clip, pairs, policy)
    check_at_most_one_reference_per_so_many_frames(clip, pairs, policy)
    check_a_frames_own_reference_is_the_one_at_exactly_its_time(pairs)
    check_no_more_later_frames_are_held_than_the_lookahead(clip, policy)
    check_causal_takes_past_references_only(clip.pairs(**{**policy, "causal": True}))


def check_every_frame_comes_out_once_and_in_order(clip: Clip, pairs: list[Paired]) -> None:
    frames = [pair.frame for pair in pairs]
    assert [frame.index for frame in frames] == list(range(len(clip.times)))
    assert [frame.stamp.ticks for frame in frames] == list(clip.times)


def check_no_reference_comes_from_beyond_a_cut(clip: Clip, pairs: list[Paired]) -> None:
    for pair in pairs:
        for ticks in ticks_of(pair.references):
            assert clip.scene(clip.owner(ticks)) == clip.scene(pair.frame.index)


def check_the_choice_equals_its_plain_twin(clip: Clip, pairs: list[Paired], policy: dict) -> None:
    chosen = [ticks_of(pair.references) for pair in pairs]
    assert chosen == [expected(clip, index, policy) for index in range(len(clip.times))]


def check_at_most_one_reference_per_so_many_frames(clip: Clip, pairs: list[Paired], policy: dict) -> None:
    used = sorted({ticks for pair in pairs for ticks in ticks_of(pair.references)})
    for reference, other in pairwise(used):
        a, b = clip.owner(reference), clip.owner(other)
        assert clip.scene(a) != clip.scene(b) or b - a >= policy["every"]


def check_a_frames_own_reference_is_the_one_at_exactly_its_time(pairs: list[Paired]) -> None:
    for pair in pairs:
        at_this_moment = [reference for reference in pair.references if reference.time == pair.frame.stamp.seconds]
        assert pair.own is (at_this_moment[0] if at_this_moment else None)


def check_causal_takes_past_references_only(pairs: list[Paired]) -> None:
    for pair in pairs:
        assert all(reference.time <= pair.frame.stamp.seconds for reference in pair.references)


def check_no_more_later_frames_are_held_than_the_lookahead(clip: Clip, policy: dict) -> None:
    pulled = 0

    def counted() -> Iterator[Frame]:
        nonlocal pulled
        for frame in clip.frames():
            pulled += 1
            yield frame

    feed = TimedFeed([reference(ticks) for ticks in clip.references])
    for pair in pair_with_references(counted(), feed, ReferencePolicy(**policy)):
        later = pulled - pair.frame.index - 1
        assert later <= (0 if policy["causal"] else policy["lookahead"])


def test_a_frame_waits_no_longer_than_for_the_next_reference():
    clip = Clip(tuple(range(0, 4000, 40)), frozenset({0}), (0, 320, 640))
    pulled = []
    feed = TimedFeed([reference(ticks) for ticks in clip.references])
    frames = (pulled.append(frame.index) or frame for frame in clip.frames())
    for pair in pair_with_references(frames, feed, ReferencePolicy(every=8)):
        if pair.frame.index < 16:
            assert pulled[-1] == (pair.frame.index // 8 + 1) * 8


@pytest.mark.parametrize("references", [(0,), (0, 40 * 300)], ids=["none", "far"])
def test_no_frame_waits_where_no_reference_is_near(references):
    clip = Clip(tuple(range(0, 40 * 200, 40)), frozenset({0}), references)
    pulled = []
    feed = TimedFeed([reference(ticks) for ticks in clip.references])
    frames = (pulled.append(frame.index) or frame for frame in clip.frames())
    for pair in pair_with_references(frames, feed, ReferencePolicy()):
        held = pulled[-1] - pair.frame.index
        assert held <= 1 and ticks_of(pair.references) == [0]


def test_a_frame_waits_for_a_reference_that_is_just_within_its_look_ahead():
    clip = Clip(tuple(range(0, 40 * 200, 40)), frozenset({0}), (0, 40 * 100))
    first = next(index for index, pair in enumerate(clip.pairs()) if 4000 in ticks_of(pair.references))
    assert first == 100 - 64


def test_references_from_long_before_the_clip_are_not_held():
    """A reference video that starts long before the clip, and one that goes on through a pause of the clip."""
    times = (40_000, 40_040, 80_000, 80_040)
    held = []

    def counted() -> Iterator[Reference]:
        for ticks in range(0, 80_000, 40):
            made = reference(ticks)
            held.append(weakref.ref(made))
            if ticks % 4000 == 0:
                assert sum(alive() is not None for alive in held) <= 5
            yield made

    feed = TimedFeed(counted())
    clip = Clip(times, frozenset({0}), ())
    pairs = list(pair_with_references(clip.frames(), feed, ReferencePolicy()))
    assert len(held) == 2000 and ticks_of(pairs[0].references) == [40_000]


def test_references_are_pulled_no_further_than_needed():
    clip = Clip(tuple(range(0, 400, 40)), frozenset({0}), ())
    given_out = []

    def endless() -> Iterator[Reference]:
        ticks = 0
        while True:
            given_out.append(ticks)
            yield reference(ticks)
            ticks += 80

    pairs = list(pair_with_references(clip.frames(), TimedFeed(endless()), ReferencePolicy(every=2)))
    assert len(pairs) == 10
    assert given_out[-1] <= clip.times[-1] + 120


@pytest.mark.parametrize("causal", [False, True])
def test_a_picture_between_the_last_frame_of_a_scene_and_the_cut_belongs_to_the_old_scene(causal):
    clip = Clip((0, 40, 80, 120), frozenset({0, 2}), (60,))
    used = [ticks_of(pair.references) for pair in clip.pairs(causal=causal)]
    assert used == ([[], [], [], []] if causal else [[60], [60], [], []])


def test_a_long_pause_before_a_cut_does_not_blur_it():
    clip = Clip((0, 1000, 1040, 1080), frozenset({0, 2}), (1040,))
    assert [ticks_of(pair.references) for pair in clip.pairs()] == [[], [], [1040], [1040]]


def test_at_a_high_rate_the_frame_beside_a_reference_is_not_taken_for_it():
    clip = Clip(tuple(range(0, 80, 8)), frozenset({0}), (0, 8))
    for causal in (False, True):
        shown = [pair.own and ticks_of([pair.own]) for pair in clip.pairs(every=1, causal=causal)]
        assert shown == [[0], [8]] + [None] * 8


def test_of_the_references_before_the_clip_only_the_nearest_counts():
    clip = Clip(tuple(range(1000, 1400, 40)), frozenset({0}), (0, 500, 900, 1000, 1040))
    pairs = clip.pairs(every=8)
    assert ticks_of([pairs[0].own]) == [1000]
    assert all(ticks_of(pair.references) == [1000] for pair in pairs)


def test_a_reference_within_the_last_frames_turn_serves_the_last_scene():
    clip = Clip((0, 40, 80), frozenset({0}), (100,))
    assert [ticks_of(pair.references) for pair in clip.pairs()] == [[100]] * 3
    beyond = Clip((0, 40, 80), frozenset({0}), (120,))
    assert [pair.references for pair in beyond.pairs()] == [()] * 3


def test_no_frames_and_no_references():
    assert Clip((), frozenset(), ()).pairs() == []
    assert [pair.references for pair in Clip((0, 40), frozenset({0}), ()).pairs()] == [(), ()]


def test_references_that_no_later_frame_can_take_are_let_go_of():
    """A scene every 5 frames with a reference on each frame, and one long scene: few are held at any moment."""
    for cuts in (range(0, 400, 5), [0]):
        clip = Clip(tuple(range(0, 16000, 40)), frozenset(cuts), tuple(range(0, 16000, 40)))
        made: list[weakref.ref] = []

        def counted(ticks: tuple[int, ...], made: list[weakref.ref]) -> Iterator[Reference]:
            for tick in ticks:
                kept = reference(tick)
                made.append(weakref.ref(kept))
                yield kept

        feed = TimedFeed(counted(clip.references, made))
        for _ in pair_with_references(clip.frames(), feed, ReferencePolicy(every=1)):
            assert sum(alive() is not None for alive in made[-40:]) <= 8
            assert not any(alive() for alive in made[:-40])


def places(*ticks: int, scene: int = 0) -> list[Placed]:
    return [Placed(reference(tick), scene) for tick in ticks]


@pytest.mark.parametrize(
    ("time", "most", "causal", "expected"),
    [
        (50, 2, False, [40, 80]),
        (40, 2, False, [40, 80]),
        (90, 2, False, [80, 40]),
        (-10, 2, False, [0, 40]),
        (50, 3, False, [40, 80, 0]),
        (50, 2, True, [40, 0]),
        (-10, 2, True, []),
        (50, 1, False, [40]),
        (75, 1, False, [80]),
        (75, 1, True, [40]),
    ],
)
def test_choose(time, most, causal, expected):
    """References at 0, 40 and 80; one of another scene, nearer than all, is never taken."""
    around = [*places(0, 40, 80), *places(time, time + 1, scene=1)]
    assert ticks_of(choose(time * TICK, 0, around, most, causal)) == expected


def test_an_anchor_feed_offers_no_more_than_the_cadence():
    feed = AnchorFeed(3, lambda frame: frame)
    frames = [Frame(PIXEL, index, TimeStamp(40 * index, TICK), index in (0, 5)) for index in range(10)]
    offered = [[reference.key for reference in feed.upto(frame)] for frame in frames]
    assert [index for index, keys in enumerate(offered) if keys] == [0, 3, 5, 8]
    assert offered[3] == [("anchor", 3)]
    assert feed.rest(Fraction(100)) == []


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 9))
@settings(max_examples=200, deadline=None)
def test_anchors_stand_at_each_scene_start_and_every_so_many_frames_after_it(cuts, every):
    clip = Clip(tuple(range(0, 40 * len(cuts), 40)), frozenset({0, *np.flatnonzero(cuts).tolist()}), ())
    restored: list[int] = []

    def restore_alone(frame: Frame) -> Frame:
        restored.append(frame.index)
        return frame

    pairs = list(pair_with_references(clip.frames(), AnchorFeed(every, restore_alone), ReferencePolicy(every=every)))
    anchors = [pair.frame.index for pair in pairs if pair.own is not None]
    starts = sorted(clip.cuts)
    expected = [index for index in range(len(cuts)) if (index - max(s for s in starts if s <= index)) % every == 0]
    assert anchors == expected
    assert all(pair.own.generated for pair in pairs if pair.own is not None)
    assert not restored  # a reference is cheap until it is loaded
    for pair in pairs:
        for reference in pair.references:
            assert reference.load() is PIXEL
    assert sorted(restored) == expected  # each once, however often it is asked for
