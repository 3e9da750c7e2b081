"""A file appears under its name when it is whole, and nothing is left of one that is not."""

import errno

import numpy as np
import pytest

from lfvideo_sr.media import images
from lfvideo_sr.media.partial import unwritable, whole_file


def test_a_file_gets_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "a.bin"
    with whole_file(path) as partial:
        partial.write_bytes(b"whole")
        assert not path.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"] and path.read_bytes() == b"whole"


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(b"before")
    with pytest.raises(error), whole_file(path) as partial:
        partial.write_bytes(b"half")
        raise error
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"] and path.read_bytes() == b"before"


def test_an_interrupted_picture_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(pixels, bit_depth):
        raise KeyboardInterrupt

    monkeypatch.setattr(images, "_encode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        images.write_png(tmp_path / "a.png", np.zeros((3, 4, 4), np.float32))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named(tmp_path):
    assert "the disk is full" in str(unwritable(tmp_path / "a", OSError(errno.ENOSPC, "No space left on device")))
    assert "cannot be written: Is a directory" in str(
        unwritable(tmp_path / "a", OSError(errno.EISDIR, "Is a directory"))
    )
