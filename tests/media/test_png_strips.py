"""A PNG written in strips is the one that is written at once, and appears only when it is whole."""

import os

import cv2
import numpy as np
import pytest

from lfvideo_sr.errors import OutputError
from lfvideo_sr.frames import Size
from lfvideo_sr.media.images import read_picture, write_png
from lfvideo_sr.media.png_strips import PngStrips


def noise(height=13, width=7):
    return np.random.default_rng(0).uniform(-0.1, 1.1, (3, height, width)).astype(np.float32)


@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize("shape", [(13, 7), (1, 1), (5, 300)])
def test_strips_are_the_picture(tmp_path, bit_depth, shape):
    pixels = noise(*shape)
    with PngStrips(tmp_path / "strips.png", Size(*shape[::-1]), bit_depth) as file:
        for first in range(0, shape[0], 4):
            file.write(pixels[:, first : first + 4])
    write_png(tmp_path / "whole.png", pixels, bit_depth)
    read = [cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED) for name in ("strips.png", "whole.png")]
    assert np.array_equal(*read) and read_picture(tmp_path / "strips.png").bit_depth == bit_depth
    (tmp_path / "new").touch()
    assert (tmp_path / "strips.png").stat().st_mode == (tmp_path / "new").stat().st_mode


def test_what_fails_in_the_middle_leaves_what_was_there(tmp_path):
    (tmp_path / "out.png").write_text("older")
    (tmp_path / "out.partial.png").write_text("somebody's")
    with pytest.raises(ZeroDivisionError), PngStrips(tmp_path / "out.png", Size(7, 13)) as file:
        file.write(noise()[:, :5])
        raise ZeroDivisionError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "out.png": "older", "out.partial.png": "somebody's",
    }  # fmt: skip


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    with (
        pytest.raises(OutputError, match="the disk is full; free some space"),
        PngStrips(tmp_path / "out.png", Size(900, 900)) as file,
    ):
        file._file.close()
        with open("/dev/full", "wb", buffering=0) as file._file:
            file.write(noise(900, 900))
    assert list(tmp_path.iterdir()) == []


def test_no_folder_is_one_line(tmp_path):
    with pytest.raises(OutputError, match="No such file"), PngStrips(tmp_path / "gone" / "out.png", Size(7, 13)):
        pass
