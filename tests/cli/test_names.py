"""Names of files and of what is in them: any bytes, control characters, links."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_clips import FRAMES, frames_of
from small_grids import as_bytes, rendered_grid

from lfvideo_sr.errors import OutputError, printable, shortened
from lfvideo_sr.frames import Size
from lfvideo_sr.lightfields.partial import fill_folder
from lfvideo_sr.media.images import read_image, write_png
from lfvideo_sr.stream.journal import Journal

BYTES = os.fsdecode(b"stra\xdfe")  # Latin-1
SMALL = Size(32, 24)
BICUBIC = ("--method", "bicubic")


def test_control_characters_are_written_out():
    assert printable("a\x1b[31mb\x07\r\u202e") == "a\\x1b[31mb\\x07\\r\\u202e"
    assert printable("Grüße, 日本") == "Grüße, 日本"
    assert len(shortened("x" * 1000)) == 60 and shortened(3) == "3"


def test_a_data_sets_name_does_not_steer_the_terminal(run, tmp_path):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["\x1b]0;mine\x07\x1b[31mred"] = np.zeros((2, 2), np.uint8)
    outcome = run("lightfield", "info", tmp_path / "in.h5")
    assert outcome.code == 3 and "\x1b" not in outcome.err and "\\x1b[31mred" in outcome.line


def test_a_pictures_name_does_not_steer_the_terminal(run, tmp_path):
    path = tmp_path / "a\x1b[31m\nb.png"
    write_png(path, np.zeros((3, 8, 8), np.float32))
    outcome = run("image", path, *BICUBIC)
    assert outcome.code == 0 and "\x1b" not in outcome.out and "a\\x1b[31m\\nb_x4.png" in outcome.out


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
def test_a_clip_may_be_called_by_any_bytes(ending, run, low_clip, tmp_path):
    path = tmp_path / f"{BYTES}.mkv"
    path.write_bytes(low_clip.read_bytes())
    output = tmp_path / f"{BYTES}_out{ending}"
    codec = "ffv1" if ending == ".mkv" else "libx264"
    outcome = run("stream", path, "-o", output, *BICUBIC, "--codec", codec, "--preset", "ultrafast")
    assert outcome.code == 0, outcome.err
    assert len(frames_of(output)) == FRAMES and output.with_suffix(".report.json").is_file()


def test_a_picture_and_its_reference_may_be_called_by_any_bytes(run, tmp_path):
    low, sharp = tmp_path / f"{BYTES}.png", tmp_path / f"{BYTES}_sharp.png"
    write_png(low, np.full((3, 24, 32), 0.5, np.float32))
    write_png(sharp, np.full((3, 96, 128), 0.5, np.float32))
    outcome = run("image", low, "--ref", sharp, "--method", "flow_transfer", "--report", tmp_path / f"{BYTES}.json")
    assert outcome.code == 0, outcome.err
    assert read_image(tmp_path / f"{BYTES}_x4.png").shape == (3, 96, 128)


def test_a_light_field_may_be_called_by_any_bytes_and_so_may_its_page(run, tmp_path):
    path, page = tmp_path / f"{BYTES}_eslf.png", tmp_path / "page.html"
    write_png(path, rendered_grid(3, 3, SMALL).transpose(2, 3, 0, 4, 1).reshape(3, 72, 96))
    outcome = run(
        "lightfield", path, "--grid", "3x3", "-o", tmp_path / f"{BYTES}_eslf_x4.png", "--viewer", page, *BICUBIC
    )
    assert outcome.code == 0, outcome.err
    assert read_image(tmp_path / f"{BYTES}_eslf_x4.png").shape == (3, 288, 384)
    assert page.is_file() and not list(tmp_path.glob("*.array*"))


def test_what_a_page_shows_of_a_name_is_no_markup(run, tmp_path):
    path, page = tmp_path / "a<script>\"'&\x1b.h5", tmp_path / "page.html"
    with h5py.File(path, "w") as file:
        file["LF"] = as_bytes(rendered_grid(3, 3, SMALL))
        file["disp_lowres"] = 0
    assert run("lightfield", path, "-o", tmp_path / "out.h5", "--viewer", page, *BICUBIC).code == 0
    text = page.read_text()
    assert "a<script>" not in text and "\x1b" not in text
    assert "a&lt;script&gt;&quot;&#x27;&amp;\\x1b.h5" in text


def test_what_belongs_to_a_light_field_keeps_its_bytes(run, tmp_path):
    (tmp_path / "in").mkdir()
    for row, column in np.ndindex(3, 3):
        write_png(tmp_path / "in" / f"input_Cam{row * 3 + column:03}.png", rendered_grid(3, 3, SMALL)[row, column])
    notes = b"; K\xfcche\nimage_resolution_x_px = 32\nimage_resolution_y_px = 24\nnum_cams_x = 3\n"
    (tmp_path / "in" / "parameters.cfg").write_bytes(notes)
    assert run("lightfield", tmp_path / "in", "-o", tmp_path / "out", *BICUBIC).code == 0
    written = (tmp_path / "out" / "parameters.cfg").read_bytes()
    assert written == notes.replace(b"= 32", b"= 128").replace(b"= 24", b"= 96")


@pytest.mark.parametrize("kind", ["file", "dangling"])
@pytest.mark.parametrize(("command", "name"), [("stream", "out.mkv"), ("image", "out.png")])
def test_a_link_is_replaced_where_that_is_allowed_and_never_followed(command, name, kind, run, low_clip, tmp_path):
    (tmp_path / "in.png").write_bytes(b"") if command == "stream" else write_png(
        tmp_path / "in.png", np.zeros((3, 8, 8), np.float32)
    )
    target, victim = tmp_path / name, tmp_path / "dear"
    if kind == "file":
        victim.write_text("dear")
    target.symlink_to(victim)
    source = low_clip if command == "stream" else tmp_path / "in.png"
    options = (*BICUBIC, "--codec", "ffv1") if command == "stream" else BICUBIC
    outcome = run(command, source, "-o", target, *options)
    assert outcome.code == 3 and "exists; pass --overwrite" in outcome.line and target.is_symlink()
    assert run(command, source, "-o", target, *options, "--overwrite").code == 0
    assert not target.is_symlink() and target.stat().st_size > 100
    assert victim.read_text() == "dear" if kind == "file" else not victim.exists()


def test_a_link_to_a_folder_is_replaced_and_never_emptied(tmp_path):
    for name in ("dear", "sr.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "view_0_0.png").write_text(name)
    (tmp_path / "sr").symlink_to(tmp_path / "dear")
    fill_folder(tmp_path / "sr.partial", tmp_path / "sr")
    assert (tmp_path / "dear" / "view_0_0.png").read_text() == "dear"
    assert not (tmp_path / "sr").is_symlink() and (tmp_path / "sr" / "view_0_0.png").read_text() == "sr.partial"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders have no owners here")
def test_the_folder_of_a_run_belongs_to_its_user(tmp_path, monkeypatch):
    work = tmp_path / "out.mkv.work"
    work.mkdir()
    (work / "lock").touch()
    monkeypatch.setattr(os, "geteuid", lambda: work.stat().st_uid + 1)
    with pytest.raises(OutputError, match=r"out.mkv.work belongs to another user"):
        Journal(tmp_path / "out.mkv", {})
    assert [path.name for path in work.iterdir()] == ["lock"]


def test_a_picture_is_not_written_through_a_link_at_its_unfinished_name(tmp_path):
    (tmp_path / "dear").write_text("dear")
    Path(tmp_path / "x.partial.png").symlink_to(tmp_path / "dear")
    write_png(tmp_path / "x.png", np.zeros((3, 8, 8), np.float32))
    assert (tmp_path / "dear").read_text() == "dear" and read_image(tmp_path / "x.png").shape == (3, 8, 8)
