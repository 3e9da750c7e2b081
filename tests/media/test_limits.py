"""A small file that claims a huge picture is refused by its header, before anything is decoded."""

import os
import struct
import zlib
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from small_clips import HIGH

from lfvideo_sr.errors import EngineError, InputError, UsageError
from lfvideo_sr.frames import Size
from lfvideo_sr.media import images, limits
from lfvideo_sr.media.images import read_image, read_size, write_png
from lfvideo_sr.media.limits import DEFAULT, VARIABLE, check_declared, check_memory, max_pixels, parse_pixels
from lfvideo_sr.media.video import VideoSource
from lfvideo_sr.stream import opening

HUGE = Size(40000, 30000)


@pytest.fixture(autouse=True)
def default_limit(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def no_decoder(monkeypatch):
    """Fails a test in which a picture is decoded."""
    monkeypatch.setattr(images.cv2, "imdecode", lambda *arguments: pytest.fail("it was decoded"))


def png(path: Path, size: Size) -> Path:
    """Black, one bit a pixel, and only its first rows."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", *size, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def jpeg(path: Path, size: Size) -> Path:
    """A real one whose frame header claims another size."""
    data = bytearray(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", size.height, size.width)
    path.write_bytes(data)
    return path


def bmp(path: Path, size: Size) -> Path:
    data = bytearray(cv2.imencode(".bmp", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    data[18:26] = struct.pack("<ii", *size)
    path.write_bytes(data)
    return path


def tiff(path: Path, size: Size) -> Path:
    """Of 32-bit samples with a format that Pillow does not know."""
    tags = [
        (256, 4, size.width),
        (257, 4, size.height),
        (258, 3, 24),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
    ]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4))
    return path


@pytest.mark.parametrize("make", [png, jpeg, bmp, tiff], ids=lambda make: make.__name__)
def test_a_header_that_claims_too_much_is_refused_undecoded(make, no_decoder, tmp_path):
    path = make(tmp_path / f"in.{make.__name__}", HUGE)
    assert path.stat().st_size < 2000
    with pytest.raises(InputError, match=r"1200 million pixels; at most 179 are allowed; pass --max-pixels 1200M"):
        read_image(path)
    with pytest.raises(InputError, match="--max-pixels 1200M"):
        read_size(path)


def test_the_limit_can_be_raised_and_lowered(tmp_path, monkeypatch):
    write_png(tmp_path / "in.png", np.zeros((3, 20, 30), np.float32))
    monkeypatch.setenv(VARIABLE, "599")
    with pytest.raises(
        InputError, match=r"has 0.0006 million pixels; at most 0.000599 are allowed; pass --max-pixels 1M"
    ):
        read_image(tmp_path / "in.png")
    monkeypatch.setenv(VARIABLE, "600")
    assert read_image(tmp_path / "in.png").shape == (3, 20, 30)


def test_the_file_of_a_picture_is_no_longer_than_a_picture(tmp_path, monkeypatch):
    write_png(tmp_path / "in.png", np.zeros((3, 2, 2), np.float32))
    with (tmp_path / "in.png").open("ab") as file:
        file.truncate(8 * 1000 + 1)
    monkeypatch.setenv(VARIABLE, "1k")
    with pytest.raises(InputError, match=r"in.png has 0.0 GB, more than a picture"):
        read_image(tmp_path / "in.png")


def test_a_picture_that_does_not_fit_in_memory_is_refused_unless_the_limit_is_set(no_decoder, tmp_path, monkeypatch):
    path = png(tmp_path / "in.png", Size(1600, 1600))
    monkeypatch.setattr(limits, "free_memory", lambda: 10_000_000)
    with pytest.raises(EngineError, match=r"about 0.1 GB of memory, and 0.0 GB are free"):
        read_image(path)
    monkeypatch.setenv(VARIABLE, "4M")
    check_memory(10**12, "a result")


def test_free_memory_is_that_of_the_system_and_of_the_limit_of_the_process():
    import resource

    free = limits.free_memory()
    assert free is None or 0 < free < 1 << 50
    before = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + (1 << 28), before[1]))
    try:
        limited = limits.free_memory()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert limited is not None and limited <= 1 << 28


@pytest.mark.parametrize(
    ("text", "pixels"), [("300M", 300_000_000), ("2g", 2_000_000_000), ("1000", 1000), ("5 k", 5000)]
)
def test_limits_as_people_write_them(text, pixels, monkeypatch):
    assert parse_pixels(text) == pixels
    monkeypatch.setenv(VARIABLE, text)
    assert max_pixels() == pixels


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e9", "9" * 5000, "1.5M"])
def test_limits_that_are_none_are_refused(text):
    with pytest.raises(UsageError, match="like 300M"):
        parse_pixels(text, "--max-pixels")


def test_the_default_allows_a_frame_of_4096x2160_enlarged():
    assert 16 * 4096 * 2160 <= max_pixels() == DEFAULT


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "in.png")
    for read in (read_image, read_size):
        with pytest.raises(InputError, match="is a pipe or a device"):
            read(tmp_path / "in.png")


def test_frames_above_the_limit_are_refused_before_they_are_decoded(high_clip, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(HIGH.width * HIGH.height - 1))
    with pytest.raises(
        InputError,
        match=r"high.mkv: no frame of video track 0 decodes; .* more than 0.024575 million pixels; see --max-pixels",
    ):
        VideoSource(high_clip)


def test_the_result_of_a_stream_is_within_the_limit(run, low_clip, tmp_path):
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", "--method", "bicubic", "--max-pixels", 192 * 128 - 1)
    assert outcome.code == 3 and "the result of" in outcome.line and "(192x128)" in outcome.line
    assert list(tmp_path.iterdir()) == []


def test_the_result_of_a_picture_is_within_the_limit_and_the_memory(run, tmp_path, monkeypatch):
    write_png(tmp_path / "in.png", np.zeros((3, 32, 48), np.float32))
    command = ("image", tmp_path / "in.png", "-o", tmp_path / "out.png", "--method", "bicubic")
    outcome = run(*command, "--max-pixels", 192 * 128 - 1)
    assert outcome.code == 3 and "the result of" in outcome.line
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(limits, "free_memory", lambda: 500_000)
    write_png(tmp_path / "truth.png", np.zeros((3, 128, 192), np.float32))
    held_whole = (*command, "--gt", tmp_path / "truth.png")
    outcome = run(*held_whole)
    assert outcome.code == 4 and "of memory" in outcome.line
    assert run(*held_whole, "--max-pixels", "1M").code == 0
    assert run(*command, "--overwrite").code == 0  # strip by strip


def test_a_wrong_limit_is_one_line(run, low_clip):
    outcome = run("stream", low_clip, "--max-pixels", "lots")
    assert outcome.code == 2 and "--max-pixels is 'lots'" in outcome.line


def test_a_data_set_that_declares_far_more_than_it_holds(tmp_path):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        never = file.create_dataset("never", (1000, 1000, 4, 4, 3), np.uint8, chunks=(1, 1, 4, 4, 3))
        black = file.create_dataset("black", data=np.zeros((2500, 2500), np.uint8), chunks=(2500, 2500), compression=9)
        small = file.create_dataset("small", (10, 10), np.uint8, chunks=(5, 5))
        file.flush()
        with pytest.raises(InputError, match="views declares 48 MB and holds 0 bytes"):
            check_declared(never, "views")
        for whole in (black, small, np.zeros(3)):
            check_declared(whole, "views")


def test_a_picture_of_one_colour_in_a_few_bytes_is_refused_undecoded(run, no_decoder, tmp_path):
    path = png(tmp_path / "in.png", Size(2000, 2000))
    outcome = run("image", path, "-o", tmp_path / "out.png", "--method", "bicubic")
    assert outcome.code == 3 and f"claims 4 million pixels in {path.stat().st_size} bytes" in outcome.line
    assert "--max-pixels" in outcome.line and [file.name for file in tmp_path.iterdir()] == ["in.png"]


def test_black_pictures_as_cameras_and_programs_write_them_pass(tmp_path):
    """Those of 8 bits a pixel, of any size: their encoders say something of every row."""
    for size, ending in ((Size(2400, 2000), ".png"), (Size(2400, 2000), ".jpg"), (Size(1600, 1200), ".webp")):
        cv2.imwrite(str(tmp_path / f"in{ending}"), np.zeros((size.height, size.width), np.uint8))
        assert read_image(tmp_path / f"in{ending}").max() == 0


def test_a_result_above_the_limit_is_refused_by_the_header(run, no_decoder, low_clip, tmp_path, monkeypatch):
    write_png(tmp_path / "0.png", np.random.default_rng(0).random((3, 32, 48), np.float32))
    most = ("--max-pixels", 192 * 128 - 1)
    for command in (("image", tmp_path / "0.png"), ("stream", tmp_path / "%d.png", "-o", tmp_path / "out.mkv")):
        outcome = run(*command, "--method", "bicubic", *most)
        assert outcome.code == 3 and "the result of" in outcome.line
    monkeypatch.setattr(opening, "open_source", lambda *arguments: pytest.fail("the clip was decoded"))
    outcome = run("stream", low_clip, "-o", tmp_path / "out.mkv", "--method", "bicubic", *most)
    assert outcome.code == 3 and "the result of" in outcome.line and "(192x128)" in outcome.line


def test_a_light_field_of_a_million_views_that_are_not_there(run, tmp_path):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file.create_dataset("views", (1000, 1000, 4, 4, 3), np.uint8, chunks=(1, 1, 4, 4, 3))
        file["views"].attrs["axes"] = "row column y x channel"
    for command in (
        ("lightfield", tmp_path / "in.h5", "-o", tmp_path / "out.h5"),
        ("lightfield", "info", tmp_path / "in.h5"),
    ):
        outcome = run(*command)
        assert outcome.code == 3 and "holds 0 bytes" in outcome.line
    assert [path.name for path in tmp_path.iterdir()] == ["in.h5"]


@pytest.mark.parametrize("sizes", [b"abcd", [[0, 0]], [[np.nan, 1]], [[1e30, 1]], [24, 32, 1], np.zeros((0, 2))])
def test_sizes_of_views_that_are_none_are_one_line(sizes, run, tmp_path):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["img_HR"] = np.zeros((1, 3, 3, 24, 32), np.uint8)
        file["img_size"] = sizes
    outcome = run("lightfield", tmp_path / "in.h5", "-o", tmp_path / "out.h5", "--method", "bicubic")
    assert outcome.code == 3 and "img_size" in outcome.line
    assert [path.name for path in tmp_path.iterdir()] == ["in.h5"]


def test_an_attribute_that_is_no_size_is_kept_as_it_is(run, tmp_path):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["LF"] = np.zeros((3, 3, 24, 32, 3), np.uint8)
        file.attrs.update(hRes=3, vRes=3, xRes="wide", yRes=24)
    assert run("lightfield", tmp_path / "in.h5", "-o", tmp_path / "out.h5", "--method", "bicubic").code == 0
    with h5py.File(tmp_path / "out.h5") as file:
        assert dict(file.attrs) == {"hRes": 3, "vRes": 3, "xRes": "wide", "yRes": 96}
