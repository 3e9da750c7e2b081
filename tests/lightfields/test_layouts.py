"""Every layout: found, read the right way round, written back as it lay. Each file is made here."""

import re
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from small_grids import MAKERS, Written, as_bytes, rendered_grid

from lfvideo_sr.errors import InputError, OutputError
from lfvideo_sr.frames import Frame, Size, View
from lfvideo_sr.lightfields import matlab
from lfvideo_sr.lightfields.field import LightField
from lfvideo_sr.lightfields.layouts import LAYOUTS
from lfvideo_sr.lightfields.opening import OpenOptions, open_light_field

ROWS, COLUMNS = 2, 3  # unequal, so that an exchange of rows and columns shows
SIZE = Size(20, 12)


@pytest.fixture(scope="module")
def grid() -> np.ndarray:
    return rendered_grid(ROWS, COLUMNS, SIZE, seed=8)


@pytest.fixture(params=list(MAKERS))
def written(request, tmp_path, grid) -> Written:
    return MAKERS[request.param](tmp_path, grid)


def views_of(field: LightField) -> np.ndarray:
    """Float [rows,columns,3,H,W], read one by one."""
    grid = field.info.grid
    return np.stack([[field.read(View(row, column)) for column in grid.columns] for row in grid.rows])


def doubled(field: LightField, path: Path) -> None:
    """Write every view at twice its size."""
    info = field.info
    sink = field.target(path, info.size.scaled(2), info.grid, info.frames)
    for index, view in enumerate(info.grid):
        sink.write(Frame(np.ascontiguousarray(field.read(view).repeat(2, 1).repeat(2, 2)), index, view))
    sink.close()


def test_it_is_found_and_read_the_right_way_round(written):
    field = open_light_field(written.path, written.options)
    assert field.info.layout == written.layout and field.info.layout in LAYOUTS
    assert field.info.size == SIZE
    np.testing.assert_allclose(views_of(field), written.views, atol=1e-6)
    assert field.info.decided
    field.close()


def target_of(written: Written) -> Path:
    path = Path(written.path.split("::")[0])
    return path.with_name(f"{path.stem}_doubled{path.suffix}")


def test_what_is_written_is_read_the_same_way(written):
    field = open_light_field(written.path, written.options)
    target = target_of(written)
    doubled(field, target)
    key = written.key_after or written.key
    named = f"{target}::/{key}" if "::" in written.path else target
    again = open_light_field(named, replace(written.options, item=None))
    assert again.info.layout in (written.layout, "array")
    np.testing.assert_allclose(views_of(again), written.views.repeat(2, -2).repeat(2, -1), atol=1 / 255 / 2 + 1e-6)
    assert again.info.samples == field.info.samples
    assert not list(target.parent.glob("*partial*"))
    field.close()
    again.close()


@pytest.mark.parametrize("name", ["hci2013", "toolbox73", "basiclfsr", "crossnet", "named_axes", "bundled"])
def test_hdf5_keeps_axes_type_and_attributes(name, tmp_path, grid):
    written = MAKERS[name](tmp_path, grid)
    field = open_light_field(written.path, written.options)
    target = target_of(written)
    doubled(field, target)
    field.close()
    with h5py.File(written.path.split("::")[0]) as old, h5py.File(target) as new:
        before, after = old[written.key], new[written.key_after or written.key]
        pixels = [side for side in before.shape if side in (*SIZE, SIZE.height * ROWS, SIZE.width * COLUMNS)]
        shape = [side * 2 if side in pixels else side for side in before.shape]
        shape[0] = 1 if name == "crossnet" else shape[0]  # the item that was chosen
        assert list(after.shape) == shape and after.dtype == before.dtype
        assert after.chunks and after.compression
        assert set(before.attrs) == set(after.attrs)
        expected = {**dict(old.attrs), **({"xRes": 40, "yRes": 24} if name == "hci2013" else {})}
        assert dict(new.attrs) == expected
        assert new.userblock_size == old.userblock_size
    header = 512 if name == "toolbox73" else 0
    path = Path(written.path.split("::")[0])
    assert target.read_bytes()[:header] == path.read_bytes()[:header]


def test_a_weight_channel_goes_along(tmp_path, grid):
    written = MAKERS["toolbox73"](tmp_path, grid)
    with open_for(written) as field:
        doubled(field, target_of(written))
    with h5py.File(target_of(written)) as file:
        assert file["LF"].shape[0] == 4 and (file["LF"][3] == 200).all()


class open_for:
    """A light field that is closed in the end."""

    def __init__(self, written: Written, **changes):
        self.field = open_light_field(written.path, replace(written.options, **changes))

    def __enter__(self) -> LightField:
        return self.field

    def __exit__(self, *_) -> None:
        self.field.close()


@pytest.mark.parametrize("mirror", [("columns",), ("rows",), ("rows", "columns")])
@pytest.mark.parametrize("transpose", [False, True])
def test_a_grid_that_lies_wrong_is_put_right_and_written_as_it_lay(tmp_path, grid, mirror, transpose):
    wrong = grid[:: -1 if "rows" in mirror else 1, :: -1 if "columns" in mirror else 1]
    wrong = wrong.swapaxes(0, 1) if transpose else wrong
    written = MAKERS["named_axes"](tmp_path, wrong)
    with open_for(written, mirror=mirror, transpose=transpose) as field:
        np.testing.assert_allclose(views_of(field), grid, atol=1e-6)
        doubled(field, target_of(written))
    again = open_light_field(target_of(written))
    np.testing.assert_allclose(views_of(again), wrong.repeat(2, -2).repeat(2, -1), atol=1 / 255)
    again.close()


def test_explicit_axes_read_what_no_layout_fits(tmp_path, grid):
    path = tmp_path / "odd.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.round(grid[::-1].transpose(2, 4, 1, 3, 0) * 65535).astype(np.uint16)
    field = open_light_field(path, OpenOptions(layout="channel,x,column,y,~row"))
    np.testing.assert_allclose(views_of(field), grid, atol=1e-4)
    assert field.info.samples == "uint16 RGB"
    field.close()


@pytest.mark.parametrize(
    "axes",
    [np.bytes_(b"column row channel y x"), [b"column", b"row", b"channel", b"y", b"x"], "column,row,channel,y,x"],
)
def test_the_attribute_axes_may_be_bytes_or_a_word_for_each_axis(tmp_path, grid, axes):
    written = MAKERS["named_axes"](tmp_path, grid)
    with h5py.File(written.path, "r+") as file:
        file["views"].attrs["axes"] = axes
    with open_for(written) as field:
        np.testing.assert_allclose(views_of(field), grid, atol=1 / 255)


def test_that_views_lose_their_transparency_is_said(tmp_path):
    clear = np.full((12, 16, 4), 90, np.uint8)
    for name in ("view_0_0", "view_0_1", "tiles_qs2x1a1"):
        Image.fromarray(clear).save(tmp_path / f"{name}.png")
    for path, first in ((tmp_path, "view_0_0.png"), (tmp_path / "tiles_qs2x1a1.png", "tiles_qs2x1a1.png")):
        field = open_light_field(path)
        assert field.info.warnings == (f"{tmp_path / first}: transparency is left out",)
        field.close()


def test_a_file_of_several_items_is_frames_unless_one_is_chosen(tmp_path, grid):
    written = MAKERS["crossnet"](tmp_path, grid)
    video = open_light_field(written.path)
    assert video.info.frames == 2
    np.testing.assert_allclose(video.read(View(1, 2), 0), 1 - grid[1, 2], atol=1e-6)
    np.testing.assert_allclose(video.read(View(1, 2), 1), grid[1, 2], atol=1e-6)
    video.close()


def test_the_sharp_part_is_taken_when_it_is_asked_for(tmp_path, grid):
    written = MAKERS["crossnet"](tmp_path, grid)
    with h5py.File(written.path, "r+") as file:
        file["img_HR"] = np.zeros((2, ROWS, COLUMNS, 3, 48, 80), np.uint8)
    with open_for(written) as low, open_for(written, sharp=True) as high:
        assert (low.info.size, high.info.size) == (SIZE, Size(80, 48))


def test_names_of_a_folder_are_kept_as_numbers(tmp_path, grid):
    written = MAKERS["view_folder"](tmp_path, grid)
    for path in sorted(Path(written.path).iterdir(), reverse=True):
        row, column = map(int, path.stem.split("_")[1:])
        path.rename(path.with_name(f"view_{row + 3}_{column + 5}.png"))
    info = open_light_field(written.path).info
    assert info.grid.rows == (3, 4) and info.grid.columns == (5, 6, 7)
    assert str(info.grid) == "2x3 views, rows 3..4, columns 5..7"


def refused(path: object, **options) -> str:
    with pytest.raises(InputError) as caught:
        open_light_field(path, OpenOptions(**options))
    assert len(str(caught.value).splitlines()) == 1 and caught.value.exit_code == 3
    return str(caught.value)


def save(path: Path, **arrays: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            file[key] = array
    return path


def test_unknown_keys_are_refused_with_the_tree_and_an_example(tmp_path):
    arrays = {"foo": np.zeros((2, 3)), "bar": np.zeros(4, np.uint8)}
    message = refused(save(tmp_path / "a.h5", **arrays))
    for part in ("foo float64 [2,3]", "bar uint8 [4]", "none of these has the axes of views"):
        assert part in message
    message = refused(save(tmp_path / "b.h5", **arrays, views_of_a_line=np.zeros((5, 8, 12, 3), np.uint8)))
    assert "b.h5::/views_of_a_line' --layout column,y,x,channel" in message


def test_several_scenes_are_refused_with_an_example(tmp_path, grid):
    message = refused(MAKERS["bundled"](tmp_path, grid).path.split("::")[0])
    assert "::/real/bench" in message and "real/other uint8" in message
    assert "no data set /nothing" in refused(f"{tmp_path / 'scenes.h5'}::/nothing")


def test_a_named_scene_of_several_is_taken_for_what_it_is(tmp_path, grid):
    """Its key says LF, so that its layout is detected as a single LF's is."""
    first = as_bytes(grid).transpose(4, 3, 2, 1, 0)  # colours first
    path = tmp_path / "scenes.h5"
    with h5py.File(path, "w") as file:
        file["bench/LF"], file["door/LF"] = first, 255 - first
    field = open_light_field(f"{path}::/door/LF")
    assert field.info.layout == "toolbox73"
    np.testing.assert_allclose(views_of(field), 1 - grid, atol=1e-6)
    field.close()


def test_a_layout_of_another_kind_of_file_is_refused_with_those_that_serve(tmp_path, grid):
    picture = MAKERS["mosaic"](tmp_path, grid).path
    assert "choose one of: eslf, mosaic" in refused(picture, layout="hci2016", grid=(ROWS, COLUMNS))
    assert "choose one of: eslf, mosaic" in refused(picture, layout="row,column,y,x,channel", grid=(ROWS, COLUMNS))
    assert "choose one of: views, crossnet" in refused(MAKERS["hci2016"](tmp_path, grid).path, layout="eslf")
    folder = MAKERS["view_folder"](tmp_path, grid).path
    assert "choose one of: folder, hci2016-folder, jpeg-pleno, gantry, mosaic" in refused(folder, layout="eslf")


def test_a_layout_by_name_reads_what_detection_reads(tmp_path, grid):
    for name in ("crossnet_sintel", "lfssr_ato"):
        written = MAKERS[name](tmp_path, grid)
        with open_for(written) as detected, open_for(written, layout=written.layout) as named:
            np.testing.assert_array_equal(views_of(named), views_of(detected))
    padded = save(tmp_path / "a.h5", img_HR=np.zeros((1, 3, 3, 8, 12), np.uint8))
    assert "no data set /img_size" in refused(padded, layout="lfssr-ato")
    two = save(tmp_path / "b.h5", first=np.zeros((8, 12)), second=np.zeros((8, 12)))
    assert "2 data sets may be those of --layout views" in refused(two, layout="views")
    assert "2 data sets have 2 axes" in refused(two, layout="basiclfsr")


def test_the_page_of_light_fields_names_every_layout():
    table = re.findall(
        r"^\| ([a-z0-9, -]+) \|", (Path(__file__).parents[2] / "docs" / "lightfields.md").read_text(), re.M
    )
    assert {name for cell in table for name in cell.split(", ")} >= set(LAYOUTS)


def test_what_fits_two_layouts_is_refused_and_settled_by_layout(tmp_path):
    path = save(tmp_path / "a.h5", LF=np.zeros((3, 8, 8, 8, 3), np.uint8))
    assert "toolbox73 or hci2016" in refused(path)
    first = open_light_field(path, OpenOptions(layout="toolbox")).info.grid
    second = open_light_field(path, OpenOptions(layout="toolbox73")).info.grid
    assert (len(first.rows), len(first.columns), len(second.rows), len(second.columns)) == (3, 8, 3, 8)


def test_three_views_in_a_row_are_no_colours(tmp_path):
    path = save(tmp_path / "a.h5", LF=np.zeros((3, 3, 8, 12, 3), np.uint8))
    assert open_light_field(path).info.size == Size(12, 8)


def test_five_axes_of_img_hr_are_told_apart_by_what_stands_beside(tmp_path):
    five = np.zeros((1, 3, 3, 8, 12), np.uint8)
    assert "with frame_number" in refused(save(tmp_path / "a.h5", img_HR=five))
    sized = save(tmp_path / "b.h5", img_HR=five, img_size=np.array([[8, 12]]))
    assert open_light_field(sized).info.layout == "lfssr-ato"
    clip = save(tmp_path / "c.h5", img_HR=five, frame_number=np.array([2]))
    info = open_light_field(clip).info
    assert info.layout == "crossnet-sintel" and len(info.grid.columns) == 2


def test_small_data_sets_and_attributes_that_hold_no_numbers_are_no_crash(tmp_path, grid):
    five = np.zeros((1, 3, 3, 8, 12), np.uint8)
    for number, wrong in enumerate((np.array([[b"a", b"b"]]), np.array([[0, 12]]), np.array([[8]]))):
        assert "img_size" in refused(save(tmp_path / f"{number}.h5", img_HR=five, img_size=wrong))
    assert "frame_number is none of a few numbers" in refused(
        save(tmp_path / "clip.h5", img_HR=five, frame_number=np.array([b"many"]))
    )
    written = MAKERS["hci2013"](tmp_path, grid)
    with h5py.File(written.path, "r+") as file:
        file.attrs["xRes"] = "wide"
    with open_for(written) as field:
        doubled(field, target_of(written))
    with h5py.File(target_of(written)) as file:
        assert file.attrs["xRes"] == "wide" and file.attrs["yRes"] == 24


def test_one_picture_is_not_guessed(tmp_path, grid):
    written = MAKERS["mosaic"](tmp_path, grid)
    message = refused(written.path)
    assert "--layout eslf" in message and "--layout mosaic" in message
    assert "--grid" in refused(written.path, layout="mosaic")
    assert "do not divide" in refused(written.path, layout="mosaic", grid=(5, 7))


def test_a_grid_with_holes_names_them(tmp_path, grid):
    folder = Path(MAKERS["view_folder"](tmp_path, grid).path)
    (folder / "view_1_2.png").unlink()
    assert "1,2" in refused(folder)


def test_a_truncated_file_says_so(tmp_path, grid):
    path = Path(MAKERS["hci2016"](tmp_path, grid).path)
    path.write_bytes(path.read_bytes()[:2000])
    assert "cut short" in refused(path)


@pytest.mark.parametrize("name", ["hci2013", "toolbox73", "named_axes"])
def test_bytes_that_are_wrong_are_refused_in_one_line_or_do_no_harm(name, tmp_path, grid):
    written, random = MAKERS[name](tmp_path, grid), np.random.default_rng(7)
    path = Path(written.path)
    content = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(content)
        for place in random.integers(0, min(len(content), 4000), 4):
            damaged[place] = random.integers(0, 256)
        path.write_bytes(damaged)
        try:
            with open_for(written) as field:
                field.read(field.info.grid.centre)
        except InputError as error:
            assert len(str(error).splitlines()) == 1


def test_a_truncated_matlab_file_says_so(tmp_path, grid):
    path = Path(MAKERS["toolbox"](tmp_path, grid).path)
    path.write_bytes(path.read_bytes()[:3000])
    assert "cut short" in refused(path)


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "NaN"), (np.inf, "NaN or infinite"), (200.0, "scale them to [0,1]")]
)
def test_floats_that_are_no_picture_are_refused_when_read(tmp_path, grid, value, message):
    views = grid.transpose(0, 1, 3, 4, 2).copy()
    views[1, 2, 0, 0, 0] = value
    field = open_light_field(save(tmp_path / "a.h5", LF=views))
    field.read(View(0, 0))
    with pytest.raises(InputError) as caught:
        field.read(View(1, 2))
    assert message in str(caught.value) and "view 1,2" in str(caught.value)
    field.close()


def test_views_of_unequal_size_are_refused(tmp_path, grid):
    folder = Path(MAKERS["view_folder"](tmp_path, grid).path)
    from lfvideo_sr.media.images import write_png

    write_png(folder / "view_1_1.png", np.zeros((3, 9, 9)))
    field = open_light_field(folder)
    with pytest.raises(InputError, match=r"view_1_1\.png is 9x9, other views are 20x12"):
        field.read(View(1, 1))


def test_a_typo_in_the_layout_is_a_usage_error_with_a_suggestion():
    from lfvideo_sr.errors import UsageError

    with pytest.raises(UsageError, match="did you mean 'hci2013'"):
        OpenOptions(layout="hci2o13")
    with pytest.raises(UsageError, match="did you mean 'column'"):
        OpenOptions(layout="row,colum,y,x,channel")


def test_an_aborted_output_leaves_nothing(written):
    field = open_light_field(written.path, written.options)
    before = sorted(target_of(written).parent.iterdir())
    sink = field.target(target_of(written), SIZE, field.info.grid, 1)
    sink.abort()
    assert sorted(target_of(written).parent.iterdir()) == before
    field.close()


def test_what_exceeds_a_variable_of_matlab_5_is_refused_before_it_is_made(tmp_path, grid, monkeypatch):
    """Its limit is lowered here: an input whose result exceeds the real one has 134 MB."""
    written = MAKERS["toolbox"](tmp_path, grid)
    monkeypatch.setattr(matlab, "LIMIT", 1000)
    field = open_light_field(written.path, written.options)
    with pytest.raises(OutputError, match=r"a MATLAB v5 variable holds 2 GB, .* save the input as v7\.3"):
        field.target(tmp_path / "out.mat", Size(80, 48), field.info.grid, 1)
    field.close()
    assert not list(tmp_path.glob("out*"))
