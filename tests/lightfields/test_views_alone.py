"""Light fields without a sharp view, from the command line and from Python: views take from each other."""

from pathlib import Path

import numpy as np
import pytest
from command_line import report_of
from small_grids import MAKERS, rendered_grid

from lfvideo_sr import open_light_field
from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields import opening
from lfvideo_sr.media.images import write_png
from lfvideo_sr.metrics import psnr_y
from lfvideo_sr.stream.view_fusion import FusingEngine

HIGH = Size(96, 80)
QUICK = ("--quality", "fast")


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    return rendered_grid(3, 3, HIGH, seed=2)


def views_of(path: Path) -> dict[View, np.ndarray]:
    field = opening.open_light_field(path)
    views = {view: field.read(view) for view in field.info.grid}
    field.close()
    return views


def scores(path: Path, sharp: np.ndarray) -> list[float]:
    return [psnr_y(pixels, sharp[view.row, view.column]) for view, pixels in views_of(path).items()]


def test_without_a_sharp_view_every_view_is_better_than_by_itself(run, scene, sharp, tmp_path):
    outcome = run("lightfield", scene, "-o", tmp_path / "all.h5", *QUICK)
    assert outcome.code == 0 and outcome.err == ""
    assert "views: no sharp view; each takes from up to 24 others (view_fusion)" in outcome.out
    assert "no true detail is added without references" in outcome.out
    assert report_of(tmp_path / "all.h5")["reference_source"] == "views"
    assert run("lightfield", scene, "--no-refs", "-o", tmp_path / "each.h5", *QUICK).code == 0
    fused, alone = (np.array(scores(tmp_path / name, sharp)) for name in ("all.h5", "each.h5"))
    assert (fused > alone).all() and (fused - alone).mean() > 0.3


def test_a_named_method_makes_an_anchor(run, scene, tmp_path):
    outcome = run("lightfield", scene, "--method", "stream_ref", "-o", tmp_path / "sr.h5", *QUICK)
    assert outcome.code == 0 and "anchor: none found: view 1,1 is an anchor" in outcome.out


def test_a_sharp_view_is_a_reference_still(run, scene, sharp, tmp_path):
    write_png(tmp_path / "sharp.png", sharp[1, 1])
    words = ("lightfield", scene, "--refs", tmp_path / "sharp.png", "-o", tmp_path / "sr.h5", "--dry-run", *QUICK)
    assert "refs: sharp.png at view 1,1" in run(*words).out
    refused = run(*words, "--method", "view_fusion")
    assert refused.code == 2 and "view_fusion takes no references; drop --refs" in refused.err


def test_two_views_are_too_few(run, low, tmp_path):
    scene = MAKERS["hci2016"](tmp_path, low[:1, :2]).path
    words = ("lightfield", scene, "-o", tmp_path / "sr.h5", "--dry-run", *QUICK)
    assert "anchor" in run(*words).out
    refused = run(*words, "--method", "view_fusion")
    assert refused.code == 3 and "view_fusion needs 3 or more; pass --method stream_ref" in refused.err


def test_a_simulation_may_leave_out_sharp_views(run, sharp, tmp_path):
    scene = MAKERS["hci2016"](tmp_path, sharp).path
    words = ("lightfield", scene, "--simulate", "--method", "view_fusion", "--views", "0:1,0:1", *QUICK)
    assert run(*words, "-o", tmp_path / "sr.h5").code == 0
    report = report_of(tmp_path / "sr.h5")
    assert report["frames"] == 4 and report["metrics"]["count"] == 4
    assert report["metrics"]["psnr_y"]["mean"] > report["metrics"]["bicubic"]["psnr_y"]["mean"] + 1


def test_views_that_show_something_else_are_restored_each_by_itself(run, low, tmp_path):
    noise = np.random.default_rng(1).random(low.shape).astype(np.float32)
    scene = MAKERS["hci2016"](tmp_path, noise).path
    outcome = run("lightfield", scene, "-o", tmp_path / "sr.h5", *QUICK)
    assert outcome.code == 0
    assert "9 of 9 views were restored by themselves: the others do not fit" in outcome.out


def fail_once(monkeypatch) -> list[View]:
    """The views that will be restored, of which the fifth ends its run."""
    restored: list[View] = []
    restore = FusingEngine.restore

    def fails_once(self, frame, matches, last=None):
        restored.append(frame.stamp)
        if len(restored) == 5:
            raise OSError("the disk is gone")
        return restore(self, frame, matches, last)

    monkeypatch.setattr(FusingEngine, "restore", fails_once)
    return restored


def test_a_run_that_failed_goes_on_with_the_next_view(run, scene, tmp_path, monkeypatch):
    assert run("lightfield", scene, "-o", tmp_path / "whole.h5", *QUICK).code == 0
    restored = fail_once(monkeypatch)
    assert run("lightfield", scene, "-o", tmp_path / "sr.h5", *QUICK).code != 0
    outcome = run("lightfield", scene, "-o", tmp_path / "sr.h5", *QUICK)
    assert outcome.code == 0 and "4 views are done" in outcome.out and len(restored) == 5 + 5
    whole, resumed = views_of(tmp_path / "whole.h5"), views_of(tmp_path / "sr.h5")
    assert all(np.array_equal(whole[view], resumed[view]) for view in whole)


def test_views_of_the_run_before_count_too(run, low, tmp_path, monkeypatch):
    noise = np.random.default_rng(1).random(low.shape).astype(np.float32)
    words = ("lightfield", MAKERS["hci2016"](tmp_path, noise).path, "-o", tmp_path / "sr.h5", *QUICK)
    fail_once(monkeypatch)
    assert run(*words).code != 0
    outcome = run(*words)
    assert outcome.code == 0 and "4 views are done" in outcome.out
    assert "9 of 9 views were restored by themselves: the others do not fit" in outcome.out


def test_frames_of_a_light_field_video_are_each_like_a_light_field(run, low, scene, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, views in enumerate((low, low[..., ::-1][:, ::-1])):  # the second one is seen in a mirror
        tiles = np.concatenate([np.concatenate(list(row), 2) for row in views], 1)
        write_png(folder / f"{number:03}.png", tiles)
    words = ("--layout", "mosaic", "--grid", "3x3")
    assert run("lightfield", folder, "-o", tmp_path / "video", *words, *QUICK).code == 0
    assert report_of(tmp_path / "video")["lightfield_frames"] == 2
    assert run("lightfield", scene, "-o", tmp_path / "one.h5", *QUICK).code == 0
    options = opening.OpenOptions("mosaic", (3, 3))
    field = opening.open_light_field(tmp_path / "video", options)
    for view, pixels in views_of(tmp_path / "one.h5").items():
        mirrored = View(view.row, 2 - view.column)
        assert np.abs(field.read(view, 0) - pixels).max() < 2 / 255
        assert psnr_y(field.read(mirrored, 1)[..., ::-1], pixels) > 40
    field.close()


def test_from_python_it_is_an_option(low):
    with open_light_field(low, view_fusion="auto", device="cpu", views="1,1") as field:
        assert field.references.startswith("views: no sharp view")
        fused = next(iter(field)).pixels
    with open_light_field(low, no_refs=True, device="cpu", views="1,1") as field:
        alone = next(iter(field)).pixels
    assert not np.array_equal(fused, alone) and np.abs(fused - alone).mean() < 0.05
