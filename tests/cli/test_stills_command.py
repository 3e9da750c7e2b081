"""Stills as telephones name them, through the commands: what is printed, what the report says of each."""

import cv2
import numpy as np
from command_line import FAST, report_of
from small_stills import HIGH, LOW, framed_otherwise, scene, write_clip, write_photo


def test_stills_of_any_name_serve_and_each_is_accounted_for(run, tmp_path):
    clip, stills = write_clip(tmp_path / "in.mp4", count=30), tmp_path / "stills"
    write_photo(stills / "3.png", scene(3))
    for number in (5, 6, 24):  # closer together than a cadence of 8 would take
        write_photo(stills / f"IMG_20{number}.jpg", framed_otherwise(scene(number)))
    write_photo(stills / "IMG_2099.jpg", np.full((HIGH.height, HIGH.width, 3), 90, np.uint8))
    (stills / "IMG_2100.dng").touch()
    outcome = run("stream", clip, "-o", tmp_path / "out.mkv", *FAST, "--refs", stills)
    assert outcome.code == 0, outcome.err
    report = report_of(tmp_path / "out.mkv")
    stills = {still["source"].rsplit("/", 1)[1]: still for still in report["stills"]}
    assert [stills[name]["by"] for name in ("3.png", "IMG_205.jpg", "IMG_206.jpg")] == ["name", "content", "content"]
    assert abs(stills["IMG_2024.jpg"]["time"] - 24 / 25) < 0.05
    assert all(stills[name]["used"] for name in ("3.png", "IMG_205.jpg", "IMG_206.jpg", "IMG_2024.jpg"))
    assert not stills["IMG_2099.jpg"]["used"] and "fits nowhere in the clip" in stills["IMG_2099.jpg"]["outcome"]
    assert "raw photograph" in stills["IMG_2100.dng"]["outcome"]
    assert "4 of 6 stills used, 4 at a frame; IMG_2100.dng is a raw photograph" in outcome.out
    assert "IMG_2024.jpg at 0.96 s (by content, sure 0." in outcome.out
    assert sum("left out: " in line for line in report["warnings"]) == 2


def test_a_cadence_that_is_asked_for_thins_stills(run, tmp_path):
    clip, stills = write_clip(tmp_path / "in.mp4", count=12), tmp_path / "stills"
    for number in (0, 2, 9):
        write_photo(stills / f"{number}.png", scene(number))
    outcome = run("stream", clip, "-o", tmp_path / "out.mkv", *FAST, "--refs", stills, "--ref-every", 8)
    assert outcome.code == 0 and "2 of 3 stills used, 2 at a frame; 2.png is left out by --ref-every" in outcome.out


def test_stills_after_the_last_frame_that_is_asked_for_are_said(run, tmp_path):
    clip, stills = write_clip(tmp_path / "in.mp4", count=12), tmp_path / "stills"
    for number in (0, 9):
        write_photo(stills / f"{number}.png", scene(number))
    outcome = run("stream", clip, "-o", tmp_path / "out.mkv", *FAST, "--refs", stills, "--frames", 4)
    assert (
        outcome.code == 0
        and "1 of 2 stills used, 1 at a frame; 9.png belongs to no frame that was restored" in outcome.out
    )


def test_enlarged_frames_instead_of_sharp_ones_are_said_to_lack_detail(run, tmp_path):
    clip, stills = write_clip(tmp_path / "in.mp4", count=4), tmp_path / "stills"
    for number in (1, 3):
        small = cv2.resize(scene(number), LOW, interpolation=cv2.INTER_AREA)
        write_photo(stills / f"{number}.png", cv2.resize(small, HIGH, interpolation=cv2.INTER_CUBIC))
    outcome = run("stream", clip, "-o", tmp_path / "out.mkv", *FAST, "--refs", stills)
    assert "0 of 2 stills used; 1.png and 1 more: each has no detail that the frames lack" in outcome.out
    assert "warning     no reference has detail that in.mp4 lacks" in outcome.out and "shows" not in outcome.out


def test_a_folder_of_nothing_that_fits_or_is_read_is_refused(run, tmp_path):
    clip, stills = write_clip(tmp_path / "in.mp4", count=8), tmp_path / "stills"
    stills.mkdir()
    (stills / "1.nef").touch()
    outcome = run("stream", clip, "-o", tmp_path / "out.mkv", *FAST, "--refs", stills)
    assert outcome.code == 3 and "1.nef is a raw photograph" in outcome.err and len(outcome.err.splitlines()) == 1


def test_an_offset_is_found_and_printed(run, tmp_path):
    clip = write_clip(tmp_path / "in.mp4", count=45)
    sharp = write_clip(tmp_path / "sharp.mp4", first=15, count=20, size=HIGH)
    words = ("--refs", sharp, "--ref-offset", "auto", "--frames", 17)  # the first reference belongs to frame 15
    outcome = run("stream", clip, "-o", tmp_path / "out.mkv", *FAST, *words)
    assert outcome.code == 0 and "--ref-offset auto: +0.600 s" in outcome.out
    times = [use["time"] for use in report_of(tmp_path / "out.mkv")["references"]]
    assert round(times[0], 3) == 0.6


def test_an_image_names_references_that_are_not_read(run, tmp_path):
    folder = tmp_path / "refs"
    write_photo(folder / "a.png", scene(3))
    (folder / "b.arw").touch()
    write_photo(tmp_path / "in.png", scene(4)[:64, :96])
    outcome = run("image", tmp_path / "in.png", "--ref", folder, "-o", tmp_path / "o.png", *FAST[:2])
    assert outcome.code == 0 and "left out: b.arw is a raw photograph" in outcome.out
