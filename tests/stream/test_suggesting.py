"""The choice of references to suggest, beside trying all of them with the stream's own policy."""

from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest

from lfvideo_sr.references.reference import Reference
from lfvideo_sr.stream.expected_gain import expected_gain
from lfvideo_sr.stream.pairing import Placed, choose
from lfvideo_sr.stream.suggesting import ClipChoice, Rules, SceneSurvey, best_of_scene, share_out

BLOCKS = 4


def made_up(
    seed: int, count: int = 9, reach: int = 3, number: int = 0, start: int = 0, referenced: tuple[int, ...] = ()
) -> SceneSurvey:
    """A scene in which every share is drawn at random."""
    draw = np.random.default_rng(seed)
    stops = start + np.cumsum(draw.integers(1, 6, count)) - 1
    carried = draw.integers(0, 256, (count, 2 * reach + 1, BLOCKS)).astype(np.uint8)
    carried[:, reach] = 255
    detail = draw.uniform(2, 60, (count, BLOCKS)).astype(np.float32)
    return SceneSurvey(
        number, stops, draw.integers(1, 6, count), detail, carried, np.isin(np.arange(count), referenced)
    )


def total(survey: SceneSurvey, chosen: tuple[int, ...], rules: Rules) -> float:
    """Summed dB with references at some stops, which `pairing.choose` gives to each frame: the plain twin."""
    placed = [Placed(Reference((stop,), Fraction(int(survey.stops[stop])), "", lambda: None), 0) for stop in chosen]
    summed = 0.0
    for stop, frame in enumerate(survey.stops.tolist()):
        served = [place for place in placed if place.reference.time - frame <= rules.lookahead]
        chosen_now = choose(Fraction(frame), 0, served, causal=rules.causal)
        past = [reference for reference in chosen_now if reference.time <= frame]
        future = [reference for reference in chosen_now if reference.time > frame]
        shares = np.zeros(BLOCKS, np.uint8)
        for reference in (*past[:1], *future[:1]):  # a second one to the same side is beyond the model
            step = reference.key[0] - stop
            if abs(step) <= survey.reach:
                shares = np.maximum(shares, survey.carried[stop, step + survey.reach])
        gain = expected_gain(survey.detail[[stop]], shares[None], survey.bits_per_pixel)[0]
        summed += float(gain) * int(survey.frames[stop])
    return summed


def allowed(survey: SceneSurvey, chosen: tuple[int, ...], rules: Rules) -> bool:
    pairs = pairwise(chosen)
    far = [survey.stops[b] - survey.stops[a] >= rules.every or survey.referenced[[a, b]].all() for a, b in pairs]
    return all(far)


def best_by_trying(survey: SceneSurvey, count: int, rules: Rules) -> float:
    free = [stop for stop in range(len(survey.stops)) if not survey.referenced[stop]]
    referenced = np.flatnonzero(survey.referenced).tolist()
    ways = [tuple(sorted((*referenced, *some))) for some in combinations(free, count)]
    return max((total(survey, way, rules) for way in ways if allowed(survey, way, rules)), default=-np.inf)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "rules", [Rules(), Rules(every=6), Rules(causal=True), Rules(lookahead=5), Rules(every=4, causal=True)], ids=str
)
@pytest.mark.parametrize("referenced", [(), (4,), (1, 7)], ids=str)
def test_the_choice_is_as_good_as_the_best_of_all(seed, rules, referenced):
    survey = made_up(seed, count=8, referenced=referenced)
    choice = best_of_scene(survey, 4, rules)
    for count, (promised, picked) in enumerate(zip(choice.totals, choice.picks)):
        assert len(picked) == count and not survey.referenced[list(picked)].any()
        everything = tuple(sorted((*picked, *np.flatnonzero(survey.referenced).tolist())))
        assert allowed(survey, everything, rules)
        assert promised == pytest.approx(total(survey, everything, rules), abs=1e-4)
        assert promised == pytest.approx(best_by_trying(survey, count, rules), abs=1e-4)


def test_no_more_are_chosen_than_find_a_place():
    survey = made_up(0, count=5)
    assert len(best_of_scene(survey, 9).totals) == 6
    crowded = best_of_scene(survey, 9, Rules(every=1000))
    assert [len(pick) for pick in crowded.picks] == [0, 1]
    assert ClipChoice([survey], 9, Rules(every=1000)).gains[1:] == [pytest.approx(crowded.totals[1] / survey.length)]


def test_references_are_shared_out_among_scenes_as_trying_all_would():
    surveys = [made_up(seed, count=5, number=seed) for seed in range(3)]
    choices = [best_of_scene(survey, 4) for survey in surveys]
    for number, counts in enumerate(share_out(choices, 4)):
        assert sum(counts) == number
        ways = [way for way in np.ndindex(5, 5, 5) if sum(way) == number]
        best = max(sum(choice.totals[k] for choice, k in zip(choices, way)) for way in ways)
        assert sum(choice.totals[k] for choice, k in zip(choices, counts)) == pytest.approx(best)


def scene(number: int, frames: int, share: int, detail: float, start: int = 0) -> SceneSurvey:
    """A scene whose detail is `detail` everywhere and of which every frame has `share` of every other's."""
    carried = np.full((frames, 2 * frames + 1, BLOCKS), share, np.uint8)
    carried[:, frames] = 255
    energy = np.full((frames, BLOCKS), detail, np.float32)
    stops = start + np.arange(frames)
    return SceneSurvey(number, stops, np.ones(frames, int), energy, carried, np.zeros(frames, bool))


def test_the_first_goes_where_most_is_gained():
    short, long, flat = scene(0, 4, 230, 50), scene(1, 9, 230, 50, 4), scene(2, 9, 230, 0, 13)
    choice = ClipChoice([short, long, flat], 2)
    assert [suggestion.scene for suggestion in choice.suggestions(1)] == [1]
    assert [suggestion.scene for suggestion in choice.suggestions(2)] == [0, 1]
    assert choice.frames == 22 and choice.scenes == 3
    assert 0 == choice.gains[0] < choice.gains[1] < choice.gains[2]


def test_each_suggestion_says_what_would_be_lost_without_it():
    first_scene, second_scene = scene(0, 4, 230, 50), scene(1, 9, 230, 50, 4)
    choice = ClipChoice([first_scene, second_scene], 2)
    first, second = choice.suggestions(2)
    assert (first.served, second.served) == (4, 9)
    summed = first.gain * first.served + second.gain * second.served
    assert summed / choice.frames == pytest.approx(choice.gains[2])


def test_two_parts_of_a_scene_that_have_nothing_in_common_get_one_each():
    survey = scene(0, 12, 240, 50)
    for stop in range(12):
        for step in range(-12, 13):
            if 0 <= stop + step < 12 and (stop < 7) != (stop + step < 7):
                survey.carried[stop, step + 12] = 0
    parts = [suggestion.frame < 7 for suggestion in ClipChoice([survey], 2).suggestions(2)]
    assert parts == [True, False]


def test_gain_grows_with_what_is_carried_and_is_nothing_where_there_is_no_detail():
    detail = np.full((5, BLOCKS), 30, np.float32)
    shares = np.repeat(np.array([0, 60, 120, 180, 255], np.uint8)[:, None], BLOCKS, 1)
    gains = expected_gain(detail, shares, np.inf)
    assert gains[0] == 0 and (np.diff(gains) > 0).all() and gains[-1] > 5
    assert expected_gain(0 * detail, shares, np.inf) == pytest.approx(np.zeros(5), abs=1e-6)
    assert (gains[1:] > expected_gain(detail / 30, shares, np.inf)[1:]).all()
    coded = [expected_gain(detail, shares, bits)[-1] for bits in (0.05, 0.2, 1, np.inf)]
    assert 0 < coded[0] < coded[1] < coded[2] < coded[3] == gains[-1]
