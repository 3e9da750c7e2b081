"""Looking through clips, scene by scene: stops, what they stand for, and what is compared with what."""

import numpy as np
import pytest
from small_clips import CUT, FRAMES, rendered, stamp

from lfvideo_sr.frames import Frame, Size
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.stream.suggesting import ClipChoice
from lfvideo_sr.stream.surveying import REACH, survey

MEDIUM = Size(320, 192)


def frames(pictures, first: int = 0) -> list[Frame]:
    return [
        Frame(picture, first + place, stamp(first + place), cut=place == 0) for place, picture in enumerate(pictures)
    ]


def moving(count: int, size: Size = MEDIUM) -> list[np.ndarray]:
    return [degrade(picture) for picture in rendered(0, count, seed=3, size=size)]


def test_scenes_end_at_cuts(low_clip):
    scenes = list(survey(VideoSource(low_clip)))
    assert [(scene.number, scene.length, int(scene.stops[0])) for scene in scenes] == [
        (0, CUT, 0),
        (1, FRAMES - CUT, CUT),
    ]
    assert scenes[1].stops[-1] == FRAMES - 1


def test_every_stop_is_compared_with_its_neighbours_both_ways():
    (scene,) = survey(frames(moving(12)))
    assert (np.diff(scene.stops) > 0).all() and scene.reach == REACH
    assert (scene.carried[:, REACH] == 255).all()
    for step in (-1, 1):
        compared = scene.carried[max(0, -step) : len(scene.stops) - max(0, step), REACH + step]
        assert compared.mean() > 80
    assert not scene.carried[0, :REACH].any() and not scene.carried[-1, REACH + 1 :].any()  # nothing is there


def test_where_nothing_moves_few_stops_tell_of_all():
    still = moving(1)
    (scene,) = survey(frames(still * 200))
    assert len(scene.stops) <= 2 + 200 // 48 * 2 and scene.length == 200
    choice = ClipChoice([scene], 2)
    assert choice.gains[2] - choice.gains[1] < 0.2 * choice.gains[1]  # one serves nearly all


def test_a_long_scene_is_looked_at_in_stretches_and_nothing_is_lost():
    pictures = moving(20, Size(128, 96))
    (scene,) = survey(frames([pictures[min(n % 38, 38 - n % 38)] for n in range(320)]))
    assert scene.length == 320 and scene.stops[0] == 0 and scene.stops[-1] == 319
    assert np.diff(scene.stops).max() <= 48
    across = int(np.searchsorted(scene.stops, 256))  # where the first stretch ends
    assert scene.carried[across, REACH - 1].any() and scene.carried[across - 1, REACH + 1].any()


def test_frames_with_references_are_stops_and_are_marked():
    (scene,) = survey(frames(moving(9)), referenced={5})
    assert scene.stops[scene.referenced].tolist() == [5]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shortest_scenes(count):
    (scene,) = survey(frames(moving(count), first=7))
    assert scene.stops[0] == 7 and scene.frames.sum() == count
    assert len(ClipChoice([scene], 5).gains) == len(scene.stops) + 1


def test_a_clip_without_frames_has_no_scenes():
    assert list(survey([])) == []
    assert ClipChoice([], 3).gains == [0]


def test_blurred_frames_are_no_candidates():
    """Every other frame is smeared, as by a shaking hand."""
    sharp = moving(41)
    smeared = [(sum(np.roll(picture, k, 2) for k in range(5)) / 5).astype(np.float32) for picture in sharp]
    (scene,) = survey(frames([picture if n % 2 else two for n, (picture, two) in enumerate(zip(sharp, smeared))]))
    chosen = [suggestion.frame for suggestion in ClipChoice([scene], 3).suggestions(3)]
    assert all(frame % 2 for frame in chosen), chosen
