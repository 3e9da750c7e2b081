"""A folder of sharp views of which some are damaged."""

import pytest
from small_grids import rendered_grid

from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade


@pytest.fixture
def folders(tmp_path):
    """A grid of 2x2 views, and two of them sharp, of which that at 0,0 lacks its end."""
    grid = rendered_grid(2, 2)
    for name in ("views", "sharp"):
        (tmp_path / name).mkdir()
    for row in range(2):
        for column in range(2):
            write_png(tmp_path / "views" / f"view_{row}_{column}.png", degrade(grid[row, column]))
    for place in (0, 1):
        write_png(tmp_path / "sharp" / f"view_{place}_{place}.png", grid[place, place])
    damaged = tmp_path / "sharp" / "view_0_0.png"
    damaged.write_bytes(damaged.read_bytes()[:2000])
    return tmp_path / "views", tmp_path / "sharp"


def test_a_damaged_sharp_view_is_left_out_by_name(run, folders, tmp_path):
    views, sharp = folders
    command = ("lightfield", views, "--refs", sharp, "--method", "flow_transfer")
    outcome = run(*command, "-o", tmp_path / "out")
    assert outcome.code == 0 and "refs: view_1_1.png at view 1,1, " in outcome.out
    assert "warning     left out: view_0_0.png is no picture that can be read" in outcome.out


def test_it_is_refused_where_it_was_asked_for_or_is_the_only_one(run, folders, tmp_path):
    views, sharp = folders
    command = ("lightfield", views, "--refs", sharp, "--method", "flow_transfer", "-o", tmp_path / "out")
    assert "view_0_0.png is no picture" in run(*command, "--ref-view", "0,0").line
    (sharp / "view_1_1.png").unlink()
    assert "sharp holds no pictures that can be read: view_0_0.png is no picture" in run(*command).line
    assert not (tmp_path / "out").exists()
