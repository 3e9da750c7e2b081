"""The sign self-check finds every way a grid can lie wrong, on rendered scenes whose sense is known."""

import numpy as np
import pytest
from small_grids import rendered_grid

from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.field import FieldInfo
from lfvideo_sr.lightfields.grid import Grid
from lfvideo_sr.lightfields.selfcheck import check_grid
from lfvideo_sr.lightfields.turned import TurnedField


class Rendered:
    """A light field in memory."""

    def __init__(self, views: np.ndarray):
        self._views = views
        size = Size(views.shape[-1], views.shape[-2])
        self.info = FieldInfo("rendered", "array", "made", Grid.of(*views.shape[:2]), size, "float32 RGB")

    def read(self, view: View, frame: int = 0) -> np.ndarray:
        return self._views[view]

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def field() -> Rendered:
    return Rendered(rendered_grid(5, 5, Size(256, 192), seed=2))


def test_a_right_grid_is_left_alone(field):
    verdict = check_grid(field)
    assert verdict.problem == "" and verdict.sure
    assert 0.3 < verdict.disparity[0] < verdict.disparity[1] < 3  # the renderer's things all lie before the focal plane


def test_exchanged_rows_and_columns_are_found(field):
    verdict = check_grid(TurnedField(field, transpose=True))
    assert verdict.transpose and "exchanged" in verdict.problem


@pytest.mark.parametrize("axis", ["rows", "columns"])
def test_one_mirrored_axis_is_found(field, axis):
    verdict = check_grid(TurnedField(field, mirror=frozenset({axis})))
    assert "mirrored" in verdict.problem and len(verdict.mirror) == 1
    assert verdict.mirror == (axis,) or not verdict.sure


def test_both_mirrored_are_told_by_what_hides_what(field):
    verdict = check_grid(TurnedField(field, mirror=frozenset({"rows", "columns"})))
    assert verdict.mirror == ("rows", "columns")


def test_a_still_grid_and_a_single_view_say_that_nothing_can_be_told():
    picture = np.repeat(rendered_grid(1, 1, Size(64, 48), seed=2), 3, 1)
    assert not check_grid(Rendered(picture)).sure
    single = check_grid(Rendered(picture[:, :1]))
    assert single.disparity is None and "single view" in single.note
