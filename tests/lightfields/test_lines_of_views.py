"""Grids of which only lines are there: crosses, stars, diagonals; and corners that show nothing."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from small_clips import engine_of
from small_grids import rendered_grid

from lfvideo_sr.errors import InputError
from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.grid import Grid, parse_views
from lfvideo_sr.lightfields.opening import OpenOptions, open_light_field
from lfvideo_sr.lightfields.selfcheck import check_grid
from lfvideo_sr.lightfields.walk import walk_of
from lfvideo_sr.media.images import read_image, write_png
from lfvideo_sr.media.resize import degrade, resized
from lfvideo_sr.metrics import psnr_y
from lfvideo_sr.stream.grid_job import GridJob
from lfvideo_sr.stream.grid_options import GridOptions
from lfvideo_sr.stream.guided import probe_views

FAST = ("--method", "flow_transfer", "--progress", "plain")
CROSS = [View(2, column) for column in range(5)] + [View(row, 2) for row in (0, 1, 3, 4)]
STAR = sorted({*CROSS, *(View(n, n) for n in range(5)), *(View(n, 4 - n) for n in range(5))})


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    return rendered_grid(5, 5, Size(96, 64), seed=2)


def written(folder: Path, sharp: np.ndarray, views: list[View]) -> Path:
    folder.mkdir()
    for view in views:
        write_png(folder / f"view_{view.row}_{view.column}.png", degrade(sharp[view]))
    return folder


@pytest.mark.parametrize("views", [CROSS, STAR, [View(n, n) for n in range(5)], [View(3, n) for n in range(5)]])
def test_whole_lines_through_a_view_are_a_grid(views):
    grid = Grid.holding(views, "a folder")
    assert sorted(grid) == sorted(views) and len(grid) == len(views) and View(0, 1) not in grid
    assert grid.centre == (View(3, 2) if len(grid.rows) == 1 else View(2, 2))
    assert set(walk_of(grid)) == set(views) and grid.sampled()[0] == grid.centre


@pytest.mark.parametrize(
    "views",
    [
        [*CROSS[:3], *CROSS[4:], View(0, 3)],
        [view for view in Grid.of(3, 3) if view != View(0, 0)],
        [View(0, 0), View(0, 1), View(1, 0)],
    ],
)
def test_holes_are_still_refused(views):
    with pytest.raises(InputError, match=r"lacks .* add them"):
        Grid.holding(views, "a folder")


def test_probes_are_on_the_lines_and_parts_can_be_chosen():
    grid = Grid.holding(CROSS, "a folder")
    assert set(probe_views(grid, View(2, 2))) == {View(0, 2), View(4, 2), View(2, 0), View(2, 4)}
    assert list(parse_views("2,0:4", grid)) == [View(2, column) for column in range(5)]
    with pytest.raises(InputError, match="chooses no view"):
        parse_views("0:1,0:1", grid)


def test_a_cross_is_restored_with_its_pictures(run, tmp_path, sharp):
    folder = written(tmp_path / "cross", sharp, CROSS)
    write_png(tmp_path / "sharp.png", sharp[2, 2])
    made = ("--mosaic", tmp_path / "m.png", "--viewer", tmp_path / "v.html", "--epi", tmp_path / "e.png")
    outcome = run("lightfield", folder, "--refs", tmp_path / "sharp.png", *made, "--video", tmp_path / "w.mp4", *FAST)
    assert outcome.code == 0 and "5x5 views, rows 0..4, columns 0..4, 9 of them in lines through 2,2" in outcome.out
    field = open_light_field(tmp_path / "cross_x4")
    others = [view for view in CROSS if view != View(2, 2)]
    gains = [psnr_y(field.read(view), sharp[view]) - psnr_y(enlarged(sharp[view]), sharp[view]) for view in others]
    assert min(gains) > 2
    mosaic = read_image(tmp_path / "m.png")
    assert not mosaic[:, :64, :96].any() and mosaic[:, :64, 2 * 96 : 3 * 96].any()
    views = json.loads(re.search(r"const data = (.*);\n", (tmp_path / "v.html").read_text())[1])["views"]
    assert views[0][0] is None and views[0][2]["name"] == "0,2"


def enlarged(view: np.ndarray) -> np.ndarray:
    return resized(degrade(view), Size(96, 64))


def test_a_transposed_cross_and_what_its_grid_looks_like(tmp_path, sharp):
    field = open_light_field(
        written(tmp_path / "line", sharp, [View(1, n) for n in range(5)]), OpenOptions(transpose=True)
    )
    assert list(field.info.grid) == [View(n, 1) for n in range(5)]
    cross = open_light_field(written(tmp_path / "cross", sharp, CROSS), OpenOptions(mirror=("rows",)))
    np.testing.assert_allclose(cross.read(View(0, 2)), degrade(sharp[4, 2]), atol=1e-6)
    assert check_grid(open_light_field(tmp_path / "cross")).disparity is not None


def test_corners_that_show_nothing_are_no_probes_and_no_mirrored_grid(tmp_path, sharp):
    for view in Grid.of(5, 5):
        corner = view.row in (0, 4) and view.column in (0, 4)
        write_png(tmp_path / f"view_{view.row}_{view.column}.png", degrade(sharp[view]) * (0.02 if corner else 1))
    write_png(tmp_path / "sharp.png", sharp[2, 2])
    options = GridOptions(refs=(str(tmp_path / "sharp.png"),), views="2,3")
    with GridJob(tmp_path, engine_of("stream_ref"), options) as job:
        (restored,) = job
        assert job.engine.guided == 1 and not job.warnings
    assert psnr_y(restored.frame.pixels, sharp[2, 3]) > psnr_y(enlarged(sharp[2, 3]), sharp[2, 3]) + 2
    assert check_grid(open_light_field(tmp_path)).problem == ""


def test_a_probe_that_cannot_be_used_is_replaced_by_its_neighbour():
    dark = {View(0, 0), View(4, 4), View(4, 3)}
    probes = probe_views(Grid.of(5, 5), View(2, 2), lambda view: view not in dark)
    assert probes == [View(0, 1), View(3, 4), View(0, 4), View(4, 0)]
    assert probe_views(Grid.of(3, 3), View(1, 1), lambda view: False) == []
