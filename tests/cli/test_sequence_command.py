"""Numbered pictures in and out by the command line: exact samples, numbers that go on, and runs that go on."""

from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import report_of
from odd_media import write_clip
from round_trips import clip_planes

from lfvideo_sr.frames import Size
from lfvideo_sr.media.film_pictures import exr_bytes, read_film_picture
from lfvideo_sr.media.resize import bicubic
from lfvideo_sr.media.video import VideoSource, video_tracks
from lfvideo_sr.stream import sequence_sink

BICUBIC = ("--method", "bicubic", "--progress", "plain")
SIZE, HIGH = Size(24, 16), Size(96, 64)
LONG = 70  # pictures: two segments of 64 and 6


def samples(index: int, dtype=np.uint8, size: Size = SIZE) -> np.ndarray:
    """RGB [3,H,W], another picture for each index."""
    return np.random.default_rng(index).integers(0, np.iinfo(dtype).max + 1, (3, size.height, size.width), dtype)


def write(folder: Path, files: list[str], dtype=np.uint8, size: Size = SIZE) -> Path:
    folder.mkdir()
    for index, name in enumerate(files):
        cv2.imwrite(str(folder / name), np.ascontiguousarray(samples(index, dtype, size)[::-1].transpose(1, 2, 0)))
    return folder


def read(path: Path) -> np.ndarray:
    """RGB [3,H,W] of a file."""
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED).transpose(2, 0, 1)[::-1]


def enlarged(index: int, dtype=np.uint8) -> np.ndarray:
    peak = np.iinfo(dtype).max
    return np.rint(np.clip(bicubic(samples(index, dtype) / np.float32(peak), HIGH), 0, 1) * peak).astype(dtype)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("dtype", "ending"), [(np.uint8, "png"), (np.uint16, "png"), (np.uint16, "tif")])
def test_pictures_come_out_as_bicubic_makes_them_and_numbers_go_on(dtype, ending, tmp_path, run):
    folder = write(tmp_path / "in", [f"f_{number}.{ending}" for number in range(98, 102)], dtype)
    done = run("stream", folder, *BICUBIC)
    assert done.code == 0, done.err
    assert "4 pictures, f_98" in done.out and "25 frames per second (--fps is not given)" in done.out
    assert names(tmp_path) == ["in", "in_x4", "in_x4.report.json"]
    assert names(tmp_path / "in_x4") == sorted(f"f_{number}.{ending}" for number in range(98, 102))
    for index in range(4):
        assert np.array_equal(read(tmp_path / "in_x4" / f"f_{98 + index}.{ending}"), enlarged(index, dtype))
    again = run("stream", folder, *BICUBIC)
    assert again.code == 0 and "already done" in again.out
    (tmp_path / "in_x4" / f"f_99.{ending}").unlink()
    assert "exists" in run("stream", folder, *BICUBIC).line


def test_every_picture_is_part_of_what_was_asked(tmp_path, run):
    folder = write(tmp_path / "in", ["1.png", "2.png"])
    command = ("stream", folder / "%d.png", "-o", tmp_path / "out.mkv", "--codec", "ffv1", *BICUBIC)
    assert run(*command).code == 0 and "already done" in run(*command).out
    cv2.imwrite(str(folder / "2.png"), np.zeros((16, 24, 3), np.uint8))
    assert "exists" in run(*command).line


def test_a_video_of_pictures_has_their_samples_and_rate(tmp_path, run):
    folder = write(tmp_path / "in", ["0.png", "1.png", "2.png"])
    done = run("stream", folder, "-o", tmp_path / "o.mkv", "--codec", "ffv1", "--fps", "29.97", *BICUBIC)
    assert done.code == 0 and "29.97 frames per second\n" in done.out
    frames = list(VideoSource(tmp_path / "o.mkv"))
    assert [round(float(frame.stamp.seconds), 3) for frame in frames] == [0.0, 0.033, 0.067]
    assert np.array_equal(np.rint(frames[2].pixels * 255), enlarged(2))
    assert "--fps is for numbered pictures" in run("stream", tmp_path / "o.mkv", "--fps", "24", *BICUBIC).line


def test_exr_and_jpeg_out_of_a_glob(tmp_path, run):
    folder = write(tmp_path / "in", [])
    pixels = np.float32(0.25) + np.random.default_rng(0).random((3, 16, 24), np.float32) / 2
    for number in (7, 8):
        (folder / f"{number:03}.exr").write_bytes(exr_bytes(pixels))
    assert run("stream", folder / "*.exr", "-o", tmp_path / "out" / "%04d.exr", *BICUBIC).code == 0
    made, _, _ = read_film_picture(tmp_path / "out" / "0008.exr")
    exact = bicubic(pixels.astype(np.float16).astype(np.float32), HIGH)
    assert np.abs(made - exact).max() < 2e-3 and names(tmp_path / "out") == ["0007.exr", "0008.exr"]
    done = run("stream", folder, "-o", tmp_path / "out" / "%04d.jpg", "--report", tmp_path / "r.json", *BICUBIC)
    assert done.code == 0 and "holds 8 bits per channel" in done.out
    assert np.abs(read(tmp_path / "out" / "0007.jpg") / 255 - exact).mean() < 0.02


def test_pictures_of_a_video_are_upright_and_its_sound_is_said_to_be_left_out(tmp_path, run):
    clip = write_clip(tmp_path / "in.mp4", clip_planes(3), codec="libx264", audio="aac", rotation=90)
    done = run("stream", clip, "-o", tmp_path / "out" / "%05d.png", *BICUBIC)
    assert done.code == 0 and "pictures have no audio" in done.out
    assert names(tmp_path / "out") == ["00000.png", "00001.png", "00002.png"]
    first = next(iter(VideoSource(clip))).pixels
    upright = np.rot90(
        np.clip(bicubic(first, Size(256, 192)), 0, 1), round(video_tracks(clip)[0].rotation / 90), (1, 2)
    )
    assert np.array_equal(read(tmp_path / "out" / "00000.png"), np.rint(upright * 255))


def test_references_of_the_same_number_show_the_same_picture(tmp_path, run):
    size = Size(48, 32)
    folder = write(tmp_path / "in", [f"{number:04}.png" for number in range(1001, 1005)], size=size)
    for index in range(4):
        smooth = cv2.GaussianBlur(samples(index, size=size).transpose(1, 2, 0), (0, 0), 3)
        cv2.imwrite(str(folder / f"{1001 + index}.png"), smooth)
    write(tmp_path / "in.refs", [])
    sharp = bicubic(read(folder / "1003.png"), Size(192, 128))
    cv2.imwrite(str(tmp_path / "in.refs" / "1003.png"), np.ascontiguousarray(sharp[::-1].transpose(1, 2, 0)))
    done = run("stream", folder, "--method", "flow_transfer", "--progress", "plain")
    assert done.code == 0, done.err
    report = report_of(tmp_path / "in_x4.png")
    assert [still["time"] for still in report["stills"]] == [0.08] and report["reference_source"] == "sidecar"


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path, run):
    folder = write(tmp_path / "in", ["1.png", "2.png"])
    write(tmp_path / "out", ["2.png"])
    before = (tmp_path / "out" / "2.png").read_bytes()
    refusals = [
        (("-o", tmp_path / "out" / "%d.png"), "2.png exists; pass --overwrite"),
        (("-o", folder / "%d.png", "--overwrite"), "1.png is read here"),
        (("-o", folder), "1.png is read here"),
        (("-o", tmp_path / "out" / "%d.webp"), "pictures are written as .png"),
        (("-o", tmp_path / "no" / "no" / "%d.png"), "cannot be made"),
    ]
    for words, reason in refusals:
        assert reason in run("stream", folder, *words, *BICUBIC).line
    assert "writes videos, not pictures" in run("plan", folder, "-o", tmp_path / "o" / "%d.png", *BICUBIC[:2]).line
    assert names(tmp_path) == ["in", "out"] and names(tmp_path / "out") == ["2.png"]
    assert (tmp_path / "out" / "2.png").read_bytes() == before
    assert run("stream", folder, "-o", tmp_path / "out", "--overwrite", *BICUBIC).code == 0
    assert names(tmp_path / "out") == ["1.png", "2.png"]


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> Path:
    """Flat pictures, each brighter than the one before."""
    folder = tmp_path_factory.mktemp("long") / "in"
    folder.mkdir()
    for number in range(LONG):
        cv2.imwrite(str(folder / f"{number:03}.png"), np.full((8, 8, 3), 2 * number, np.uint8))
    return folder


def is_whole(path: Path) -> bool:
    return np.array_equal(read(path), np.full((3, 32, 32), 2 * int(path.stem), np.uint8))


class Killed(BaseException):
    """Ends a run where nothing may be tidied up, as the process was killed."""


@pytest.mark.parametrize(("function", "after", "safe"), [("_write", 3, 0), ("_write", 68, 64), ("_rename", 5, 64)])
def test_a_killed_run_goes_on(function, after, safe, long, tmp_path, run, monkeypatch):
    command = ("stream", long, "-o", tmp_path / "out", *BICUBIC)
    plain, calls = getattr(sequence_sink, function), count(1)

    def killing(*arguments: object) -> None:
        if next(calls) == after:
            raise Killed
        plain(*arguments)

    tmp_path.joinpath("out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with monkeypatch.context() as broken:
        broken.setattr(sequence_sink, function, killing)
        broken.setattr(sequence_sink.SequenceSink, "leave_partial", lambda sink: None)
        broken.setattr("lfvideo_sr.stream.journal.Journal.__exit__", lambda journal, *_: journal._lock.release())
        with pytest.raises(Killed):
            run(*command)
    named = list((tmp_path / "out").glob("*.png"))
    assert len(named) <= safe and all(map(is_whole, named))
    done = run(*command)
    assert done.code == 0, done.err
    assert (f"going on    {safe} frames are done" in done.out) == (safe > 0)
    assert names(tmp_path / "out") == [*(f"{number:03}.png" for number in range(LONG)), "mine.txt"]
    assert all(map(is_whole, (tmp_path / "out").glob("*.png")))


def test_a_picture_that_was_lost_meanwhile_is_made_again_and_a_strange_one_is_kept(long, tmp_path, run, monkeypatch):
    command = ("stream", long, "-o", tmp_path / "out", *BICUBIC)
    plain, calls = sequence_sink._write, count(1)

    def failing(*arguments: object) -> None:
        if next(calls) == 68:
            raise KeyboardInterrupt
        plain(*arguments)

    with monkeypatch.context() as broken:
        broken.setattr(sequence_sink, "_write", failing)
        assert run(*command).code == 130
    out = tmp_path / "out"
    assert len(list(out.glob("*.png"))) == 64
    (out / "007.png").write_bytes(b"somebody's")
    for _ in range(2):
        assert "007.png exists" in run(*command).err and (out / "007.png").read_bytes() == b"somebody's"
    (out / "007.png").unlink()
    done = run(*command)
    assert done.code == 0 and len(names(out)) == LONG and all(map(is_whole, out.iterdir()))
