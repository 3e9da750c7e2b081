"""Quilts: tiles from the bottom left are one row of views, in pictures, folders and videos."""

from pathlib import Path

import numpy as np
import pytest
from small_clips import uneven, write_clip
from small_grids import rendered_grid

from lfvideo_sr.errors import InputError
from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.opening import OpenOptions, open_light_field
from lfvideo_sr.lightfields.quilt import tiles_in_name
from lfvideo_sr.media.images import read_image, write_png
from lfvideo_sr.media.resize import degrade

TILES = (2, 3)  # rows, columns
BICUBIC = ("--method", "bicubic", "--progress", "plain")


@pytest.fixture(scope="module")
def sweep() -> np.ndarray:
    """[6,3,h,w], from left to right."""
    return rendered_grid(1, 6, Size(32, 24), seed=8)[0]


def quilt(views: np.ndarray) -> np.ndarray:
    rows = [np.concatenate(list(views[start : start + TILES[1]]), 2) for start in (3, 0)]
    return np.ascontiguousarray(np.concatenate(rows, 1))


@pytest.fixture
def picture(tmp_path, sweep) -> Path:
    write_png(tmp_path / "toy_qs3x2a1.33.png", quilt(sweep))
    return tmp_path / "toy_qs3x2a1.33.png"


def test_a_name_says_columns_first():
    assert tiles_in_name("a_qs8x6a0.75.png") == (6, 8) and tiles_in_name("a_QS5X9.mp4") == (9, 5)
    assert tiles_in_name("quilt.png") is None and tiles_in_name("a_qs0x6.png") is None


def test_its_tiles_are_one_row_from_the_bottom_left(run, picture, sweep):
    field = open_light_field(picture)
    assert field.info.layout == "quilt" and str(field.info.grid).startswith("1x6 views")
    for number, view in enumerate(sweep):
        np.testing.assert_allclose(field.read(View(0, number)), view, atol=1e-6)
    assert "one sweep, in 2x3 tiles from the bottom left" in run("lightfield", "info", picture).out


def test_what_is_restored_has_its_tiles_where_they_were(run, tmp_path, picture, sweep):
    made = ("--mosaic", tmp_path / "m.png")
    assert run("lightfield", picture, *made, *BICUBIC).code == 0
    result, row = read_image(tmp_path / "toy_qs3x2a1.33_x4.png"), read_image(tmp_path / "m.png")
    assert result.shape == (3, 2 * 96, 3 * 128) and row.shape == (3, 96, 6 * 128)
    np.testing.assert_allclose(result[:, 96:, :128], row[:, :, :128], atol=1e-6)  # the first, at the bottom left
    np.testing.assert_allclose(result[:, :96, 256:], row[:, :, 640:], atol=1e-6)
    assert run("lightfield", picture, "--views", "0,1:4", "-o", tmp_path / "part.png", *BICUBIC).code == 0
    assert read_image(tmp_path / "part.png").shape == (3, 96, 4 * 128)


def test_called_a_mosaic_of_its_tiles_it_is_a_quilt_whose_views_are_named_by_tile(run, tmp_path, picture, sweep):
    sharp = rendered_grid(1, 1, Size(128, 96), seed=3)[0, 0]
    write_png(tmp_path / "low_qs3x2.png", quilt(np.stack([degrade(sharp)] * 6)))
    write_png(tmp_path / "sharp.png", sharp)
    options = ("--layout", "mosaic", "--grid", "2x3", "--refs", tmp_path / "sharp.png", "-o", tmp_path / "sr.png")
    where = ("--ref-view", "1,2", "--method", "flow_transfer")
    outcome = run("lightfield", tmp_path / "low_qs3x2.png", *options, *where)
    assert outcome.code == 0 and "quilt" in outcome.out and "sharp.png at view 0,2" in outcome.out
    np.testing.assert_allclose(read_image(tmp_path / "sr.png")[:, 96:, 256:], sharp, atol=1e-6)
    outside = run("lightfield", picture, *options, "--overwrite", "--ref-view", "2,0", "--method", "bicubic")
    assert outside.code == 3 and "2,0 is no tile" in outside.line
    plain = open_light_field(picture, OpenOptions(layout="mosaic", grid=(1, 3)))
    assert plain.info.layout == "mosaic"


def test_quilts_as_frames_of_a_video_or_a_folder(run, tmp_path, sweep):
    frames = [quilt(sweep), quilt(sweep[:, :, ::-1])]
    video = write_clip(tmp_path / "clip_qs3x2.mkv", frames, uneven)
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(frames):
        write_png(folder / f"{number}.png", frame)
    for path, options in ((video, OpenOptions()), (folder, OpenOptions(layout="quilt", grid=TILES))):
        field = open_light_field(path, options)
        np.testing.assert_allclose(field.read(View(0, 4), 1), sweep[4, :, ::-1], atol=0.02)
        assert field.info.frames == 2 and len(field.info.grid) == 6
        field.close()
    assert run("lightfield", folder, "--layout", "quilt", "--grid", "2x3", *BICUBIC).code == 0
    again = open_light_field(tmp_path / "frames_x4", OpenOptions(layout="quilt", grid=TILES))
    small = degrade(again.read(View(0, 5), 1))
    np.testing.assert_allclose(small.mean(), sweep[5].mean(), atol=0.01)


def test_a_quilt_whose_tiles_do_not_divide_it_is_refused(tmp_path, sweep):
    write_png(tmp_path / "a_qs5x2.png", quilt(sweep))
    with pytest.raises(InputError, match="do not divide"):
        open_light_field(tmp_path / "a_qs5x2.png")
