"""How many views lie behind a lens is measured in the picture, and never assumed."""

import numpy as np
import pytest
from PIL import Image
from small_grids import rendered_grid

from lfvideo_sr.errors import InputError
from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.lenslet_pitch import measured_pitch
from lfvideo_sr.lightfields.opening import open_light_field
from lfvideo_sr.media.images import read_image, write_png

BICUBIC = ("--method", "bicubic", "--progress", "none")


SIZE = Size(40, 30)


def interleaved(rows: int, columns: int, size: Size = SIZE) -> np.ndarray:
    """[3, rows * h, columns * w]: views that lie behind the same lenses."""
    grid = rendered_grid(rows, columns, size, seed=8)
    picture = grid.transpose(2, 3, 0, 4, 1).reshape(3, size.height * rows, size.width * columns)
    return np.ascontiguousarray(picture)


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (5, 5), (9, 9), (7, 5), (14, 14)])
def test_the_pitch_is_that_of_the_picture(rows, columns):
    assert measured_pitch(interleaved(rows, columns).transpose(1, 2, 0)) == (rows, columns)


def test_dark_views_at_the_rim_of_a_lens_do_not_hide_it():
    grid = rendered_grid(7, 7, Size(40, 30), seed=2).copy()
    for row, column in np.ndindex(7, 7):
        grid[row, column] *= max(0.0, 1 - ((row - 3) ** 2 + (column - 3) ** 2) / 16)
    picture = grid.transpose(3, 0, 4, 1, 2).reshape(30 * 7, 40 * 7, 3)
    assert measured_pitch(picture) == (7, 7)


def test_a_picture_without_lenses_has_no_pitch():
    photograph = rendered_grid(1, 1, Size(160, 120), seed=4)[0, 0].transpose(1, 2, 0)
    assert measured_pitch(photograph) is None and measured_pitch(np.zeros((40, 40, 3), np.float32)) is None


def test_a_picture_that_is_called_eslf_is_read_by_its_own_pitch(run, tmp_path):
    write_png(tmp_path / "scene_eslf.png", interleaved(5, 5))
    field = open_light_field(tmp_path / "scene_eslf.png")
    assert "5x5 by the pitch of its lenses" in field.info.decided
    np.testing.assert_allclose(field.read(View(1, 3)), rendered_grid(5, 5, Size(40, 30), seed=8)[1, 3], atol=1e-6)
    write_png(tmp_path / "flat_eslf.png", np.zeros((3, 56, 56), np.float32))
    with pytest.raises(InputError, match="does not show how many pixels lie behind a lens; pass --grid"):
        open_light_field(tmp_path / "flat_eslf.png")


def test_whatever_picture_holds_the_views_the_result_is_a_png_of_its_own(run, tmp_path):
    picture = (interleaved(3, 3, Size(16, 12)) * 255).astype(np.uint8).transpose(1, 2, 0)
    for ending, target in (("bmp", "lf_x4.png"), ("tif", "lf_tif_x4.png")):
        Image.fromarray(picture).save(tmp_path / f"lf.{ending}")
        options = (tmp_path / f"lf.{ending}", "--layout", "eslf", "--grid", "3x3", "--method", "bicubic")
        assert run("lightfield", *options).code == 0
        assert read_image(tmp_path / target).shape == (3, 4 * 36, 4 * 48)
        assert "already done" in run("lightfield", *options).out
