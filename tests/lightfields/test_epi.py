"""Slopes of epipolar-plane images, and pictures of a grid."""

from itertools import pairwise

import numpy as np
import pytest
from small_grids import rendered_grid

from lfvideo_sr.errors import InputError
from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.epi import grid_slope_error, slope_error, slopes
from lfvideo_sr.lightfields.grid import Grid, distance
from lfvideo_sr.lightfields.walk import walk_of
from lfvideo_sr.media.luma import studio_luma
from lfvideo_sr.media.resize import bicubic, degrade


def shifted(disparity: float, count: int = 3) -> np.ndarray:
    """Lumas [count,h,w] of a smooth picture that moves left by `disparity` from view to view."""
    x = np.arange(96)[None, :] + disparity * (np.arange(count) - count // 2)[:, None]
    line = 120 + 60 * np.sin(x / 5) + 30 * np.sin(x / 11 + 1)
    return np.repeat(line[:, None], 40, 1)


@pytest.mark.parametrize("disparity", [-0.8, 0.0, 0.5, 1.0])
def test_the_slope_is_the_disparity(disparity):
    measured = slopes(shifted(disparity))
    inner = measured.disparity[4:-4, 8:-8][measured.energy[4:-4, 8:-8] > np.median(measured.energy)]
    assert np.abs(inner - disparity).mean() < 0.05


def test_the_error_is_the_difference_of_slopes():
    assert slope_error(shifted(0.5), shifted(0.5)) == 0
    assert slope_error(shifted(0.9), shifted(0.5)) == pytest.approx(0.4, abs=0.08)


def test_bicubic_bends_the_lines_of_a_rendered_grid():
    size, grid = Size(128, 96), Grid.of(3, 3)
    sharp = rendered_grid(3, 3, size)
    truth = {view: studio_luma(sharp[view]) for view in grid}
    blurred = {view: studio_luma(np.clip(bicubic(degrade(sharp[view]), size), 0, 1)) for view in grid}
    assert grid_slope_error(truth, truth, grid) == 0
    assert grid_slope_error(blurred, truth, grid) > 0.05


def test_two_views_have_no_slope():
    with pytest.raises(InputError, match="no three views in a line"):
        grid_slope_error({}, {}, Grid.of(2, 2))


@pytest.mark.parametrize("shape", [(5, 5), (1, 9), (4, 3), (1, 1), (3, 1)])
def test_a_walk_goes_to_neighbours_and_sees_all(shape):
    grid = Grid.of(*shape)
    walk = walk_of(grid)
    assert set(walk) == set(grid)
    assert all(distance(view, neighbour) == 1 for view, neighbour in pairwise(walk))


def test_names_of_views_are_where_cameras_stand():
    grid = Grid.holding([View(row, column) for row in (3, 5, 7) for column in (3, 5, 7)], "daisy")
    assert grid.centre == View(5, 5) and grid.place(View(7, 3)) == (2, 0)
    assert distance(View(3, 3), View(5, 3)) == 4
