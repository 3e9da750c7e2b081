"""Folders of views under the names that tools give them: known, or refused with a pattern that fits; parts of grids."""

from pathlib import Path

import numpy as np
import pytest
from small_grids import MAKERS, rendered_grid

from lfvideo_sr.errors import InputError
from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.name_patterns import example_for, patterns_of
from lfvideo_sr.lightfields.opening import OpenOptions, open_light_field
from lfvideo_sr.media.images import read_image, write_png

BICUBIC = ("--method", "bicubic", "--progress", "none")
SIZE = Size(20, 12)


@pytest.fixture(scope="module")
def grid() -> np.ndarray:
    return rendered_grid(2, 3, SIZE, seed=8)


def folder_of(folder: Path, grid: np.ndarray, name: str) -> Path:
    """Named by a format of r and c."""
    folder.mkdir(parents=True)
    for r, c in np.ndindex(*grid.shape[:2]):
        write_png(folder / name.format(r=r, c=c), grid[r, c])
    return folder


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("{r}_{c}.png", "{row}_{column}.png"),
        ("View_{r}_{c}.png", None),
        ("Bikes_2_{r}_{c}.png", "Bikes_2_{row}_{column}.png"),
        ("lf_{r}_{c}.png", "lf_{row}_{column}.png"),
        ("in_{r:02}_{c:02}.png", "in_{row}_{column}.png"),
        ("{r:03}_{c:03}.png", "{row}_{column}.png"),
        ("c{c}-r{r}.png", "c{column}-r{row}.png"),
        ("shot_x{c}_y{r}.png", "shot_x{column}_y{row}.png"),
    ],
)
def test_two_numbers_in_every_name_are_row_and_column(tmp_path, grid, name, pattern):
    folder = folder_of(tmp_path / "views", grid, name)
    write_png(folder / "thumbnail.png", grid[0, 0])
    field = open_light_field(folder)
    np.testing.assert_allclose(field.read(View(1, 2)), grid[1, 2], atol=1e-6)
    assert len(field.info.grid) == 6 and (pattern is None or pattern in field.info.decided)


@pytest.mark.parametrize(("name", "first"), [("{n:04}.png", 0), ("cam_{n}_lr.png", 1), ("pic{n}.png", 97)])
def test_numbered_pictures_are_a_grid_row_by_row_where_its_shape_is_known(run, tmp_path, grid, name, first):
    folder = tmp_path / "views"
    folder.mkdir()
    for r, c in np.ndindex(2, 3):
        write_png(folder / name.format(n=first + 3 * r + c), grid[r, c])
    write_png(folder / "thumbnail.png", grid[0, 0])
    with pytest.raises(InputError, match="--grid ROWSxCOLUMNS"):
        open_light_field(folder)
    np.testing.assert_allclose(
        open_light_field(folder, OpenOptions(grid=(2, 3))).read(View(1, 2)), grid[1, 2], atol=1e-6
    )
    command = ("lightfield", folder, "--grid", "2x3", "-o", tmp_path / "out", *BICUBIC, "--views", "0:2,1:3")
    assert run(*command, "--mosaic", tmp_path / "all.png").code == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == sorted(
        name.format(n=first + 3 * r + c) for r in range(2) for c in (1, 2)
    )
    part = open_light_field(tmp_path / "out", OpenOptions(grid=(2, 2)))
    assert part.read(View(1, 1)).shape == (3, 48, 80)
    with pytest.raises(InputError, match="--grid ROWSxCOLUMNS"):
        open_light_field(folder, OpenOptions(grid=(2, 2)))


def test_jpeg_pleno_counts_columns_first_and_is_written_under_names_that_say_which_is_which(run, tmp_path, grid):
    folder = folder_of(tmp_path / "pleno", grid, "{c:03}_{r:03}.png")
    for path in list(folder.iterdir()):
        view = np.round(read_image(path).transpose(1, 2, 0) * 1023).astype(">u2")
        path.with_suffix(".ppm").write_bytes(b"P6\n20 12\n1023\n" + view.tobytes())
        path.unlink()
    field = open_light_field(folder)
    assert field.info.layout == "jpeg-pleno" and field.info.samples == "uint16 RGB, white 1023"
    np.testing.assert_allclose(field.read(View(1, 2)), grid[1, 2], atol=1e-3)
    assert run("lightfield", folder, "--mosaic", tmp_path / "m.png", *BICUBIC).code == 0
    assert "view_1_2.png" in {path.name for path in (tmp_path / "pleno_x4").iterdir()}


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("cam7.png", "cam{column}.png"),
        ("Cam_07_03_9.png", "Cam_07_{row}_{column}.png"),
        ("a.png", "view_{row}_{column}.png"),
    ],
)
def test_a_refusal_gives_a_pattern_that_fits_the_names(tmp_path, grid, name, example):
    write_png(tmp_path / name, grid[0, 0])
    with pytest.raises(InputError) as caught:
        open_light_field(tmp_path)
    assert f"'{example}'" in str(caught.value) and example_for(name) == example


def test_two_kinds_of_names_are_refused_with_both(tmp_path, grid):
    folder = folder_of(tmp_path / "views", grid, "left_{r}_{c}.png")
    folder_of(tmp_path / "other", grid, "right_{r}_{c}.png")
    for path in (tmp_path / "other").iterdir():
        path.rename(folder / path.name)
    with pytest.raises(InputError, match=r"left_\{row\}_\{column\}\.png and right_\{row\}_\{column\}\.png"):
        open_light_field(folder)


def test_dates_and_numbers_that_do_not_vary_are_no_views():
    named = [Path(f"IMG_20240101_12000{second}.jpg") for second in range(5)]
    assert patterns_of(named) == [] and patterns_of([Path("0_1.png")]) == []
    assert patterns_of([Path(f"s1_{frame}_{row}_{row}.png") for frame in range(2) for row in range(3)]) == []


def test_a_pattern_of_one_number_is_a_single_line(tmp_path, grid):
    folder = folder_of(tmp_path / "views", grid, "view_{r}_{c}.png")
    row = open_light_field(folder, OpenOptions(pattern="view_1_{column}.png"))
    np.testing.assert_allclose(row.read(View(0, 2)), grid[1, 2], atol=1e-6)
    column = open_light_field(folder, OpenOptions(pattern="view_{row}_2.png"))
    assert (len(row.info.grid.rows), len(row.info.grid.columns), len(column.info.grid.rows)) == (1, 3, 2)


@pytest.mark.parametrize("config", [True, False])
def test_a_part_of_a_numbered_grid_is_numbered_so_that_it_can_be_read_again(run, tmp_path, config):
    grid = rendered_grid(4, 4, SIZE, seed=8)
    folder = Path(MAKERS["hci2016_folder"](tmp_path, grid).path)
    (folder / "parameters.cfg").unlink(missing_ok=not config)
    if config:
        text = b"[meta]\r\nscene = caf\xe9\r\n[extrinsics]\r\nnum_cams_x = 4\r\nnum_cams_y = 4\r\n"
        (folder / "parameters.cfg").write_bytes(text)
    made = ("--mosaic", tmp_path / "m.png", "--viewer", tmp_path / "v.html")
    assert run("lightfield", folder, "--views", "1:2,1:3", *made, *BICUBIC).code == 0
    target = tmp_path / "cotton_x4"
    assert [path.name for path in sorted(target.glob("*.png"))] == [f"input_Cam{number:03}.png" for number in range(6)]
    field = open_light_field(target)
    assert (len(field.info.grid.rows), len(field.info.grid.columns)) == (2, 3)
    mosaic = read_image(tmp_path / "m.png")
    np.testing.assert_allclose(mosaic[:, 48:, 160:], field.read(View(1, 2)), atol=1e-6)
    assert '"name": "2,3"' in (tmp_path / "v.html").read_text()
    if config:
        expected = text.replace(b"x = 4", b"x = 3").replace(b"y = 4", b"y = 2")
        assert (target / "parameters.cfg").read_bytes() == expected


@pytest.mark.parametrize("columns", ["0", "17"])
def test_a_number_of_columns_that_no_grid_has_is_one_line(run, tmp_path, columns):
    folder = Path(MAKERS["hci2016_folder"](tmp_path, rendered_grid(4, 4, SIZE, seed=8)).path)
    (folder / "parameters.cfg").write_text(f"[extrinsics]\nnum_cams_x = {columns}\n")
    outcome = run("lightfield", folder, *BICUBIC)
    assert outcome.code == 3 and f"has num_cams_x = {columns} for 16 views; give the views of a row" in outcome.line


def test_a_result_in_a_folder_of_pictures_of_ones_own_keeps_them(run, tmp_path, grid):
    folder = Path(MAKERS["view_folder"](tmp_path, grid).path)
    target = tmp_path / "sr"
    target.mkdir()
    write_png(target / "holiday.png", grid[0, 0])
    options = ("-o", target, "--overwrite", *BICUBIC)
    assert run("lightfield", folder, *options).code == 0
    assert len(list(target.iterdir())) == 7
    assert run("lightfield", folder, "--views", "0:1,0:1", *options).code == 0  # what the run before has left goes
    assert {path.name for path in target.iterdir()} == {
        "holiday.png",
        *(f"view_{r}_{c}.png" for r in "01" for c in "01"),
    }


def test_other_endings_become_png_and_a_pattern_is_kept(run, tmp_path, grid):
    folder = folder_of(tmp_path / "views", grid, "a{r}b{c}.png")
    for path in list(folder.iterdir()):
        path.rename(path.with_suffix(".bmp"))  # read by content
    options = ("--pattern", "a{row}b{column}.bmp", "--mosaic", tmp_path / "m.png", *BICUBIC)
    assert run("lightfield", folder, *options).code == 0
    assert read_image(tmp_path / "m.png").shape == (3, 96, 240)


def test_a_name_that_is_no_text_is_written_all_the_same(run, tmp_path, grid):
    made = MAKERS["eslf"](tmp_path, grid)
    path = tmp_path / "\udcff_eslf.png"
    Path(made.path).rename(path)
    viewer = tmp_path / "v.html"
    assert run("lightfield", path, "--grid", "2x3", "--viewer", viewer, *BICUBIC).code == 0
    assert r"\udcff_eslf.png" in viewer.read_text(encoding="utf-8")
