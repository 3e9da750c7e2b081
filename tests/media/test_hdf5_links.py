"""Links, virtual data sets and raw storage of HDF5 files: what is followed, and what would read other files."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from lfvideo_sr.errors import InputError
from lfvideo_sr.media.hdf5_links import LinkedFile, LinkError, check_data_sets
from lfvideo_sr.media.images import read_image

VALUES = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)


@pytest.fixture
def elsewhere(tmp_path) -> Path:
    """A file in another folder than the one that is opened."""
    (tmp_path / "elsewhere").mkdir()
    return save(tmp_path / "elsewhere" / "private.h5", {"LF": VALUES})


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "here").mkdir()
    save(tmp_path / "here" / "part.h5", {"scenes/bikes": VALUES})
    return tmp_path / "here"


def save(path: Path, content: dict) -> Path:
    with h5py.File(path, "w") as file:
        for key, value in content.items():
            file[key] = value
    return path


def virtual(path: Path, source: str, name: str = "LF") -> Path:
    layout = h5py.VirtualLayout(VALUES.shape, VALUES.dtype)
    layout[...] = h5py.VirtualSource(source, name, VALUES.shape)
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("LF", layout)
    return path


def raw(path: Path, source: Path) -> Path:
    """A data set whose samples are the bytes of any file."""
    with h5py.File(path, "w") as file:
        file.create_dataset("LF", (4, 4), np.uint8, external=[(str(source), 0, 16)])
    return path


def why(path: Path, key: str = "LF") -> str:
    with LinkedFile(path) as file, pytest.raises(LinkError) as caught:
        file.data_set(key)
    return str(caught.value)


def test_links_inside_the_folder_lead_to_what_they_name(folder):
    links = {"LF": h5py.ExternalLink("part.h5", "/scenes/bikes"), "soft/again": h5py.SoftLink("/LF")}
    path = save(folder / "master.h5", links | {"group": h5py.ExternalLink("part.h5", "/scenes")})
    with LinkedFile(path) as file:
        for key in ("LF", "soft/again", "group/bikes"):
            np.testing.assert_array_equal(file.data_set(key)[...], VALUES)
        named = {key: again for key, _, again in file.data_sets()}
    assert set(named) >= {"LF", "soft/again"} and sum(not again for again in named.values()) == 1


def test_a_virtual_data_set_of_the_folder_is_read_and_one_without_its_source_is_refused(folder):
    path = virtual(folder / "virtual.h5", "part.h5", "scenes/bikes")
    with LinkedFile(path) as file:
        np.testing.assert_array_equal(file.data_set("LF")[...], VALUES)
    (folder / "part.h5").rename(folder / "moved.h5")
    assert "part.h5::scenes/bikes, which is not there" in why(path)
    assert "which is not there" in why(virtual(folder / "other.h5", "moved.h5", "scenes/cars"))


def test_broken_links_say_where_they_lead_and_hide_nothing_else(folder):
    links = {"gone": h5py.ExternalLink("missing.h5", "/LF"), "soft": h5py.SoftLink("/nowhere"), "good": VALUES}
    path = save(folder / "a.h5", links | {"round": h5py.SoftLink("/round")})
    assert "missing.h5, which is not there" in why(path, "gone") and "/nowhere, which is not there" in why(path, "soft")
    assert "round in a circle" in why(path, "round") and "is not there" in why(path, "never")
    with LinkedFile(path) as file:
        items = {key: item for key, item, _ in file.data_sets()}
        assert isinstance(items["good"], h5py.Dataset) and isinstance(items["gone"], LinkError)
        assert "gone" in file and "never" not in file


@pytest.mark.parametrize(
    "kind", ["external link", "link and link", "virtual", "virtual through a link", "raw", "symlink"]
)
def test_no_file_outside_the_folder_is_read_unless_that_is_allowed(kind, folder, elsewhere):
    named = "../elsewhere/private.h5"
    path = folder / "a.h5"
    if kind == "external link":
        save(path, {"LF": h5py.ExternalLink(named, "/LF")})
    elif kind == "link and link":
        save(folder / "b.h5", {"LF": h5py.ExternalLink(str(elsewhere), "/LF")})
        save(path, {"LF": h5py.ExternalLink("b.h5", "/LF")})
    elif kind == "virtual":
        virtual(path, named)
    elif kind == "virtual through a link":
        save(folder / "b.h5", {"LF": h5py.ExternalLink(named, "/LF")})
        virtual(path, "b.h5")
    elif kind == "raw":
        raw(path, elsewhere)
    else:
        (folder / "b.h5").symlink_to(elsewhere)
        save(path, {"LF": h5py.ExternalLink("b.h5", "/LF")})
    assert "--follow-links" in why(path)
    with LinkedFile(path, beyond=True) as file:
        assert file.data_set("LF")[...].any()


def test_raw_storage_of_the_own_folder_is_refused_too(folder):
    (folder / "secret.txt").write_text("hunter2 hunter2 ")
    assert "raw bytes of the file" in why(raw(folder / "a.h5", folder / "secret.txt"))


def test_references_and_pictures_inside_such_files_are_refused(folder, elsewhere):
    path = save(folder / "refs.h5", {"images": h5py.ExternalLink(str(elsewhere), "/LF"), "times": np.zeros(2)})
    with pytest.raises(InputError, match=r"refs\.h5: /images is a link to the file .*private\.h5"):
        check_data_sets(path, ("images", "times", "frames"))
    pictures = save(folder / "set.h5", {"img_HR": h5py.ExternalLink(str(elsewhere), "/LF")})
    with pytest.raises(InputError, match="is a link to the file"):
        read_image(pictures / "img_HR" / "0")


def test_a_cut_file_names_what_cannot_be_read(folder):
    path = save(folder / "a.h5", {f"group{number}/LF": VALUES for number in range(20)})
    data = bytearray(path.read_bytes())
    start = data.find(b"TREE")
    data[start : start + 4] = b"EERT"
    path.write_bytes(data)
    with LinkedFile(path) as file:
        items = {key: str(item) for key, item, _ in file.data_sets()}
    assert items and any("cannot be read" in item for item in items.values())
