"""Of a file with several scenes, the one that was named is restored, under a name of its own, and counts as done."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from small_grids import as_bytes, rendered_grid

from lfvideo_sr.frames import Size
from lfvideo_sr.lightfields.opening import open_light_field

BICUBIC = ("--method", "bicubic", "--progress", "plain")


@pytest.fixture
def scenes(tmp_path) -> Path:
    path = tmp_path / "scenes.h5"
    grid = as_bytes(rendered_grid(2, 3, Size(20, 12), seed=8))
    with h5py.File(path, "w") as file:
        file["real/bench"], file["real/fox"] = grid, 255 - grid
    return path


def test_each_scene_gets_its_own_target_and_none_is_done_before_it_was(run, scenes):
    for name in ("bench", "fox"):
        outcome = run("lightfield", f"{scenes}::/real/{name}", *BICUBIC)
        assert outcome.code == 0 and "already done" not in outcome.out
        with h5py.File(scenes.with_name(f"scenes_real_{name}_x4.h5")) as file:
            assert list(file["real"]) == [name]
    assert "already done" in run("lightfield", f"{scenes}::/real/fox", *BICUBIC).out


def test_another_scene_into_the_same_file_is_refused(run, scenes, tmp_path):
    target = ("-o", tmp_path / "one.h5", *BICUBIC)
    assert run("lightfield", f"{scenes}::/real/bench", *target).code == 0
    outcome = run("lightfield", f"{scenes}::/real/fox", *target)
    assert outcome.code == 3 and "exists; pass --overwrite" in outcome.line


@pytest.mark.parametrize("command", [("lightfield",), ("lightfield", "info")])
def test_a_scene_that_is_not_there_is_refused_with_those_that_are(run, scenes, command):
    for key, what in (("real/kitchen", "no data set /real/kitchen"), ("real", "/real is a group")):
        line = run(*command, f"{scenes}::/{key}").line
        assert what in line and "real/bench uint8" in line and "::/real/bench' --layout row,column,y,x,channel" in line
    assert [path.name for path in scenes.parent.iterdir()] == ["scenes.h5"]


def test_a_second_name_of_a_scene_is_no_second_scene(scenes):
    with h5py.File(scenes, "r+") as file:
        del file["real/fox"]
        file["alias"] = h5py.SoftLink("/real/bench")
        file["gone"] = h5py.ExternalLink("missing.h5", "/LF")
    for named in (scenes, f"{scenes}::/alias"):
        open_light_field(named).close()


def test_names_with_control_characters_are_printed_as_escapes(run, scenes):
    with h5py.File(scenes, "r+") as file:
        file["\x1b[31mred\x07"] = file["real/fox"]
    line = run("lightfield", f"{scenes}::/nothing").line
    assert "\x1b" not in line and "\x07" not in line and r"\x1b[31mred\x07 uint8" in line
    outcome = run("lightfield", "info", f"{scenes}::/\x1b[31mred\x07")
    assert outcome.code == 0 and "\x1b" not in outcome.out + outcome.err


def test_a_file_that_a_link_leads_to_is_an_input_like_any_other(run, scenes):
    master = scenes.with_name("master.h5")
    with h5py.File(master, "w") as file:
        file["LF"] = h5py.ExternalLink("scenes.h5", "/real/bench")
    before = scenes.read_bytes()
    assert "read here" in run("lightfield", master, "-o", scenes, "--overwrite", *BICUBIC).line
    assert scenes.read_bytes() == before
    assert run("lightfield", master, *BICUBIC).code == 0 and "already done" in run("lightfield", master, *BICUBIC).out
    with h5py.File(scenes, "r+") as file:
        file["real/bench"][0, 0] = 0
    assert "exists; pass --overwrite" in run("lightfield", master, *BICUBIC).line


def test_a_view_in_another_file_is_restored_only_where_that_is_allowed(run, scenes, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    with h5py.File(folder / "a.h5", "w") as file:
        file["LF"] = h5py.ExternalLink(str(scenes), "/real/bench")
    outcome = run("lightfield", folder / "a.h5", *BICUBIC)
    assert outcome.code == 3 and "--follow-links" in outcome.line and len(list(folder.iterdir())) == 1
    assert run("lightfield", folder / "a.h5", "--follow-links", *BICUBIC).code == 0
    with h5py.File(folder / "a_x4.h5") as file:
        assert np.asarray(file["LF"]).shape == (2, 3, 48, 80, 3)
