"""Views of cameras that differ in exposure, white balance and gamma keep their colours and take part all the same."""

import numpy as np
import pytest
from small_clips import engine_of
from small_grids import rendered_grid

from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.grid import Grid
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.metrics import psnr_y
from lfvideo_sr.stream.evening import EvenedViews, change_between
from lfvideo_sr.stream.grid_job import GridJob
from lfvideo_sr.stream.grid_options import GridOptions

SIZE = Size(128, 96)


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    return rendered_grid(3, 3, SIZE, seed=2)


def coloured(view: np.ndarray, gain: tuple[float, ...], gamma: float = 1.0) -> np.ndarray:
    return np.clip(np.array(gain, np.float32)[:, None, None] * view**gamma, 0, 1).astype(np.float32)


@pytest.mark.parametrize(("gain", "gamma"), [((0.8, 0.85, 0.9), 1.0), ((1.1, 1.0, 0.9), 1.0), ((0.95, 0.9, 0.9), 1.3)])
def test_a_change_of_colours_is_found_in_a_view_from_elsewhere_and_undone(sharp, gain, gamma):
    base, other = degrade(sharp[1, 1]), degrade(sharp[0, 2])
    view = coloured(other, gain, gamma)
    change = change_between(view, base)
    assert np.abs(change(view) - other).mean() < 0.6 * np.abs(view - other).mean()
    np.testing.assert_allclose(change.back(change(view)), view, atol=1e-4)


def test_views_of_one_camera_and_views_that_show_nothing_are_left_alone(sharp):
    base = degrade(sharp[1, 1])
    assert change_between(degrade(sharp[2, 0]), base) is None
    assert change_between(np.zeros_like(base), base) is None and change_between(base * 0.01, base) is None


def test_what_is_brighter_than_the_others_can_show_stays(sharp):
    base = degrade(sharp[1, 1])
    view = base / max(1.0, float(base.max())) * np.float32(0.7)
    view[:, 4:8, 4:8] = 1
    change = change_between(view, base)
    large = bicubic(np.clip(change(view), 0, 1), SIZE)
    restored = change.restored(np.clip(large, 0, 1), view)
    assert restored[:, 20:28, 20:28].min() > 0.97


def test_each_view_is_read_in_the_colours_of_the_base_whose_own_are_untouched(sharp):
    views = {view: degrade(sharp[view]) for view in Grid.of(3, 3)}
    views[View(0, 0)] = coloured(views[View(0, 0)], (0.8, 0.8, 0.8))
    evened = EvenedViews(lambda view, frame: views[view], View(1, 1))
    assert abs(evened.read(View(0, 0)).mean() - degrade(sharp[0, 0]).mean()) < 0.02
    assert evened.read(View(1, 1)) is views[View(1, 1)] and evened.read(View(2, 2)) is views[View(2, 2)]
    assert evened.changed == 1


def test_a_rig_of_different_cameras_gains_from_one_sharp_view_and_keeps_its_colours(tmp_path, sharp):
    random = np.random.default_rng(3)
    truth = {}
    for view in Grid.of(3, 3):
        gain = (1.0, 1.0, 1.0) if view == View(1, 1) else tuple(random.uniform(0.75, 1.0) * random.uniform(0.94, 1, 3))
        truth[view] = coloured(sharp[view], gain)
        write_png(tmp_path / f"view_{view.row}_{view.column}.png", degrade(truth[view]))
    write_png(tmp_path / "sharp.png", sharp[1, 1])
    with GridJob(tmp_path, engine_of("stream_ref"), GridOptions(refs=(str(tmp_path / "sharp.png"),))) as job:
        results = {restored.frame.stamp: restored for restored in job}
    for view, restored in results.items():
        low = degrade(truth[view])
        np.testing.assert_allclose(restored.source.pixels, low, atol=1e-6)
        assert np.abs(restored.frame.pixels.mean((1, 2)) - low.mean((1, 2))).max() < 1 / 255
        if view != View(1, 1):
            assert psnr_y(restored.frame.pixels, truth[view]) > psnr_y(bicubic(low, SIZE), truth[view]) + 2
