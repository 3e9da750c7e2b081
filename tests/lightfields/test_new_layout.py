"""A layout that is added to the table, and nowhere else, is listed, detected, restored and written."""

import re

import h5py
import numpy as np
import pytest
from command_line import report_of
from small_grids import as_bytes, rendered_grid

from lfvideo_sr.frames import Size, View
from lfvideo_sr.lightfields.arrangement import Mosaic
from lfvideo_sr.lightfields.layouts import LAYOUTS, ArrayLayout, FolderLayout, Keys, PictureLayout
from lfvideo_sr.lightfields.opening import open_light_field
from lfvideo_sr.media.images import read_image, write_png
from lfvideo_sr.media.resize import bicubic, degrade

ROWS, COLUMNS, SIZE = 2, 3, Size(64, 48)
STORED = (3, 4, 2, 0, 1)  # as_bytes gives (row,column,y,x,channel); the toy array is (x,channel,y,row,column)
BICUBIC = ("--method", "bicubic", "--progress", "none")


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    return rendered_grid(ROWS, COLUMNS, SIZE, seed=8)


@pytest.fixture(scope="module")
def low(sharp) -> np.ndarray:
    return np.stack([[degrade(view) for view in row] for row in sharp])


@pytest.fixture
def toy_array(monkeypatch) -> None:
    layout = ArrayLayout("Toy camera: toy_sharp, toy_small", "x,channel,y,row,column", Keys("toy_sharp", "toy_small"))
    monkeypatch.setitem(LAYOUTS, "toy", layout)


def enlarged(low: np.ndarray) -> np.ndarray:
    return np.stack([[np.clip(bicubic(view, SIZE), 0, 1) for view in row] for row in low])


def test_an_array_is_restored_and_written_as_it_was_stored(run, toy_array, tmp_path, low):
    path, target = tmp_path / "scene.h5", tmp_path / "sr.h5"
    with h5py.File(path, "w") as file:
        file["toy_small"] = as_bytes(low).transpose(STORED)
    outcome = run("lightfield", path, "-o", target, "--method", "bicubic")
    assert outcome.code == 0 and "toy (toy_small with five axes): 2x3 views" in outcome.out
    with h5py.File(target) as file:
        assert list(file) == ["toy_sharp"] and file["toy_sharp"].shape == (64, 3, 48, ROWS, COLUMNS)
        difference = file["toy_sharp"][:].astype(int) - as_bytes(enlarged(low)).transpose(STORED)
    assert np.abs(difference).max() <= 1
    assert open_light_field(target).info.layout == "toy"


def test_an_array_beside_its_sharp_one_gives_references(run, toy_array, tmp_path, sharp, low):
    path, target = tmp_path / "scene.h5", tmp_path / "sr.h5"
    with h5py.File(path, "w") as file:
        file["toy_small"], file["toy_sharp"] = (as_bytes(views).transpose(STORED) for views in (low, sharp))
    assert run("lightfield", path, "-o", target, "--method", "flow_transfer").code == 0
    assert report_of(target)["reference_source"] == "same-file"


def test_help_and_the_option_know_it(run, toy_array, tmp_path, low):
    help_text = run("lightfield", "info", "--help").out
    assert re.search(r"^ +toy +Toy camera: toy_sharp, toy_small$", help_text, re.MULTILINE)
    path = tmp_path / "scene.h5"
    with h5py.File(path, "w") as file:
        file["anything"] = as_bytes(low).transpose(STORED)
    assert "toy (--layout): 2x3 views" in run("lightfield", path, "--layout", "toy", "--method", "bicubic").out
    assert "did you mean 'toy'?" in run("lightfield", path, "--layout", "toyy", "--method", "bicubic").line


def test_a_folder_is_read_by_its_names_and_written_with_what_belongs_to_it(run, monkeypatch, tmp_path, low):
    def by_letters(pictures, folder):
        names = [picture for picture in pictures if re.fullmatch("[a-z][A-Z]", picture.stem)]
        return {View(ord(name.stem[0]) - ord("a"), ord(name.stem[1]) - ord("A")): name for name in names}

    companions = {"size.txt": lambda text, size, views: text.replace("16x12", str(size))}
    monkeypatch.setitem(LAYOUTS, "toy-folder", FolderLayout("aA.png", by_letters, companions))
    folder, target = tmp_path / "views", tmp_path / "sr"
    folder.mkdir()
    (folder / "size.txt").write_text("views are 16x12")
    for row, column in np.ndindex(ROWS, COLUMNS):
        write_png(folder / f"{'ab'[row]}{'ABC'[column]}.png", low[row, column])
    assert run("lightfield", folder, "-o", target, *BICUBIC).code == 0
    assert (target / "size.txt").read_text() == "views are 64x48"
    np.testing.assert_allclose(read_image(target / "bC.png"), enlarged(low)[1, 2], atol=1 / 255 + 1e-6)


def test_a_picture_is_known_by_its_name(run, monkeypatch, tmp_path, low):
    monkeypatch.setitem(LAYOUTS, "toy-picture", PictureLayout("", Mosaic(), mark="toy", grid=(ROWS, COLUMNS)))
    path, target = tmp_path / "my_toy.png", tmp_path / "toy_sr.png"
    write_png(path, low.transpose(2, 0, 3, 1, 4).reshape(3, ROWS * 12, COLUMNS * 16))
    assert run("lightfield", path, "-o", target, *BICUBIC).code == 0
    np.testing.assert_allclose(read_image(target)[:, 48:, 128:], enlarged(low)[1, 2], atol=1 / 255 + 1e-6)
