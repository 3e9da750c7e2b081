"""What is white, and what luma means, is read of the samples and the files; never assumed."""

from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from command_line import report_of
from small_grids import MAKERS, as_bytes, rendered_grid, studio

from lfvideo_sr.errors import InputError
from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.carried import rgb_of
from lfvideo_sr.lightfields.opening import OpenOptions, open_light_field
from lfvideo_sr.lightfields.samples import levels_of
from lfvideo_sr.media.images import read_image, read_picture, write_png
from lfvideo_sr.media.resize import degrade
from lfvideo_sr.media.sample_range import likely_white, stated_white

BICUBIC = ("--method", "bicubic", "--progress", "plain")
ROWS, COLUMNS = 2, 3


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    return rendered_grid(ROWS, COLUMNS, Size(64, 48), seed=8)


@pytest.fixture(scope="module")
def low(sharp) -> np.ndarray:
    return np.stack([[degrade(view) for view in row] for row in sharp])


def ppm(path: Path, view: np.ndarray, white: int) -> Path:
    """[3,h,w] in [0,1] -> a PPM with that maximum."""
    kind = ">u2" if white > 255 else "u1"
    samples = np.round(view.transpose(1, 2, 0) * white).astype(kind)
    header = f"P6\n# made by a test\n{view.shape[2]} {view.shape[1]}\n{white}\n"
    path.write_bytes(header.encode() + samples.tobytes())
    return path


@pytest.mark.parametrize("white", [31, 255, 1023, 4095, 16383, 65535])
def test_the_maximum_that_a_ppm_states_is_white(tmp_path, low, white):
    picture = read_picture(ppm(tmp_path / "a.ppm", low[0, 0], white))
    np.testing.assert_allclose(picture.pixels, low[0, 0], atol=0.51 / min(white, 255))
    assert picture.white == white and picture.stated


@pytest.mark.parametrize("white", [31, 255, 1023])
def test_samples_that_are_written_as_text_are_read_as_bytes_are(tmp_path, low, white):
    samples = np.round(low[0, 0].transpose(1, 2, 0) * white).astype(int)
    text = "\n".join(" ".join(map(str, row.ravel())) for row in samples)
    (tmp_path / "text.ppm").write_text(f"P3\n# made by a test\n16 12\n{white}\n{text}\n")
    (tmp_path / "text.pgm").write_text(f"P2 16 12 {white}\n" + " ".join(map(str, samples[..., 1].ravel())))
    binary = read_picture(ppm(tmp_path / "bytes.ppm", low[0, 0], white))
    read = read_picture(tmp_path / "text.ppm")
    assert np.array_equal(read.pixels, binary.pixels) and read[1:] == binary[1:] and read.white == white
    assert np.array_equal(read_picture(tmp_path / "text.pgm").pixels, binary.pixels[[1, 1, 1]])


@pytest.mark.parametrize("samples", ["1 2", "1 2 x", "1 2 -1", "1 2 9999999999999999999999"])
def test_text_that_is_no_picture_is_refused(tmp_path, samples):
    (tmp_path / "in.pgm").write_text(f"P2 3 1 31\n{samples}\n")
    with pytest.raises(InputError, match=r"in\.pgm is no picture that can be read"):
        read_picture(tmp_path / "in.pgm")


def test_a_pgm_is_read_as_a_ppm_is(tmp_path, low):
    grey = np.round(low[0, 0, 1] * 1023).astype(">u2")
    (tmp_path / "lf_0_0.pgm").write_bytes(b"P5\n16 12\n1023\n" + grey.tobytes())
    (tmp_path / "lf_0_1.pgm").write_bytes(b"P5\n16 12\n1023\n" + grey.tobytes())
    np.testing.assert_allclose(open_light_field(tmp_path).read(View(0, 1))[2], low[0, 0, 1], atol=1e-3)


def test_a_header_states_its_maximum_whatever_is_between():
    assert stated_white(b"P6 4 3 # four by three\n#and\n1023\n") == 1023 and stated_white(b"P5\n4\n3\n255 ") == 255
    assert stated_white(b"\x89PNG\r\n") is None and stated_white(b"P6\n4 3\n0\n") is None


@pytest.mark.parametrize(
    ("peak", "white"), [(1023, 1023), (300, 1023), (1024, 4095), (4095, 4095), (4096, 65535), (0, 65535), (255, 65535)]
)
def test_a_range_that_is_filled_by_a_fourth_is_taken(peak, white):
    assert likely_white([np.array([0, 1, 2], np.uint16), np.array([peak], np.uint16)]) == white


def test_a_dark_picture_of_eight_bits_in_sixteen_stays_dark(tmp_path, low):
    dark = np.round(low[0, 0] * 12) / np.float32(255)
    write_png(tmp_path / "a.png", dark, 16)
    np.testing.assert_allclose(read_image(tmp_path / "a.png"), dark, atol=1e-5)


def deep_png(path: Path, view: np.ndarray, white: int) -> Path:
    cv2.imwrite(str(path), np.round(view.transpose(1, 2, 0)[..., ::-1] * white).astype(np.uint16))
    return path


def test_ten_bits_in_a_png_of_sixteen_are_seen_and_the_user_may_say_otherwise(run, tmp_path, low):
    path = deep_png(tmp_path / "a.png", low[0, 0], 1023)
    np.testing.assert_allclose(read_image(path), low[0, 0], atol=1e-3)
    assert read_image(path, 65535).max() < 0.02
    with pytest.raises(InputError, match=r"a\.png has samples up to \d+, above the white 500; pass --white"):
        read_image(path, 500)
    outcome = run("image", path, *BICUBIC[:2])
    assert outcome.code == 0 and "white 1023 in the input" in outcome.out
    assert abs(read_image(tmp_path / "a_x4.png").mean() - low[0, 0].mean()) < 0.01
    assert run("image", path, "--white", "65535", "--overwrite", *BICUBIC[:2]).code == 0
    assert read_image(tmp_path / "a_x4.png", 65535).max() < 0.02


def test_references_of_ten_bits_are_as_bright_as_others(run, tmp_path, sharp, low):
    write_png(tmp_path / "low.png", low[0, 0])
    for name in (ppm(tmp_path / "ref.ppm", sharp[0, 0], 1023), deep_png(tmp_path / "ref.png", sharp[0, 0], 1023)):
        outcome = run("image", tmp_path / "low.png", "--ref", name, "-o", tmp_path / f"{name.suffix[1:]}_sr.png",
                      "--method", "flow_transfer")  # fmt: skip
        assert outcome.code == 0 and "1 of 1 used" in outcome.out
    field = Path(MAKERS["view_folder"](tmp_path, low).path)
    outcome = run("lightfield", field, "--refs", tmp_path / "ref.ppm", "--ref-view", "0,0", *BICUBIC[2:],
                  "--method", "flow_transfer")  # fmt: skip
    assert outcome.code == 0
    np.testing.assert_allclose(read_image(tmp_path / "views_x4" / "view_0_0.png"), sharp[0, 0], atol=2e-3)


def test_a_folder_of_deep_views_has_one_white_also_for_its_dark_ones(tmp_path, low):
    for row, column in np.ndindex(ROWS, COLUMNS):
        dark = 0.05 if (row, column) == (1, 1) else 1
        deep_png(tmp_path / f"view_{row}_{column}.png", low[row, column] * dark, 4095)
    field = open_light_field(tmp_path)
    assert field.info.samples == "uint16 RGB, white 4095"
    np.testing.assert_allclose(field.read(View(1, 1)), low[1, 1] * 0.05, atol=1e-3)


def test_an_array_of_ten_bits_comes_out_in_ten_bits_and_its_pictures_are_as_bright(run, tmp_path, low):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["LF"] = np.round(low.transpose(0, 1, 3, 4, 2) * 1023).astype(np.uint16)
    outcome = run("lightfield", path, "--mosaic", tmp_path / "m.png", *BICUBIC)
    assert outcome.code == 0 and "uint16 RGB, white 1023" in outcome.out
    with h5py.File(tmp_path / "a_x4.h5") as file:
        written = file["LF"][...]
    assert written.dtype == np.uint16 and 500 < written.max() <= 1023
    assert abs(read_image(tmp_path / "m.png").mean() - low.mean()) < 0.01


def test_a_view_brighter_than_what_was_seen_as_white_is_refused_and_not_cut(tmp_path):
    views = np.full((3, 3, 8, 12, 3), 900, np.uint16)
    views[0, 1] = 2000  # neither the centre nor a corner
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["LF"] = views
    field = open_light_field(path)
    with pytest.raises(InputError, match=r"view 0,1 .* up to 2000, above the white 1023; pass --white 2000"):
        field.read(View(0, 1))
    field.close()
    field = open_light_field(path, OpenOptions(white=4095))
    assert field.read(View(0, 1)).max() == pytest.approx(2000 / 4095)
    field.close()


def test_floats_up_to_255_are_read_where_the_user_says_so(tmp_path, low):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["LF"] = low.transpose(0, 1, 3, 4, 2) * 255
    field = open_light_field(path, OpenOptions(white=255))
    np.testing.assert_allclose(field.read(View(1, 2)), low[1, 2], atol=1e-6)
    field.close()


def test_luma_is_of_sixteen_to_235_unless_its_samples_show_more():
    grey = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 8, 8)
    assert levels_of([studio(grey)], grey.dtype, studio=True) == pytest.approx((16 / 255, 235 / 255))
    assert levels_of([grey], grey.dtype, studio=True) == (0, 1)
    assert levels_of([np.round(studio(grey) * 255).astype(np.uint8)], np.dtype(np.uint8), studio=True) == (16, 235)
    assert levels_of([studio(grey)], grey.dtype) == (0, 1)


def basiclfsr(folder: Path, sharp: np.ndarray, low: np.ndarray) -> Path:
    """As its test files are: luma of both resolutions, and chroma at the high one, all of them transposed mosaics."""
    grey = {name: studio(views.mean(2)) for name, views in (("Hr_SAI_y", sharp), ("Lr_SAI_y", low))}
    chroma = np.zeros((2, COLUMNS * 64, ROWS * 48), np.float32)
    for row, column in np.ndindex(ROWS, COLUMNS):
        chroma[:, column * 64 : (column + 1) * 64, row * 48 : (row + 1) * 48] = (128 + 10 * row + 20 * column) / 255
    with h5py.File(folder / "scene.h5", "w") as file:
        for name, views in grey.items():
            file[name] = views.transpose(0, 2, 1, 3).reshape(ROWS * views.shape[2], -1).T
        file["Sr_SAI_cbcr"] = chroma
    return folder / "scene.h5"


def test_the_score_of_luma_is_that_of_the_luma_there_is(run, tmp_path, sharp, low):
    path = basiclfsr(tmp_path, sharp, low)
    target = tmp_path / "sr.h5"
    options = ("--grid", f"{ROWS}x{COLUMNS}", "--gt", path, "-o", target)
    outcome = run("lightfield", path, *options, *BICUBIC)
    assert outcome.code == 0 and "luma, 16..235 of 255" in outcome.out and "Sr_SAI_cbcr goes along" in outcome.out
    with h5py.File(path) as old, h5py.File(target) as new:
        views = [file["Hr_SAI_y"][...].reshape(COLUMNS, 64, ROWS, 48)[:, 4:-4, :, 4:-4] for file in (old, new)]
        np.testing.assert_array_equal(old["Sr_SAI_cbcr"][...], new["Sr_SAI_cbcr"][...])
    errors = ((views[0] - views[1]) ** 2).mean((1, 3))
    psnr = report_of(target)["metrics"]["all_frames"]["psnr_y"]["mean"]
    assert psnr == pytest.approx(float((-10 * np.log10(errors)).mean()), abs=0.05)


def test_chroma_of_the_chosen_views_goes_along_and_becomes_rgb_on_request(run, tmp_path, sharp, low):
    path = basiclfsr(tmp_path, sharp, low)
    options = ("--grid", f"{ROWS}x{COLUMNS}", "--views", "1,1:2", "-o", tmp_path / "sr.h5", "--rgb", tmp_path / "rgb")
    assert run("lightfield", path, *options, *BICUBIC).code == 0
    with h5py.File(tmp_path / "sr.h5") as file:
        chroma = file["Sr_SAI_cbcr"][...] * 255
    assert chroma.shape == (2, 2 * 64, 48)
    np.testing.assert_allclose([chroma[:, :64].mean(), chroma[:, 64:].mean()], [158, 178], atol=1e-3)
    assert sorted(picture.name for picture in (tmp_path / "rgb").iterdir()) == ["view_1_1.png", "view_1_2.png"]
    red, green, blue = read_image(tmp_path / "rgb" / "view_1_2.png")
    inside = (red > 0) & (red < 1) & (green > 0) & (blue < 1)
    assert (red - green)[inside].mean() == pytest.approx(1.402 * 50 / 224 + (0.344136 + 0.714136) * 50 / 224, abs=0.01)


def test_rgb_without_chroma_is_refused_before_the_work(run, tmp_path, low):
    path = Path(MAKERS["hci2016"](tmp_path, low).path)
    assert "has no Cb and Cr" in run("lightfield", path, "--rgb", tmp_path / "rgb", *BICUBIC).line
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_rgb_of_luma_and_chroma_is_what_they_were_made_of():
    colours = np.random.default_rng(0).random((3, 4, 5), np.float32)
    red, green, blue = colours
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = np.stack([(blue - grey) / 1.772, (red - grey) / 1.402]) * 224 + 128
    np.testing.assert_allclose(rgb_of(grey, chroma / np.float32(255)), colours, atol=1e-5)
    np.testing.assert_allclose(rgb_of(grey, np.round(chroma).astype(np.uint8)), colours, atol=0.01)


def test_views_reduced_by_eight_are_not_called_sharp_when_enlarged_by_four(run, tmp_path, low):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["img_LR_8"] = as_bytes(low).transpose(0, 1, 4, 2, 3)[None]
    outcome = run("lightfield", path, "--mosaic", tmp_path / "m.png", *BICUBIC)
    assert outcome.code == 0 and "img_LR_8 holds views reduced by 8" in outcome.out
    assert "img_LR_8" in report_of(tmp_path / "a_x4.h5")["warnings"][0]
    with h5py.File(tmp_path / "a_x4.h5") as file:
        assert list(file) == ["img_LR_2"]
