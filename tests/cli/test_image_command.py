"""`lfvideo-sr image` as people meet it: what is refused and how, what is written, what is said."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_clips import rendered

from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import read_image, read_picture, write_png
from lfvideo_sr.media.reductions import matlab_degrade
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.metrics import eight_bit, psnr_y

FAST = ("--method", "flow_transfer")


@pytest.fixture
def folder(tmp_path) -> Path:
    """in.png, what it was made of (sharp.png), two other moments (a.png, b.jpg) and another scene (wrong.png)."""
    moments = rendered(0, 3, seed=3)
    write_png(tmp_path / "in.png", degrade(moments[0]))
    for name, pixels in zip(("sharp", "a", "b"), moments):
        write_png(tmp_path / f"{name}.png", pixels)
    write_png(tmp_path / "wrong.png", rendered(0, 1, seed=104, size=Size(150, 130))[0])
    cv2.imwrite(str(tmp_path / "b.jpg"), cv2.imread(str(tmp_path / "b.png")), [cv2.IMWRITE_JPEG_QUALITY, 95])
    (tmp_path / "b.png").unlink()
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def size_of(path: Path) -> tuple[int, int]:
    return read_image(path).shape[:0:-1]


def test_a_picture_with_references(run, folder):
    before = names(folder)
    outcome = run("image", folder / "in.png", "--ref", folder / "a.png", "--ref", folder / "b.jpg")
    assert outcome.code == 0 and outcome.err == ""
    assert names(folder) - before == {"in_x4.png"}
    assert size_of(folder / "in_x4.png") == (192, 128)
    assert "2 of 2 used" in outcome.out and "a.png 192x128, relevance 0." in outcome.out
    assert "48x32 -> 192x128" in outcome.out and "stream_ref" in outcome.out


def test_a_wrong_reference_is_said_and_leaves_the_result_as_without(run, folder):
    wrong = run("image", folder / "in.png", "--ref", folder / "wrong.png", "-o", folder / "w.png")
    alone = run("image", folder / "in.png", "--no-refs", "-o", folder / "n.png")
    assert wrong.code == alone.code == 0
    assert "dropped, it shows something else" in wrong.out and "no reference shows what" in wrong.out
    assert "warning" not in alone.out
    assert (folder / "w.png").read_bytes() == (folder / "n.png").read_bytes()


def test_quiet_prints_nothing(run, folder):
    outcome = run("image", folder / "in.png", "-o", folder / "q.png", *FAST, "-q")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "") and size_of(folder / "q.png") == (192, 128)


def test_without_references_it_says_that_no_detail_is_added(run, folder):
    outcome = run("image", folder / "in.png", *FAST)
    assert outcome.code == 0 and "no true detail is added" in outcome.out and "--ref" in outcome.out


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparency_is_kept(run, folder, dtype):
    picture = np.full((8, 8, 4), np.iinfo(dtype).max // 3, dtype)
    picture[:4, :, 3] = 0
    cv2.imwrite(str(folder / "clear.png"), picture)
    outcome = run("image", folder / "clear.png", "--no-refs", *FAST)
    assert "the transparency of" not in outcome.out and size_of(folder / "clear_x4.png") == (32, 32)
    alpha = cv2.imread(str(folder / "clear_x4.png"), cv2.IMREAD_UNCHANGED)[..., 3]
    assert alpha.dtype == dtype and not alpha[:8].any() and (alpha[24:] == picture[7, 0, 3]).all()


def test_a_simulation_leaves_transparency_out_and_says_so(run, folder):
    cv2.imwrite(str(folder / "clear.png"), np.full((64, 64, 4), 9, np.uint8))
    outcome = run("image", folder / "clear.png", "--simulate", "--no-refs", *FAST)
    assert outcome.code == 0 and "the transparency of" in outcome.out


def test_a_method_without_references_says_so(run, folder):
    outcome = run("image", folder / "in.png", "--ref", folder / "a.png", "--method", "bicubic")
    assert outcome.code == 0 and "bicubic takes no references" in outcome.out


def test_simulate_scores_beside_bicubic(run, folder):
    report = folder / "r.json"
    outcome = run("image", folder / "sharp.png", "--simulate", "--ref", folder / "a.png", "--report", report, *FAST)
    assert outcome.code == 0 and "PSNR-Y" in outcome.out and "SSIM-Y" in outcome.out and "bicubic" in outcome.out
    written = json.loads(report.read_text())
    assert written["metrics"]["psnr_y"] > written["metrics"]["bicubic_psnr_y"] + 1
    assert written["metrics"]["ssim_y"] > written["metrics"]["bicubic_ssim_y"]
    assert written["simulated"] and written["input_size"] == "48x32" and written["output_size"] == "192x128"


def test_a_true_picture_scores_the_result(run, folder):
    """What it is larger by is cut off; it is no reference of its folder."""
    write_png(folder / "truth.png", np.pad(read_image(folder / "sharp.png"), ((0, 0), (0, 3), (0, 2)), mode="edge"))
    report = folder / "r.json"
    options = ("--ref", folder, "--gt", folder / "truth.png", "-o", folder / "o.png", "--report", report)
    outcome = run("image", folder / "in.png", *options, *FAST)
    written = json.loads(report.read_text())
    assert outcome.code == 0 and "PSNR-Y" in outcome.out and " of 4 used" in outcome.out
    by_hand = psnr_y(eight_bit(read_image(folder / "o.png")), eight_bit(read_image(folder / "sharp.png")))
    assert written["metrics"]["psnr_y"] == pytest.approx(by_hand, abs=1e-3)


def test_a_true_picture_has_the_white_of_the_input(run, folder):
    """A dark picture of 16 bits looks like one of 10."""
    for name, width in (("low.png", 48), ("truth.png", 192)):
        dark = np.tile(np.linspace(0, 0.015, width, dtype=np.float32), (3, width * 2 // 3, 1))
        write_png(folder / name, dark, bit_depth=16)
    options = ("--gt", folder / "truth.png", "--white", 65535, "--report", folder / "r.json", "--method", "bicubic")
    assert run("image", folder / "low.png", *options).code == 0
    assert json.loads((folder / "r.json").read_text())["metrics"]["psnr_y"] > 50


def test_matlabs_reduction_by_name(run, folder):
    write_png(folder / "small.png", matlab_degrade(read_image(folder / "sharp.png")))
    options = ("--method", "bicubic", "--overwrite")
    assert run("image", folder / "sharp.png", "--simulate", "--reduction", "matlab", *options).code == 0
    assert run("image", folder / "small.png", *options).code == 0
    assert (folder / "sharp_x4.png").read_bytes() == (folder / "small_x4.png").read_bytes()


def test_a_reference_without_detail_is_said(run, folder):
    write_png(folder / "large.png", bicubic(read_image(folder / "in.png"), Size(192, 128)).clip(0, 1))
    outcome = run("image", folder / "in.png", "--ref", folder / "large.png", *FAST)
    assert "large.png 192x128: dropped, it has no detail that the picture lacks" in outcome.out
    assert "warning     no reference has detail that" in outcome.out


@pytest.mark.parametrize(("height", "width"), [(4, 8), (13, 17), (31, 50)])
def test_simulate_of_odd_and_tiny_pictures(run, folder, height, width):
    write_png(folder / "small.png", read_image(folder / "sharp.png")[:, :height, :width])
    outcome = run("image", folder / "small.png", "--simulate", "--ref", folder / "a.png", "--report", folder / "r.json")
    assert outcome.code == 0, outcome.err
    assert size_of(folder / "small_x4.png") == (width // 4 * 4, height // 4 * 4)
    json.loads((folder / "r.json").read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


LISTED = {
    "input", "output", "input_size", "output_size", "bit_depth", "references", "seconds", "method", "device", "dtype",
    "engine", "version", "warnings", "simulated", "white",
}  # fmt: skip


def test_the_report(run, folder):
    references = [word for name in ("wrong.png", "a.png") for word in ("--ref", folder / name)]
    assert run("image", folder / "in.png", *references, "--report", folder / "r.json", "--device", "cpu").code == 0
    report = json.loads((folder / "r.json").read_text())
    assert set(report) == LISTED
    assert report["input"] == str(folder / "in.png") and report["output"] == str(folder / "in_x4.png")
    assert (report["method"], report["device"], report["bit_depth"]) == ("stream_ref", "cpu", 8)
    best, other = report["references"]
    assert best["source"] == str(folder / "a.png") and best["used"] and best["relevance"] > 0.3
    assert other["size"] == "150x130" and other["worthless"] and not other["used"]


def test_sixteen_bits_stay_sixteen(run, folder):
    pixels = np.linspace(0.2, 0.21, 3 * 32 * 48, dtype=np.float32).reshape(3, 32, 48)
    write_png(folder / "deep.png", pixels, bit_depth=16)
    assert run("image", folder / "deep.png", "--method", "bicubic").code == 0
    restored = read_picture(folder / "deep_x4.png")
    assert restored.bit_depth == 16
    assert len(np.unique(restored.pixels)) > 300  # eight bits would leave four levels


def test_grey_and_odd_sizes(run, folder):
    cv2.imwrite(str(folder / "grey.png"), (read_image(folder / "in.png")[1, :19, :33] * 255).astype(np.uint8))
    assert run("image", folder / "grey.png", "--ref", folder / "a.png").code == 0
    assert size_of(folder / "grey_x4.png") == (132, 76)


def test_a_folder_of_references(run, folder):
    stills = folder / "stills"
    stills.mkdir()
    for name in ("a.png", "b.jpg", "wrong.png"):
        (folder / name).rename(stills / name)
    (stills / "notes.txt").write_text("no picture")
    outcome = run("image", folder / "in.png", "--ref", stills, "--ref", stills / "a.png", *FAST)
    assert outcome.code == 0 and " of 3 used" in outcome.out


def test_damaged_and_tiny_pictures_in_a_folder_are_left_out_by_name(run, folder):
    album = folder / "album"
    album.mkdir()
    whole = (folder / "a.png").read_bytes()
    (album / "a.png").write_bytes(whole)
    (album / "cut.png").write_bytes(whole[: len(whole) // 2])
    write_png(album / "tiny.png", np.zeros((3, 3, 3)))
    outcome = run("image", folder / "in.png", "--ref", album, *FAST)
    assert outcome.code == 0 and "references  1 of 1 used" in outcome.out
    assert "warning     left out: cut.png is no picture that can be read" in outcome.out
    assert "warning     left out: tiny.png is 3x3, too small for a reference" in outcome.out
    (album / "a.png").unlink()
    assert "cut.png is no picture" in run("image", folder / "in.png", "--ref", album, *FAST, "--overwrite").line
    (folder / "in_x4.png").unlink()
    assert "cut.png is no picture" in run("image", folder / "in.png", "--ref", album / "cut.png", *FAST).line


def test_the_input_and_the_target_are_no_references_of_their_folder(run, folder):
    for _ in range(2):
        outcome = run("image", folder / "in.png", "--ref", folder, "--overwrite", *FAST)
        assert outcome.code == 0 and " of 4 used" in outcome.out


# what is refused


def test_existing_targets_are_kept_and_overwrite_is_named(run, folder):
    (folder / "in_x4.png").write_text("precious")
    outcome = run("image", folder / "in.png", *FAST)
    assert outcome.code == 3 and "--overwrite" in outcome.line
    assert (folder / "in_x4.png").read_text() == "precious"
    assert run("image", folder / "in.png", *FAST, "--overwrite").code == 0
    assert size_of(folder / "in_x4.png") == (192, 128)


@pytest.mark.parametrize("target", ["in.png", "a.png"])
@pytest.mark.parametrize("option", ["-o", "--report"])
def test_what_is_read_is_never_written(run, folder, target, option):
    before = (folder / target).read_bytes()
    outcome = run("image", folder / "in.png", "--ref", folder / "a.png", option, folder / target, "--overwrite", *FAST)
    assert outcome.code == 3 and target in outcome.line
    assert (folder / target).read_bytes() == before


REFUSED = {
    "missing input": (["nowhere.png"], 3, "nowhere.png cannot be read"),
    "no picture": (["text.png"], 3, "text.png is no picture"),
    "a folder as input": (["empty"], 3, "empty"),
    "missing reference": (["in.png", "--ref", "nowhere.jpg"], 3, "no reference at nowhere.jpg"),
    "reference that is no picture": (["in.png", "--ref", "text.png"], 3, "text.png is no picture"),
    "tiny reference": (["in.png", "--ref", "tiny.png"], 3, "tiny.png is 3x2"),
    "empty folder of references": (["in.png", "--ref", "empty"], 3, "empty holds no pictures"),
    "no folder for the output": (["in.png", "-o", "gone/out.png"], 3, "gone is no folder"),
    "a folder as output": (["in.png", "-o", "folder.png"], 3, "folder.png is a folder"),
    "another kind of output": (["in.png", "-o", "out.jpg"], 3, "end -o in .png"),
    "no folder for the report": (["in.png", "--report", "gone/r.json"], 3, "--report"),
    "one name for both": (["in.png", "-o", "o.png", "--report", "o.png"], 3, "--report"),
    "references and none": (["in.png", "--ref", "a.png", "--no-refs"], 2, "--no-refs contradicts --ref"),
    "unknown method": (["in.png", "--method", "strem_ref"], 2, "did you mean 'stream_ref'?"),
    "unknown option": (["in.png", "--reef", "a.png"], 2, "--reef"),
    "a truth of another size": (["in.png", "--gt", "in.png"], 3, "the truth in.png is 48x32, the result 192x128"),
    "a missing truth": (["in.png", "--gt", "nowhere.png"], 3, "nowhere.png cannot be read"),
    "two truths": (["in.png", "--gt", "sharp.png", "--simulate"], 2, "drop --gt"),
    "unknown reduction": (["sharp.png", "--simulate", "--reduction", "matlb"], 2, "did you mean 'matlab'?"),
    "too small to reduce": (["tiny.png", "--simulate"], 3, "3x2 cannot be reduced"),
    "missing weights": (["in.png", "--method", "stream_ref", "--weights", "nowhere"], 3, "nowhere"),
    "missing device": (["in.png", "--method", "stream_ref", "--device", "tpu"], 4, "tpu"),
}


@pytest.mark.parametrize(("arguments", "code", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_are_one_line_and_leave_nothing(run, folder, monkeypatch, arguments, code, message):
    monkeypatch.chdir(folder)
    Path("text.png").write_text("no picture")
    Path("empty").mkdir()
    Path("folder.png").mkdir()
    write_png("tiny.png", np.zeros((3, 2, 3), np.float32))
    before = names(folder)
    outcome = run("image", *arguments, *([] if "--method" in arguments else FAST))
    assert outcome.code == code and message in outcome.line
    assert names(folder) == before


def test_help_lists_the_options(run):
    outcome = run("image", "--help")
    assert outcome.code == 0 and all(option in outcome.out for option in ("--ref", "--simulate", "--no-refs"))
