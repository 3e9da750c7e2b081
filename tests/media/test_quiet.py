"""What libraries print about damaged pictures stays off the terminal."""

import os
import threading
from functools import partial

import cv2
import numpy as np
import pytest

from lfvideo_sr.errors import InputError, OutputError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import read_image, read_picture
from lfvideo_sr.media.picture_writing import PictureFormat
from lfvideo_sr.media.quiet import command_line, quiet_libraries


@pytest.fixture(autouse=True)
def no_debugging(monkeypatch):
    monkeypatch.setenv("LFVIDEO_DEBUG", "")


@pytest.fixture
def on_the_command_line():
    with command_line():
        yield


def noisy_png() -> bytes:
    content = bytearray(
        cv2.imencode(".png", np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8))[1].tobytes()
    )
    content[200] ^= 0xFF  # in its samples, whose checksum is then wrong
    return bytes(content)


def cut_jpeg() -> bytes:
    picture = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()[:900] + b"\xff\xd9"


@pytest.mark.parametrize("make", [noisy_png, cut_jpeg], ids=lambda make: make.__name__)
def test_a_damaged_picture_is_read_or_refused_without_a_word_of_libraries(make, capfd, tmp_path, on_the_command_line):
    content = np.frombuffer(make(), np.uint8)
    cv2.imdecode(content, cv2.IMREAD_COLOR)
    assert "libpng" in (printed := capfd.readouterr().err) or "JPEG" in printed
    path = tmp_path / "in.png"
    path.write_bytes(content.tobytes())
    for read in (read_image, partial(read_picture, alpha=True)):
        try:
            read(path)
        except InputError as error:
            assert "in.png" in str(error)
    assert capfd.readouterr().err == ""


def test_a_picture_that_cannot_be_written_is_refused_without_a_word_of_libraries(capfd, on_the_command_line):
    size = Size(70000, 1)
    with pytest.raises(OutputError, match="a picture of 70000x1 cannot be written as JPG; write PNG"):
        PictureFormat(".jpg", 8, size).encoded([np.zeros((1, 70000), np.uint8)] * 3)
    assert capfd.readouterr().err == ""


def test_only_what_is_printed_inside_is_dropped_whoever_leaves_first(capfd, on_the_command_line):
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with quiet_libraries():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with quiet_libraries():
        thread.start()
        entered.wait(10)
        os.write(2, b"inside\n")
    os.write(2, b"still inside\n")
    leave.set()
    thread.join()
    os.write(2, b"outside\n")
    assert capfd.readouterr().err == "outside\n"


def test_what_a_program_that_imports_the_package_writes_is_shown(capfd):
    with quiet_libraries():
        os.write(2, b"shown\n")
    assert capfd.readouterr().err == "shown\n"


def test_without_a_free_descriptor_libraries_are_heard(capfd, monkeypatch, on_the_command_line):
    def none_free(*arguments: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "open", none_free)
    with quiet_libraries():
        os.write(2, b"inside\n")
    monkeypatch.undo()
    with quiet_libraries():
        os.write(2, b"dropped\n")
    assert capfd.readouterr().err == "inside\n"


def test_debugging_shows_all(capfd, monkeypatch, on_the_command_line):
    monkeypatch.setenv("LFVIDEO_DEBUG", "1")
    with quiet_libraries():
        os.write(2, b"shown\n")
    assert capfd.readouterr().err == "shown\n"
