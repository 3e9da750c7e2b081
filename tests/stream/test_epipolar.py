"""Views that agree with their neighbours: errors average out, and nothing is taken from what shows something else."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from small_clips import engine_of
from small_grids import MAKERS, rendered_grid

from lfvideo_sr.errors import UsageError
from lfvideo_sr.frames import Frame, Size, View
from lfvideo_sr.lightfields.epi import grid_slope_error
from lfvideo_sr.lightfields.grid import Grid, step
from lfvideo_sr.media.luma import studio_luma
from lfvideo_sr.references.reference import Reference
from lfvideo_sr.stream.epipolar import Agreement, agreement
from lfvideo_sr.stream.grid import order
from lfvideo_sr.stream.grid_job import GridJob
from lfvideo_sr.stream.grid_options import GridOptions
from lfvideo_sr.stream.parallax import Parallax, Probe
from lfvideo_sr.stream.pipeline import Restored
from lfvideo_sr.synthetic import flow, random_scene

SIZE = Size(128, 96)
OWN = View(2, 2)
BESIDE = (View(2, 1), View(2, 3), View(1, 2), View(3, 2), View(2, 4))


@pytest.fixture(scope="module")
def lumas() -> dict[View, np.ndarray]:
    sharp = rendered_grid(5, 5, SIZE, seed=2)
    return {view: studio_luma(sharp[view]) for view in Grid.of(5, 5)}


def exact_motion(view: View) -> np.ndarray:
    """What the renderer says: [H,W,4], to the next column and to the next row; `rendered_grid` shows the same scene."""
    scene = random_scene(np.random.default_rng(2), width=SIZE.width, planes=(3, 4))
    place = (view.row - 2.0, view.column - 2.0)
    return np.dstack(
        [
            flow(scene, 0.0, 0.0, SIZE, view_from=place, view_to=(place[0] + down, place[1] + across))[0]
            for across, down in ((1, 0), (0, 1))
        ]
    )


@pytest.fixture(scope="module")
def motion() -> np.ndarray:
    return exact_motion(OWN)


def error(luma: np.ndarray, other: np.ndarray) -> float:
    return float(np.sqrt(np.mean((luma - other)[4:-4, 4:-4] ** 2)))


def test_errors_that_differ_from_view_to_view_average_out(lumas, motion):
    rng = np.random.default_rng(0)
    noisy = {view: lumas[view] + rng.normal(0, 2, lumas[view].shape).astype(np.float32) for view in (OWN, *BESIDE)}
    neighbours = [(noisy[view], step(OWN, view)) for view in BESIDE]
    alone = error(noisy[OWN], lumas[OWN])
    assert error(noisy[OWN] + agreement(noisy[OWN], neighbours, motion, 1.0), lumas[OWN]) < 0.7 * alone


def test_detail_comes_along_the_right_lines_only(lumas, motion):
    dull = cv2.GaussianBlur(lumas[OWN], (0, 0), 0.6)
    neighbours = [(lumas[view], step(OWN, view)) for view in BESIDE]
    right, wrong = (dull + agreement(dull, neighbours, way, 1.0) for way in (motion, motion[..., [1, 0, 3, 2]]))
    assert error(right, lumas[OWN]) < 0.8 * error(dull, lumas[OWN]) < 0.85 * error(wrong, lumas[OWN])


def test_nothing_is_taken_from_what_shows_something_else(lumas, motion):
    other = np.ascontiguousarray(lumas[OWN][::-1, ::-1])
    taken = np.abs(agreement(lumas[OWN], [(other, (1, 0))], motion, 1.0))
    differs = np.abs(other - lumas[OWN]) > 20
    assert differs.mean() > 0.2 and taken[differs].mean() < 0.2


def test_brightness_stays_that_of_the_view(lumas, motion):
    brighter = lumas[View(2, 3)] + np.float32(2)
    beside = lumas[View(2, 3)], brighter
    same, changed = (agreement(lumas[OWN], [(neighbour, (1, 0))], motion, 1.0) for neighbour in beside)
    assert np.abs(changed - same).mean() < 0.1


def test_the_motion_told_by_parallax_is_the_renderers():
    probes = []
    scene = random_scene(np.random.default_rng(2), width=SIZE.width, planes=(3, 4))
    x, y = np.meshgrid(np.arange(SIZE.width, dtype=np.float32), np.arange(SIZE.height, dtype=np.float32))
    for view in (View(0, 0), View(0, 4), View(4, 0), View(4, 4)):
        shown = (view.row - 2.0, view.column - 2.0)
        moved, seen = flow(scene, 0.0, 0.0, SIZE, view_from=shown, view_to=(0.0, 0.0))
        probes.append(Probe(step(OWN, view), np.dstack([x, y]) + moved, seen.astype(np.float32)))
    parallax = Parallax.of(probes, np.zeros((SIZE.height, SIZE.width), np.float32))
    for view in (OWN, View(1, 3)):
        apart = np.abs(parallax.per_step(step(OWN, view)) - exact_motion(view)).max(-1)
        assert np.median(apart) < 0.05 and np.quantile(apart, 0.9) < 0.4


class Run:
    """The grid through an Agreement, noisy views in, the centre's own pixels passed."""

    def __init__(self, held: int):
        sharp, rng, motion = rendered_grid(5, 5, SIZE, seed=2), np.random.default_rng(1), exact_motion(OWN)
        views = [place.view for place in order(Grid.of(5, 5), 1, [])]
        reference = Reference(("r",), Fraction(0), "r", lambda: sharp[OWN])
        views_in_agreement = Agreement(views, lambda view, restored: motion, held=held)
        self.most, self.made = 0, {}
        for index, view in enumerate(views):
            noise = rng.normal(0, 0.01, (3, SIZE.height, SIZE.width)).astype(np.float32)
            frame = Frame(np.clip(sharp[view] + noise * (view != OWN), 0, 1), index, view)
            restored = Restored(frame, frame, (reference,), False, passed=view == OWN)
            self.made[view] = views_in_agreement.add(restored).frame.pixels
            self.most = max(self.most, len(list(views_in_agreement._lumas)))
        self.agreed, self.passed = views_in_agreement.agreed, sharp[OWN]
        self.left = list(views_in_agreement._lumas)
        views_in_agreement.close()


def test_only_what_later_views_need_is_kept_and_not_all_in_memory():
    run, on_disk = Run(1 << 30), Run(3 * 2 * SIZE.width * SIZE.height)
    assert run.most < 25 and run.left == [] and run.agreed == 24
    np.testing.assert_array_equal(run.made[OWN], run.passed)
    for view, pixels in run.made.items():
        np.testing.assert_array_equal(pixels, on_disk.made[view])


def test_a_grid_comes_out_nearer_to_the_truth_and_its_lines_straighter(tmp_path):
    sharp = rendered_grid(5, 5, SIZE, seed=2)[1:4, 1:4]
    path, scores, slopes = MAKERS["hci2016"](tmp_path, sharp).path, [], []
    for weight in (0.0, 0.5):
        with engine_of("stream_ref") as engine:
            job = GridJob(path, engine, GridOptions(simulate=True, epipolar=weight))
            lumas_found = {restored.frame.stamp: studio_luma(restored.frame.pixels) for restored in job}
            scores.append(np.mean([score.psnr_y for score in job.scorer.scores if not score.is_reference]))
            truth = {view: studio_luma(sharp[view]) for view in lumas_found}
            slopes.append(grid_slope_error(lumas_found, truth, Grid.of(3, 3)))
            job.close()
    assert scores[1] > scores[0] + 0.05 and slopes[1] < slopes[0]


@pytest.mark.parametrize("weight", [-0.1, 1.5])
def test_a_weight_beyond_one_is_refused(weight):
    with pytest.raises(UsageError, match="--epipolar"):
        GridOptions(epipolar=weight)
