"""Fields told from a few views: as right as the renderer's own, fewer searches, and no trust in what is no grid."""

from fractions import Fraction

import numpy as np
import pytest
from small_clips import engine_of
from small_grids import rendered_grid

from lfvideo_sr.engine import Matched
from lfvideo_sr.frames import Frame, Size, View, on_host
from lfvideo_sr.lightfields.grid import Grid, step
from lfvideo_sr.lightfields.references import ViewReference
from lfvideo_sr.matching.seed import pixel_grid
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.metrics import eight_bit, psnr_y
from lfvideo_sr.references.reference import Reference
from lfvideo_sr.stream.grid import choose_references, order, own_reference
from lfvideo_sr.stream.guided import REACH, GuidedEngine, Place, probe_views
from lfvideo_sr.stream.parallax import Parallax, Probe
from lfvideo_sr.synthetic import flow, random_scene, render

SIZE = Size(192, 160)
CENTRE = View(2, 2)


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    return rendered_grid(5, 5, SIZE, seed=2)


def true_places(view: View, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the places of a field of that stride lie in the centre view, in units of the field's grid, and which are
    seen there; `rendered_grid` renders the same scene."""
    scene = random_scene(np.random.default_rng(2), width=SIZE.width, planes=(3, 4))
    moved, seen = flow(scene, 0.0, 0.0, SIZE, view_from=(view.row - 2.0, view.column - 2.0), view_to=(0.0, 0.0))
    grid = pixel_grid(SIZE.height // stride, SIZE.width // stride)
    blocks = moved.reshape(SIZE.height // stride, stride, SIZE.width // stride, stride, 2)
    whole = seen.reshape(blocks.shape[:4]).all((1, 3))
    return grid + blocks.mean((1, 3)) / stride, whole & (np.ptp(blocks, (1, 3)).max(-1) < 0.5)


def exact_probes(wrong: bool = False) -> list[Probe]:
    """Probes that the renderer gives; with `wrong`, of a grid whose columns are mirrored."""
    probes = []
    for view in probe_views(Grid.of(5, 5), CENTRE):
        shown = View(view.row, 4 - view.column) if wrong else view
        places, seen = true_places(shown, 2)
        probes.append(Probe(step(CENTRE, view), places.astype(np.float32), seen.astype(np.float32)))
    return probes


def test_a_view_that_was_never_matched_is_told_to_a_tenth_of_a_place():
    parallax = Parallax.of(exact_probes(), np.zeros((80, 96), np.float32))
    assert parallax.trusted
    for view in (View(1, 2), View(2, 4), View(3, 1), View(2, 3)):
        prediction = parallax.predict(step(CENTRE, view), np.zeros((80, 96), np.float32))
        places, seen = true_places(view, 2)
        error = np.abs(prediction.places - places).max(-1)[seen]
        assert np.median(error) < 0.05 and np.quantile(error, 0.9) < 0.3, view
        assert np.median(prediction.relevance[seen]) > 0.9


def test_what_is_hidden_from_the_reference_is_trusted_less():
    parallax = Parallax.of(exact_probes(), np.zeros((80, 96), np.float32))
    prediction = parallax.predict((2, 2), np.zeros((80, 96), np.float32))
    _, seen = true_places(View(4, 4), 2)
    assert prediction.relevance[seen].mean() > prediction.relevance[~seen].mean() + 0.1


def test_a_picture_that_shows_something_else_is_trusted_nowhere():
    luma = np.full((80, 96), 40, np.float32)
    prediction = Parallax.of(exact_probes(), luma).predict((1, 0), luma + 90)
    assert prediction.relevance.max() < 0.01 and prediction.misfit > 80


def test_a_mirrored_grid_is_not_trusted():
    assert not Parallax.of(exact_probes(wrong=True), np.zeros((80, 96), np.float32)).trusted


@pytest.mark.parametrize(
    ("shape", "view", "expected"),
    [
        ((5, 5), View(2, 2), {(0, 0), (0, 4), (4, 0), (4, 4)}),
        ((5, 5), View(0, 0), {(0, 4), (4, 0), (4, 4)}),
        ((1, 9), View(0, 4), {(0, 0), (0, 8)}),
        ((17, 17), View(8, 8), {(4, 4), (4, 12), (12, 4), (12, 12)}),
        ((1, 2), View(0, 0), {(0, 1)}),
        ((1, 1), View(0, 0), set()),
    ],
)
def test_probes_are_the_corners_round_the_reference(shape, view, expected):
    probes = probe_views(Grid.of(*shape), view)
    assert set(probes) == {View(*corner) for corner in expected}
    assert all(max(map(abs, step(view, probe))) <= REACH for probe in probes)


class Counted:
    """A run over the grid with the centre as reference: scores by view, and how many searches it took."""

    def __init__(self, sharp: np.ndarray, lows: dict[View, np.ndarray], guide: bool):
        engine = engine_of("stream_ref")
        grid = Grid.of(*sharp.shape[:2])
        reference = Reference(("r",), Fraction(0), "r", lambda: sharp[CENTRE])
        guided = GuidedEngine(
            engine,
            grid,
            lambda place: lows[place.view],
            {("r",): Place(CENTRE)},
            lambda frame: Place(frame.stamp),
            guide,
        )
        encoded = guided.encode(reference)
        self.scores, self.positions = {}, {}
        for index, view in enumerate(grid):
            frame = Frame(lows[view], index, view)
            field = guided.match(frame, encoded, None)
            picture = guided.restore(frame, [Matched(encoded, field)])
            self.scores[view] = psnr_y(eight_bit(picture), sharp[view])
            self.positions[view] = on_host(field.positions)
        self.searched, self.guided, self.mistrusted = guided.searched, guided.guided, guided.mistrusted


def test_guided_matching_searches_four_views_and_loses_nothing(sharp):
    lows = {view: degrade(sharp[view]) for view in Grid.of(5, 5)}
    free, guided = Counted(sharp, lows, False), Counted(sharp, lows, True)
    assert (free.searched, free.guided) == (25, 0)
    assert (guided.searched, guided.guided) == (4, 25)
    assert np.mean(list(guided.scores.values())) > np.mean(list(free.scores.values())) - 0.05
    alone = engine_of("stream_ref")
    for view, low in lows.items():
        single = psnr_y(eight_bit(alone.restore(Frame(low, 0, view), [])), sharp[view])
        assert guided.scores[view] > single


def test_in_a_mirrored_grid_every_view_is_searched_and_it_is_told(sharp):
    mirrored = np.ascontiguousarray(sharp[:, ::-1])
    lows = {view: degrade(mirrored[view]) for view in Grid.of(5, 5)}
    run = Counted(mirrored, lows, True)
    assert run.mistrusted and run.guided == 0 and run.searched == 25 + 4


def test_a_view_that_fits_badly_is_searched_from_the_prediction_on(sharp):
    lows = {view: degrade(sharp[view]) for view in Grid.of(5, 5)}
    lows[View(2, 3)] = np.ascontiguousarray(np.roll(lows[View(2, 3)], (5, 5), (1, 2)))
    run = Counted(sharp, lows, True)
    assert run.searched == 5 and run.guided == 24


def test_other_frames_of_a_light_field_video_are_told_through_one_search_each():
    scene, grid, size = random_scene(np.random.default_rng(3), width=160, planes=(3, 4)), Grid.of(3, 3), Size(160, 128)
    sharp = {
        Place(view, frame): eight_bit(render(scene, 1.5 * frame, size, view=(view.row - 1.0, view.column - 1.0)))
        for frame in range(3)
        for view in grid
    }
    lows = {place: degrade(pixels) for place, pixels in sharp.items()}
    stands = {("a",): Place(View(1, 1), 0), ("b",): Place(View(1, 1), 2)}
    scores = {}
    for guide in (False, True):
        engine = engine_of("stream_ref")
        guided = GuidedEngine(
            engine, grid, lows.__getitem__, stands, lambda frame: Place(frame.stamp, frame.index), guide
        )
        references = [Reference(key, Fraction(0), "r", lambda at=at: sharp[at]) for key, at in stands.items()]
        encoded = [guided.encode(reference) for reference in references]
        scores[guide] = []
        for place, low in lows.items():
            frame = Frame(low, place.frame, place.view)
            matched = [Matched(features, guided.match(frame, features, None)) for features in encoded]
            if place not in stands.values():
                scores[guide].append(psnr_y(eight_bit(guided.restore(frame, matched)), sharp[place]))
            assert (guided.motion(place, references[0]) is not None) == guide
    assert guided.searched == 2 * 4 + 2 * 2 and guided.guided == 2 * 27
    assert np.mean(scores[True]) > np.mean(scores[False]) - 0.1


def placed(*views: View, frame: int = 0) -> list[ViewReference]:
    return [
        ViewReference(Reference((frame, *view), Fraction(frame), str(view), lambda: np.zeros((3, 4, 4))), view, frame)
        for view in views
    ]


def test_views_come_nearest_first_and_every_one_once():
    views = [place.view for place in order(Grid.of(3, 3), 1, placed(View(0, 0)))]
    assert views[0] == View(0, 0) and set(views[1:3]) == {View(0, 1), View(1, 0)} and views[-1] == View(2, 2)
    assert sorted(views) == list(Grid.of(3, 3))


def test_the_nearest_references_serve_a_view_and_its_own_is_known():
    references = placed(View(0, 0), View(0, 4), View(4, 4))
    chosen = choose_references(Place(View(0, 3)), references, 2)
    assert [reference.origin for reference in chosen] == [str(View(0, 4)), str(View(0, 0))]
    assert own_reference(Place(View(0, 4)), references) is references[1].reference
    assert own_reference(Place(View(0, 4), 1), references) is None


def test_in_a_light_field_video_time_and_view_are_weighed():
    references = placed(View(0, 0)) + placed(View(0, 0), frame=4) + placed(View(0, 3))
    near_in_view = choose_references(Place(View(0, 3), 0), references, 1)
    assert near_in_view == (references[2].reference,)
    near_in_time = choose_references(Place(View(0, 0), 3), references, 1)
    assert near_in_time == (references[1].reference,)
