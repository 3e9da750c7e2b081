"""`lfvideo-sr lightfield` as people meet it: what is found and said, what is written, what is refused and how."""

import json
import re
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import av
import h5py
import numpy as np
import pytest
from command_line import report_of
from small_clips import uneven, write_clip
from small_grids import HIGH, MAKERS, as_bytes, rendered_grid

from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.opening import OpenOptions, open_light_field
from lfvideo_sr.media.images import read_image, write_png
from lfvideo_sr.media.resize import bicubic, degrade
from lfvideo_sr.metrics import psnr_y

LOW = Size(HIGH.width // 4, HIGH.height // 4)
FAST = ("--method", "flow_transfer", "--progress", "none")
BICUBIC = ("--method", "bicubic", "--progress", "none")


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    return rendered_grid()


@pytest.fixture
def centre(tmp_path, sharp) -> Path:
    write_png(tmp_path / "center_hr.png", sharp[1, 1])
    return tmp_path / "center_hr.png"


def mean_psnr(path: object, sharp: np.ndarray) -> float:
    field = open_light_field(path)
    others = [View(*place) for place in np.ndindex(*sharp.shape[:2]) if place != (1, 1)]
    scores = [psnr_y(field.read(view), sharp[view]) for view in others]
    field.close()
    return float(np.mean(scores))


def test_one_sharp_view_serves_the_whole_grid(run, scene, centre, sharp, tmp_path):
    target = tmp_path / "sr.h5"
    outcome = run("lightfield", scene, "--refs", centre, "--ref-view", "1,1", "-o", target)
    assert outcome.code == 0 and outcome.err == ""
    assert "hci2016" in outcome.out and "3x3 views" in outcome.out and "center_hr.png at view 1,1" in outcome.out
    report = report_of(target)
    assert report["reference_source"] == "refs" and report["frames"] == 9
    assert report["references"][0]["frames_served"] == 9
    assert report["output_size"] == str(HIGH)
    alone = tmp_path / "alone.h5"
    assert run("lightfield", scene, "--no-refs", "-o", alone, "--progress", "none").code == 0
    assert mean_psnr(target, sharp) > mean_psnr(alone, sharp) + 3
    field = open_light_field(target)
    np.testing.assert_allclose(field.read(View(1, 1)), sharp[1, 1], atol=1e-6)  # its own pixels are passed on
    field.close()


@pytest.mark.parametrize(("left", "factor"), [(15, 2.5), (4, 1.0)], ids=["1 % wider and denser", "3:2"])
def test_a_sharp_view_of_another_aspect_or_density_serves_as_one_cut_by_hand(run, tmp_path, left, factor):
    grid = rendered_grid(1, 3, Size(192, 112), seed=5)
    views = np.ascontiguousarray(grid[..., 8:-8, 16:-16])
    scene = MAKERS["hci2016"](tmp_path, np.stack([[degrade(view) for view in row] for row in views])).path
    wider = np.ascontiguousarray(grid[0, 1][:, 8:-8, left : 192 - left])
    size = Size(round(factor * wider.shape[2]), round(factor * wider.shape[1]))
    scores = []
    for name, picture in (("by_hand", views[0, 1]), ("wider", bicubic(wider, size).clip(0, 1))):
        write_png(tmp_path / f"{name}.png", picture)
        refs = ("--refs", tmp_path / f"{name}.png", "--ref-view", "0,1")
        target = tmp_path / f"{name}.h5"
        assert run("lightfield", scene, *refs, "-o", target, *FAST).code == 0
        field = open_light_field(target)
        scores.append(np.mean([psnr_y(field.read(View(0, at)), views[0, at]) for at in (0, 2)]))
        field.close()
    assert scores[1] > scores[0] - 2


def test_a_view_without_detail_of_its_own_is_dropped_and_not_passed_on(run, scene, low, tmp_path):
    write_png(tmp_path / "enlarged.png", bicubic(low[1, 1], HIGH).clip(0, 1))
    target, alone = tmp_path / "sr.h5", tmp_path / "alone.h5"
    assert (
        run("lightfield", scene, "--refs", tmp_path / "enlarged.png", "-o", target, *FAST, "--epipolar", "0").code == 0
    )
    assert run("lightfield", scene, "--no-refs", "-o", alone, *FAST).code == 0
    (use,) = report_of(target)["references"]
    assert use["frames_served"] == 0 and "no detail" in use["changes"]
    fields = [open_light_field(path) for path in (target, alone)]
    for view in (View(1, 1), View(0, 2)):
        np.testing.assert_allclose(*(field.read(view) for field in fields), atol=1 / 255)
    for field in fields:
        field.close()


def test_without_references_the_named_view_is_the_anchor_and_a_banner_says_so(run, scene, tmp_path):
    outcome = run("lightfield", scene, "--ref-view", "0,2", "-o", tmp_path / "sr.h5", *FAST[:2])
    assert outcome.code == 0
    assert "anchor: none found: view 0,2 is an anchor" in outcome.out and "no true detail is added" in outcome.out
    assert report_of(tmp_path / "sr.h5")["reference_source"] == "anchor"


def test_the_default_target_lies_beside_the_input_and_a_second_run_is_already_done(run, scene):
    assert run("lightfield", scene, *FAST).code == 0
    target = scene.with_name("antinous_x4.h5")
    before = target.stat().st_mtime_ns
    again = run("lightfield", scene, "--method", "flow_transfer")
    assert again.code == 0 and "already done" in again.out and target.stat().st_mtime_ns == before
    other = run("lightfield", scene, "--ref-view", "0,0", *FAST)
    assert other.code == 3 and "--overwrite" in other.line
    assert run("lightfield", scene, "--ref-view", "0,0", "--overwrite", *FAST).code == 0


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_every_layout_goes_through_the_command(run, name, tmp_path, low):
    grid = rendered_grid(2, 3, Size(64, 48), seed=8)
    written = MAKERS[name](tmp_path, np.stack([[degrade(view) for view in row] for row in grid]))
    options = []
    for option, value in (("--grid", written.options.grid), ("--layout", written.options.layout)):
        if value:
            options += [option, value if isinstance(value, str) else "x".join(map(str, value))]
    options += ["--item", "1"] if written.options.item else []
    options += ["--pattern", written.options.pattern] if written.options.pattern else []
    mosaic = tmp_path / "m.png"
    outcome = run("lightfield", written.path, *options, "--mosaic", mosaic, *BICUBIC)
    assert outcome.code == 0 and outcome.err == ""
    rows = 1 if name == "crossnet_sintel" else 2
    assert read_image(mosaic).shape == (3, rows * 48, 3 * 64)
    assert not list(tmp_path.rglob("*partial*"))


def test_simulate_scores_every_view_over_its_distance(run, tmp_path, sharp):
    written = MAKERS["view_folder"](tmp_path, sharp)
    outcome = run("lightfield", written.path, "--simulate", "-o", tmp_path / "sr", "--method", "stream_ref")
    assert outcome.code == 0
    metrics = report_of(tmp_path / "sr")["metrics"]
    assert metrics["count"] == 8 and metrics["all_frames"]["count"] == 9
    assert [row["distance"] for row in metrics["by_distance"]] == [1.0, 1.41]
    assert [row["views"] for row in metrics["by_distance"]] == [4, 4]
    assert sorted(tuple(metric["view"]) for metric in metrics["frames"]) == list(np.ndindex(3, 3))
    assert all(
        metric["psnr_y"] > metric["bicubic_psnr_y"] for metric in metrics["frames"] if not metric["is_reference"]
    )
    assert metrics["psnr_y"]["mean"] > metrics["bicubic"]["psnr_y"]["mean"] + 3
    assert re.search(r"1\.41 +4 ", outcome.out)


def test_the_papers_protocol_restores_one_view_from_another(run, tmp_path, sharp):
    written = MAKERS["hci2013"](tmp_path, sharp)
    target = tmp_path / "sr.h5"
    options = ("--simulate", "--ref-view", "0,0", "--views", "2,2", "-o", target)
    assert run("lightfield", written.path, *options, *FAST).code == 0
    report = report_of(target)
    assert report["frames"] == 1 and report["metrics"]["by_distance"][0]["distance"] == 2.83
    with h5py.File(target) as file:
        assert file["LF"].shape == (1, 1, HIGH.height, HIGH.width, 3)


def test_a_file_with_both_uses_its_sharp_view(run, tmp_path, sharp, low):
    path = tmp_path / "both.h5"
    with h5py.File(path, "w") as file:
        file["img_HR"] = as_bytes(sharp).transpose(0, 1, 4, 2, 3)[None]
        file["img_LR_4"] = as_bytes(low).transpose(0, 1, 4, 2, 3)[None]
    target = tmp_path / "sr.h5"
    assert run("lightfield", path, "-o", target, "--gt", path, *FAST).code == 0
    report = report_of(target)
    assert report["reference_source"] == "same-file" and report["metrics"]["count"] == 8
    with h5py.File(target) as file:
        assert list(file) == ["img_HR"]


def test_several_references_and_a_folder_and_a_sharp_grid(run, scene, tmp_path, sharp):
    for name, view in (("a", (0, 0)), ("b", (2, 2))):
        write_png(tmp_path / f"{name}.png", sharp[view])
    refs = ("--refs", tmp_path / "a.png", "--ref-view", "0,0", "--refs", tmp_path / "b.png", "--ref-view", "2,2")
    folder = tmp_path / "some"
    folder.mkdir()
    write_png(folder / "view_0_0.png", sharp[0, 0])
    write_png(folder / "view_2_2.png", sharp[2, 2])
    grid = tmp_path / "sharp.h5"
    with h5py.File(grid, "w") as file:
        file["LF"] = as_bytes(sharp)
    chosen = ("--ref-view", "0,0", "--ref-view", "2,2")
    results = []
    for number, options in enumerate((refs, ("--refs", folder), ("--refs", grid, *chosen))):
        target = tmp_path / f"sr{number}.h5"
        outcome = run("lightfield", scene, *options, "-o", target, *FAST)
        assert outcome.code == 0 and outcome.err == ""
        assert len(report_of(target)["references"]) == 2
        with h5py.File(target) as file:
            results.append(file["LF"][:])
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_a_mirrored_input_and_its_mirrored_truth_are_read_alike(run, tmp_path, sharp, low):
    paths = []
    for name, grid in (("low", low), ("sharp", sharp)):
        paths.append(tmp_path / f"{name}.h5")
        with h5py.File(paths[-1], "w") as file:
            file["LF"] = as_bytes(grid[:, ::-1])
    target, options = tmp_path / "sr.h5", ("--mirror", "columns", "--refs", paths[1], "--gt", paths[1])
    assert run("lightfield", paths[0], *options, "--ref-view", "1,0", "-o", target, *FAST).code == 0
    metrics = report_of(target)["metrics"]
    assert metrics["psnr_y"]["mean"] > metrics["bicubic"]["psnr_y"]["mean"] + 1
    with h5py.File(target) as file:  # written as it lay: the reference's own pixels are in the last column
        np.testing.assert_array_equal(file["LF"][1, 2], as_bytes(sharp)[1, 0])


def test_views_of_a_light_field_video_keep_their_frames(run, tmp_path, sharp, low):
    path = tmp_path / "video.h5"
    frames = np.stack([low, low[:, :, :, ::-1]])
    with h5py.File(path, "w") as file:
        file["img_LR_4"] = np.stack([as_bytes(frame).transpose(0, 1, 4, 2, 3) for frame in frames])
    target = tmp_path / "sr.h5"
    outcome = run("lightfield", path, "-o", target, "--ref-every", "1", *FAST[:2])
    assert outcome.code == 0 and "2 frames" in outcome.out
    with h5py.File(target) as file:
        assert file["img_HR"].shape == (2, 3, 3, 3, HIGH.height, HIGH.width)
        first, second = file["img_HR"][0, 0, 0].astype(float), file["img_HR"][1, 0, 0].astype(float)
    assert np.abs(first[:, ::-1] - second).mean() < 2  # the second frame is the first upside down


def as_mosaic(grid: np.ndarray) -> np.ndarray:
    """[rows,columns,3,H,W] -> [3,rows*H,columns*W]"""
    rows, columns, _, height, width = grid.shape
    return np.ascontiguousarray(grid.transpose(2, 0, 3, 1, 4).reshape(3, rows * height, columns * width))


def test_a_quilt_video_comes_out_as_one_with_the_same_times(run, tmp_path, low):
    path = write_clip(tmp_path / "quilt.mkv", [as_mosaic(low), as_mosaic(low[:, :, :, ::-1]), as_mosaic(low)], uneven)
    assert "--grid 5x5" in refused(run, 3, path)
    target = tmp_path / "sr.mkv"
    outcome = run("lightfield", path, "--grid", "3x3", "-o", target, "--ref-every", "2", *FAST[:2])
    assert outcome.code == 0 and "3x3 views, rows 0..2, columns 0..2, 3 frames" in outcome.out
    with av.open(str(path)) as old, av.open(str(target)) as new:
        times = [[frame.time for frame in video.decode(video=0)] for video in (old, new)]
    assert times[0] == pytest.approx(times[1])
    result = open_light_field(target, OpenOptions(grid=(3, 3)))
    assert result.info.size == HIGH and result.info.frames == 3
    original = open_light_field(path, OpenOptions(grid=(3, 3)))
    for frame in (2, 0, 1):  # backwards too
        small = degrade(np.clip(result.read(View(2, 1), frame), 0, 1))
        assert psnr_y(small, original.read(View(2, 1), frame)) > 25
    result.close()
    original.close()


def test_a_folder_of_mosaics_is_a_light_field_video(run, tmp_path, low):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, grid in enumerate((low, low[:, :, :, ::-1])):
        write_png(folder / f"{number + 9}.png", as_mosaic(grid))  # 9, 10: by number, not by letter
    target = tmp_path / "sr"
    assert run("lightfield", folder, "--layout", "mosaic", "--grid", "3x3", "-o", target, *FAST).code == 0
    assert sorted(path.name for path in target.iterdir()) == ["10.png", "9.png"]
    report = report_of(target)
    assert report["lightfield_frames"] == 2 and report["frames"] == 18
    assert (
        np.abs(read_image(target / "9.png")[:, :96, :128] - read_image(target / "10.png")[:, 95::-1, :128]).mean()
        < 0.02
    )


def test_pictures_of_the_result(run, scene, centre, tmp_path):
    made = {kind: tmp_path / f"out.{kind}{end}" for kind, end in
            (("mosaic", ".png"), ("epi", ".png"), ("video", ".mp4"), ("viewer", ".html"))}  # fmt: skip
    options = [text for kind, path in made.items() for text in (f"--{kind}", path)]
    assert run("lightfield", scene, "--refs", centre, "-o", tmp_path / "sr.h5", *options, *FAST).code == 0
    assert read_image(made["mosaic"]).shape == (3, 3 * HIGH.height, 3 * HIGH.width)
    assert read_image(made["epi"]).shape == (3, HIGH.height + 4 + 36, HIGH.width + 4 + 36)
    with av.open(str(made["video"])) as video:
        assert sum(1 for _ in video.decode(video=0)) == 17
    page = made["viewer"].read_text()
    views = json.loads(re.search(r"const data = (.*);\n", page)[1])["views"]
    assert len(views) == 3 and views[0][0]["after"] != views[2][2]["after"]
    assert "http" not in page.replace("http-equiv", "")  # nothing is loaded from elsewhere


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(run, scene, centre, tmp_path):
    before = sorted(tmp_path.iterdir())
    target = tmp_path / "sr.h5"
    outcome = run("lightfield", scene, "--refs", centre, "-o", target, "--dry-run", *FAST[:2])
    assert outcome.code == 0 and sorted(tmp_path.iterdir()) == before
    most = f"{9 * HIGH.width * HIGH.height * 3 / 1e3:.0f} kB"
    assert re.search(rf"{LOW} -> {HIGH}; 9 views, at most {most}, about \d+ s\n", outcome.out)


def refused(run, code: int, *arguments: object) -> str:
    outcome = run("lightfield", *arguments)
    assert outcome.code == code, outcome
    return outcome.line


def test_bad_input_is_one_line_and_leaves_nothing(run, scene, centre, tmp_path, low):
    before = {path.name for path in tmp_path.iterdir()}
    assert "is outside the grid" in refused(run, 3, scene, "--ref-view", "3,0")
    assert "center_hr.png: view 9,9" not in refused(run, 3, scene, "--refs", centre, "--ref-view", "9,9")
    assert "no light field at" in refused(run, 3, tmp_path / "none.h5")
    assert "ROW,COLUMN is wanted" in refused(run, 2, scene, "--ref-view", "centre")
    assert "chooses no view" in refused(run, 3, scene, "--views", "7,7")
    assert "1 pictures with --refs and 2 --ref-view" in refused(
        run, 2, scene, "--refs", centre, "--ref-view", "0,0", "--ref-view", "1,1"
    )
    assert "no references at" in refused(run, 3, scene, "--refs", tmp_path / "none.png")
    assert "has no references" in refused(run, 3, scene, "--require-refs")
    assert "did you mean 'guided'" in refused(run, 2, scene, "--matching", "gided")
    assert "ends in .html" in refused(run, 3, scene, "--viewer", tmp_path / "page.png")
    assert {path.name for path in tmp_path.iterdir()} == before


def test_an_output_on_the_inputs_own_path_is_refused(run, scene, tmp_path, low):
    before = scene.read_bytes()
    assert "read here" in refused(run, 3, scene, "-o", scene, "--overwrite")
    assert scene.read_bytes() == before
    folder = Path(MAKERS["view_folder"](tmp_path, low).path)
    assert "read here" in refused(run, 3, folder, "-o", folder, "--overwrite")
    write_png(tmp_path / "ref.png", np.zeros((3, 96, 128)))
    assert "read here" in refused(run, 3, scene, "--refs", tmp_path / "ref.png", "--mosaic", tmp_path / "ref.png")


def test_the_folder_one_stands_in_is_named_by_its_name(run, tmp_path, low, monkeypatch):
    folder = Path(MAKERS["view_folder"](tmp_path, low).path)
    monkeypatch.chdir(folder)
    assert run("lightfield", ".", *FAST).code == 0
    assert {path.name for path in tmp_path.iterdir()} >= {"views_x4", "views_x4.report.json"}
    monkeypatch.chdir(tmp_path)
    assert "holds what is read" in refused(run, 3, folder, "-o", ".", "--overwrite", *FAST)
    for command in ("stream", "image"):
        assert run(command, ".", *FAST[:2]).code == 3


def test_a_target_whose_name_says_something_else_is_refused(run, tmp_path, low):
    for name, target, message in (
        ("hci2016", "sr.png", "end -o in .h5"),
        ("toolbox", "sr.h5", "end -o in .mat"),
        ("view_folder", "sr.h5", "a folder's name"),
        ("eslf", "sr.h5", "end -o in .png"),
    ):
        written = MAKERS[name](tmp_path, low)
        grid = ("--grid", "3x3") if name == "eslf" else ()
        before = sorted(tmp_path.iterdir())
        assert message in refused(run, 3, written.path, *grid, "-o", tmp_path / target, *FAST)
        assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(sys.platform != "linux", reason="its files cannot be limited so")
@pytest.mark.parametrize(("name", "target"), [("hci2016", "sr.h5"), ("toolbox", "sr.mat")])
def test_what_cannot_be_written_to_its_end_leaves_nothing(name, target, tmp_path, low):
    """In a process of its own, which has to survive: HDF5 and mapped files end it where they cannot grow."""
    clip = MAKERS[name](tmp_path, low).path
    before = sorted(tmp_path.iterdir())
    command = [sys.executable, "-m", "lfvideo_sr", "lightfield", str(clip), "-o", target, "--method", "bicubic"]
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (20000, 20000))
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, preexec_fn=limit)
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1) and target in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_nan_inside_a_run_leaves_no_output(run, tmp_path, low):
    path = tmp_path / "a.h5"
    views = low.transpose(0, 1, 3, 4, 2).copy()
    views[0, 0, 3, 3] = np.nan
    with h5py.File(path, "w") as file:
        file["LF"] = views
    assert "view 0,0" in refused(run, 3, path, "-o", tmp_path / "sr.h5", *FAST)
    assert {path.name for path in tmp_path.iterdir()} <= {"a.h5", "sr.h5.work"}  # the views that are done


def test_views_of_unequal_size_leave_no_output(run, tmp_path, low):
    folder = Path(MAKERS["view_folder"](tmp_path, low).path)
    write_png(folder / "view_2_1.png", np.zeros((3, 16, 16)))
    assert "view_2_1.png is 16x16" in refused(run, 3, folder, "-o", tmp_path / "sr", *FAST)
    assert {path.name for path in tmp_path.iterdir()} <= {"views", "sr.work"}  # the views that are done


def test_info_says_what_it_is(run, scene):
    outcome = run("lightfield", "info", scene)
    assert outcome.code == 0
    for text in ("hci2016", "3x3 views, rows 0..2, columns 0..2", str(LOW), "uint8 RGB", "pixels per view"):
        assert text in outcome.out
    printed = json.loads(run("lightfield", "info", scene, "--json").out)
    assert printed["rows"] == [0, 1, 2] and printed["disparity"][0] < printed["disparity"][1]


def test_help_tells_of_both(run):
    outcome = run("lightfield", "--help")
    assert outcome.code == 0 and "restore" in outcome.out and "info" in outcome.out
    assert "--ref-view" in run("lightfield", "restore", "--help").out


def test_the_same_from_python(scene, centre, sharp):
    import lfvideo_sr

    with lfvideo_sr.open_light_field(scene, method="flow_transfer", refs=(str(centre),), ref_views=("1,1",)) as views:
        pixels = {view.stamp: view.pixels for view in views}
    assert next(iter(pixels)) == View(1, 1) and set(pixels) == {View(*place) for place in np.ndindex(3, 3)}
    assert psnr_y(pixels[View(0, 0)], sharp[0, 0]) > 25
