"""HDF5 files that declare what was never written are refused by what HDF5 itself says of them."""

import h5py
import numpy as np
import pytest

from lfvideo_sr.errors import InputError
from lfvideo_sr.media.unwritten import check_written

HUGE = (1000, 1000, 4, 4, 3)


def made(path, **arrays):
    """A file with arrays: of a shape, never written; or of samples."""
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            written = {"data": array} if isinstance(array, np.ndarray) else {"shape": array, "dtype": np.uint8}
            file.create_dataset(key, chunks=True, **written)
    return path


def test_a_file_of_nothing_else_is_refused(tmp_path):
    path = made(tmp_path / "in.h5", LF=HUGE, count=np.arange(3))
    with pytest.raises(InputError, match=r"in\.h5::/LF declares 48 MB and holds 0 bytes"):
        check_written(str(path))


def test_only_the_array_that_is_named_counts(tmp_path):
    path = made(tmp_path / "in.h5", mask=HUGE, LF=np.ones((3, 3, 8, 8, 3), np.uint8))
    check_written(str(path))
    check_written(f"{path}::/LF")
    with pytest.raises(InputError, match=r"in\.h5::/mask declares 48 MB"):
        check_written(f"{path}::/mask")


def test_what_is_no_such_file_is_left_to_its_reader(tmp_path):
    (tmp_path / "in.h5").write_bytes(b"\x89HDF\r\n\x1a\nand nothing else")
    (tmp_path / "in.png").write_bytes(b"no picture")
    for name in ("in.h5", "in.png", "gone.h5", "in.h5::/LF", "."):
        check_written(str(tmp_path / name))
    check_written(f"{made(tmp_path / 'small.h5', LF=(3, 3, 8, 8, 3))}::/other")


def test_light_field_commands_ask_first(tmp_path, run):
    path = made(tmp_path / "in.h5", LF=HUGE)
    for words in (("lightfield", path, "--method", "bicubic", "-o", tmp_path / "out.h5"), ("lightfield", "info", path)):
        done = run(*words)
        assert done.code == 3 and "LF declares 48 MB" in done.err
    assert {each.name for each in tmp_path.iterdir()} == {"in.h5"}
