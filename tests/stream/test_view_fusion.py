"""Views that take from each other: when they do, when they do not, and that order and memory do not matter."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from small_clips import engine_of
from small_grids import rendered_grid

from lfvideo_sr.frames import Frame, Size, View
from lfvideo_sr.lightfields.grid import Grid
from lfvideo_sr.matching.view_samples import FusionInput
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.stream import view_fusion
from lfvideo_sr.stream.guided import Place
from lfvideo_sr.stream.view_fusion import FusingEngine, disparity_bounds

SIZE = Size(96, 80)


@pytest.fixture(scope="module")
def low() -> np.ndarray:
    sharp = rendered_grid(3, 3, SIZE, seed=2)
    return np.stack([[degrade(view) for view in row] for row in sharp])


@pytest.fixture
def trusting(monkeypatch) -> None:
    """The network is asked whatever the noise: small, busy views differ from a bicubic prediction as noisy ones do."""
    monkeypatch.setattr(view_fusion, "_CLEAN", np.inf)


def fusing(low: np.ndarray, fuse: Callable[[FusionInput], np.ndarray], read: list | None = None) -> FusingEngine:
    def read_view(place: Place) -> np.ndarray:
        if read is not None:
            read.append(place)
        return low[place.view.row, place.view.column]

    grid = Grid.of(*low.shape[:2])
    return FusingEngine(engine_of("bicubic"), fuse, grid, read_view, lambda frame: Place(frame.stamp, frame.index))


def nothing(seen: FusionInput) -> np.ndarray:
    return np.zeros_like(seen.planes[0])


def frame_of(low: np.ndarray, view: View, index: int = 0) -> Frame:
    return Frame(low[view.row, view.column], index, view)


def test_what_the_network_adds_is_added_to_the_luma(low, trusting):
    frame = frame_of(low, View(1, 1))
    plain, more = (fusing(low, lambda seen, levels=levels: nothing(seen) + levels) for levels in (0, 1))
    pictures = [engine.restore_frame(frame, []).pixels for engine in (plain, more)]
    inner = (pictures[0] > 0.05) & (pictures[0] < 0.95)
    assert np.allclose((pictures[1] - pictures[0])[inner], 1 / 219, atol=1e-3)
    assert (more.fused, more.alone) == (1, 0)


def test_a_network_sees_the_view_and_how_many_neighbours_were_measured(low, trusting):
    shown = []
    engine = fusing(low, lambda seen: shown.append(seen) or nothing(seen))
    engine.restore(frame_of(low, View(0, 0)), [])
    weight = shown[0].planes[3]
    cells = weight.reshape(SIZE.height // 4, 4, SIZE.width // 4, 4).sum((1, 3))
    assert 3 < cells.mean() <= 9.01  # its own pixel, and most of eight others


def test_a_result_that_does_not_fit_the_view_is_not_taken(low, trusting):
    frame = frame_of(low, View(1, 1))
    alone = engine_of("bicubic").restore(frame, [])
    for wrong in (20.0, np.nan):
        engine = fusing(low, lambda seen, wrong=wrong: nothing(seen) + wrong)
        assert np.array_equal(engine.restore(frame, []), alone)
        assert (engine.fused, engine.alone) == (0, 1)


def test_a_network_is_asked_of_clean_views_and_not_of_noisy_ones():
    sharp = rendered_grid(3, 3, SIZE, seed=2)
    smooth = [
        [cv2.GaussianBlur(view.transpose(1, 2, 0), (0, 0), 3.0).transpose(2, 0, 1) for view in row] for row in sharp
    ]
    clean = np.stack([[degrade(view) for view in row] for row in smooth])
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 4 / 255, clean.shape), 0, 1).astype(np.float32)
    for views, times in ((clean, 1), (noisy, 0)):
        asked: list[FusionInput] = []
        engine = fusing(views, lambda seen, asked=asked: asked.append(seen) or nothing(seen))
        engine.restore(frame_of(views, View(1, 1)), [])
        assert (engine.fused, len(asked)) == (1, times)


def test_views_of_something_else_take_nothing_from_each_other(low):
    noise = np.random.default_rng(0).random(low.shape).astype(np.float32)
    engine = fusing(noise, lambda seen: nothing(seen) + 1)
    frame = frame_of(noise, View(1, 1))
    assert np.array_equal(engine.restore(frame, []), engine_of("bicubic").restore(frame, []))
    assert engine.alone == 1


def test_views_without_texture_take_nothing_from_each_other(low):
    flat = np.full_like(low, 0.5)
    engine = fusing(flat, lambda seen: nothing(seen) + 1)
    engine.restore(frame_of(flat, View(1, 1)), [])
    assert engine.alone == 1


def test_the_order_of_views_does_not_matter(low, trusting):
    def total(seen: FusionInput) -> np.ndarray:
        return np.clip(seen.planes[2], -2, 2)

    views = [View(*place) for place in np.ndindex(3, 3)]
    first, second = fusing(low, total), fusing(low, total)
    one = {view: first.restore(frame_of(low, view), []) for view in views}
    other = {view: second.restore(frame_of(low, view), []) for view in reversed(views)}
    assert all(np.array_equal(one[view], other[view]) for view in views)


def test_each_view_is_read_once_more_at_most(low):
    read: list[Place] = []
    engine = fusing(low, nothing, read)
    for place in np.ndindex(3, 3):
        engine.restore(frame_of(low, View(*place)), [])
    assert len(read) == 9


def test_each_frame_of_a_light_field_video_has_its_own_disparities(low, trusting):
    moved = np.roll(low, 3, -1)

    def read(place: Place) -> np.ndarray:
        return (low, moved[::-1, ::-1])[place.frame][place.view.row, place.view.column]  # the grid is turned round

    grid, asked = Grid.of(3, 3), []
    engine = FusingEngine(
        engine_of("bicubic"), lambda seen: asked.append(seen) or nothing(seen), grid, read,
        lambda frame: Place(frame.stamp, frame.index),
    )  # fmt: skip
    for index in (0, 1):
        engine.restore(Frame(read(Place(View(1, 1), index)), index, View(1, 1)), [])
    assert engine.fused == 2
    spreads = [seen.spread.mean() for seen in asked]
    assert spreads[1] < 1.5 * spreads[0]


def test_a_light_fields_range_of_disparities_holds_those_of_the_scene(low):
    lumas = {View(*place): 255 * low[place].mean(0) for place in np.ndindex(3, 3)}
    bounds = disparity_bounds(Grid.of(3, 3), lambda view: lumas[view].astype(np.float32))
    assert bounds is not None
    assert bounds[0] < 0.15 and bounds[1] > 0.4  # far and near planes move by 0.6 and 2 output pixels
