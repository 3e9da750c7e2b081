"""Light fields from Python: from memory and from files, with references by view, and written again."""

import numpy as np
import pytest
import torch

import lfvideo_sr
from lfvideo_sr.lightfields.folder import FolderField
from lfvideo_sr.media.images import write_png
from lfvideo_sr.media.resize import degrade, to_uint8
from lfvideo_sr.synthetic import random_scene, render

FAST = {"method": "flow_transfer"}
ROWS, COLUMNS = 2, 3


@pytest.fixture(scope="module")
def views() -> np.ndarray:
    """Sharp views [rows,columns,3,H,W] of a rendered scene, each a moment of it."""
    scene, size = random_scene(np.random.default_rng(3), width=96), lfvideo_sr.Size(96, 64)
    return np.stack([
        [render(scene, float(row + column), size) for column in range(COLUMNS)] for row in range(ROWS)
    ])  # fmt: skip


@pytest.fixture(scope="module")
def low(views) -> np.ndarray:
    return np.stack([[to_uint8(degrade(view)) for view in row] for row in views])


@pytest.fixture
def folder(low, tmp_path):
    """The low-resolution views as a folder of pictures."""
    folder = tmp_path / "views"
    folder.mkdir()
    for row, column in np.ndindex(ROWS, COLUMNS):
        write_png(folder / f"view_{row}_{column}.png", low[row, column] / np.float32(255))
    return folder


def test_views_in_memory_give_what_their_files_give(low, folder, views):
    references = {(0, 1): views[0, 1]}
    with (
        lfvideo_sr.open_light_field(torch.from_numpy(low), references=references, **FAST) as memory,
        lfvideo_sr.open_light_field(folder, references=references, layout="folder", **FAST) as files,
    ):
        results, expected = list(memory.results()), list(files.results())
    assert [result.frame.stamp for result in results] == [result.frame.stamp for result in expected]
    for result, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(result.frame.pixels, other.frame.pixels, atol=1e-5)
    (itself,) = [result for result in results if result.passed]
    assert itself.frame.stamp == (0, 1)
    np.testing.assert_array_equal(itself.frame.pixels, views[0, 1])
    assert all(0 < result.references[0].relevance <= 1 for result in results if not result.passed)


def test_a_file_is_closed_again_where_its_references_are_none(folder, monkeypatch):
    closed: list[object] = []
    monkeypatch.setattr(FolderField, "close", lambda field: closed.append(field))
    with pytest.raises(lfvideo_sr.InputError, match=r"gone\.png"):
        lfvideo_sr.open_light_field(folder, references={(0, 1): "gone.png"}, layout="folder", **FAST)
    assert len(closed) == 1


def test_light_fields_and_pictures_have_a_quality_as_streams_do(low):
    pictures, views = {}, {}
    for quality in ("fast", "best"):
        pictures[quality] = lfvideo_sr.restore_picture(low[0, 0], quality=quality).pixels
        with lfvideo_sr.open_light_field(low, no_refs=True, quality=quality) as field:
            views[quality] = next(iter(field)).pixels
    assert all(np.abs(made["fast"] - made["best"]).max() > 1e-3 for made in (pictures, views))
    np.testing.assert_array_equal(pictures["best"], lfvideo_sr.restore_picture(low[0, 0]).pixels)


def test_written_views_can_be_opened_again(low, views, tmp_path):
    with lfvideo_sr.open_light_field(low, references={(0, 0): views[0, 0]}, **FAST) as field:
        steps: list[tuple[int, int | None]] = []
        path = field.write(tmp_path / "x4", progress=lambda *step: steps.append(step))
        expected = {frame.stamp: frame.pixels for frame in field}
    assert steps[-1] == (6, 6)
    with lfvideo_sr.open_light_field(path, method="bicubic") as written:
        for result in written.results():
            np.testing.assert_allclose(result.low.pixels, expected[result.low.stamp], atol=0.6 / 255)


def test_a_file_is_written_in_its_own_layout(folder, tmp_path):
    with lfvideo_sr.open_light_field(folder, no_refs=True, **FAST) as field:
        path = field.write(tmp_path / "x4")
    assert {file.name for file in path.iterdir()} == {file.name for file in folder.iterdir()}


def test_cancelling_leaves_nothing(low, tmp_path):
    def cancel(done: int, total: int | None) -> None:
        raise InterruptedError

    with lfvideo_sr.open_light_field(low, no_refs=True, **FAST) as field, pytest.raises(InterruptedError):
        field.write(tmp_path / "x4", progress=cancel)
    assert list(tmp_path.iterdir()) == []


def test_every_iteration_starts_anew(low):
    with lfvideo_sr.open_light_field(low, no_refs=True, **FAST) as field:
        assert len(list(field)) == len(list(field)) == field.job.frames == ROWS * COLUMNS


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"epipolar": 2}, ValueError, "^epipolar is 2"),
        ({"transpos": True}, TypeError, "did you mean 'transpose'"),
        ({"layout": "hci"}, ValueError, "^no 'hci' in layout"),
        ({"references": {(7, 7): "a.png"}}, ValueError, "^references: view 7,7 is outside the grid"),
        ({"references": {}, "ref_views": ("0,0",)}, ValueError, "^references contradicts refs, ref_views"),
        ({"open": lfvideo_sr.OpenOptions(), "item": 1}, ValueError, "^open contradicts item"),
    ],
    ids=str,
)
def test_errors_name_parameters(low, parameters, error, message):
    with pytest.raises(error, match=message):
        lfvideo_sr.open_light_field(low, **FAST, **parameters)


def test_another_shape_is_refused():
    with pytest.raises(lfvideo_sr.ShapeError, match=r"\[rows,columns,3,H,W\] is needed"):
        lfvideo_sr.open_light_field(np.zeros((3, 3, 8, 8, 3, 1)), **FAST)
