"""Graphs and plans of the cache are used only where nobody else could have put them there."""

import json
import os
import shutil
import sys

import pytest

from lfvideo_sr import choose, torch_loading
from lfvideo_sr.choose import EngineOptions, graphs_of
from lfvideo_sr.engine import Precision
from lfvideo_sr.engines import cache, onnx_engine
from lfvideo_sr.engines.cache import (
    cache_folder,
    graphs_misfit,
    graphs_to_run,
    make_folder,
    shipped_graphs,
    write_whole,
)
from lfvideo_sr.engines.trust import untrusted
from lfvideo_sr.errors import EngineError, TorchMissing

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners here")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The shipped graphs as they lie in a user's cache: folder, fingerprint of the weights."""
    monkeypatch.setenv("LFVIDEO_CACHE", str(tmp_path / "cache"))
    _, folder, weights = graphs_of(EngineOptions())
    make_folder(folder)
    for file in shipped_graphs(folder).iterdir():
        shutil.copyfile(file, folder / file.name)
        (folder / file.name).chmod(0o644)
    return folder, weights


def test_the_users_own_graphs_are_used(copied):
    folder, weights = copied
    assert graphs_to_run(folder) == folder
    assert graphs_misfit(folder, weights, Precision.FP32) is None


@pytest.mark.parametrize("what", ["folder", "parent", "restore.onnx", "graphs.json"])
def test_what_others_may_write_is_not_used_and_shipped_graphs_are(what, copied):
    folder, weights = copied
    path = {"folder": folder, "parent": folder.parent}.get(what, folder / what)
    path.chmod(path.stat().st_mode | 0o020)
    reason = graphs_misfit(folder, weights, Precision.FP32)
    assert reason == f"others may write to {path}: chmod go-w it if its content is known to be right"
    assert graphs_to_run(folder) == shipped_graphs(folder)
    path.chmod(path.stat().st_mode & ~0o022)
    assert graphs_to_run(folder) == folder


def test_what_belongs_to_another_user_is_not_used(copied, monkeypatch):
    folder, weights = copied
    for path in (folder.parent, folder, *folder.iterdir()):
        os.chown(path, 4321, -1) if os.geteuid() == 0 else None
    if os.geteuid() != 0:
        monkeypatch.setattr(os, "geteuid", lambda: 4321)
    assert "belongs to another user" in (graphs_misfit(folder, weights, Precision.FP32) or "")
    assert graphs_to_run(folder) == shipped_graphs(folder)


def test_a_folder_for_all_is_no_harm_where_each_has_its_own_files(tmp_path):
    tmp_path.chmod(0o1777)
    assert untrusted((tmp_path, tmp_path / "nothing")) is None


def test_files_and_folders_of_the_cache_are_the_users_alone(tmp_path):
    before = os.umask(0o002)
    try:
        make_folder(tmp_path / "cache" / "x")
        write_whole(tmp_path / "cache" / "x" / "y.json", b"{}")
    finally:
        os.umask(before)
    assert untrusted((tmp_path / "cache", tmp_path / "cache" / "x", tmp_path / "cache" / "x" / "y.json")) is None
    assert sorted(path.name for path in (tmp_path / "cache" / "x").iterdir()) == ["y.json"]


def test_a_link_at_the_unfinished_name_is_not_written_through(tmp_path):
    (tmp_path / "victim").write_text("precious")
    for name in (f"y.json.{os.getpid()}.partial", "y.partial.json"):
        (tmp_path / name).symlink_to(tmp_path / "victim")
    write_whole(tmp_path / "y.json", b"{}")
    assert (tmp_path / "victim").read_text() == "precious" and (tmp_path / "y.json").read_bytes() == b"{}"


def test_a_user_without_a_home_has_no_cache(monkeypatch, tmp_path):
    def homeless(*arguments: object, **options: object) -> None:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("LFVIDEO_CACHE", raising=False)
    monkeypatch.setattr(cache, "user_cache_path", homeless)
    _, folder, _ = graphs_of(EngineOptions())
    assert not cache_folder().exists() and graphs_to_run(folder) == shipped_graphs(folder)
    with pytest.raises(EngineError, match="set LFVIDEO_CACHE"):
        make_folder(folder)


@pytest.fixture
def torch_not_loaded(monkeypatch):
    """As in a process that has not imported torch yet; none of its modules is used meanwhile."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(onnx_engine, "OnnxEngine", lambda folder, device: "runs")


def test_a_torch_that_does_not_load_gives_way_to_graphs(torch_not_loaded, monkeypatch):
    def fails(name: str) -> None:
        raise ImportError("libtorch_cpu.so: failed to map segment from shared object")

    monkeypatch.setattr(torch_loading, "import_module", fails)
    choice = choose.choose_engine(EngineOptions(device="cpu"))
    assert choice.engine == "runs" and "torch cannot be loaded (libtorch_cpu.so: failed to map" in choice.why
    assert EngineOptions(quality="auto").settled().weights == "stream_ref_fast"  # no GPU was found without torch
    with pytest.raises(TorchMissing, match="pass --engine onnx"):
        choose.choose_engine(EngineOptions(engine="torch"))


def test_under_a_limit_of_memory_torch_is_not_tried_where_it_does_not_fit(torch_not_loaded, monkeypatch):
    monkeypatch.setattr(torch_loading, "free_address_space", lambda: 1000)
    choice = choose.choose_engine(EngineOptions(device="cpu"))
    assert choice.engine == "runs" and "larger than the 0.0 GB that ulimit -v leaves" in choice.why
    monkeypatch.setattr(torch_loading, "free_address_space", lambda: None)
    assert torch_loading._no_space() is None


@pytest.mark.parametrize(
    "change",
    [
        {"field_stride": "2"}, {"seeder": {"scale": 4}}, {"seeder": []}, {"inputs": {"encode": {}}}, {"info": {}},
        {"inputs": {verb: {"x": [1, "3*z"]} for verb in ("encode", "match", "restore")}}, {"field_stride": 0},
    ],
)  # fmt: skip
def test_a_description_with_values_that_no_method_has_is_one_line(change, copied):
    folder, weights = copied
    stored = json.loads((folder / "graphs.json").read_text())
    (folder / "graphs.json").write_text(json.dumps(stored | {"about": stored["about"] | change}))
    assert "describes no graphs" in (graphs_misfit(folder, weights, Precision.FP32) or "")


@pytest.mark.parametrize(("name", "value"), [("references", {}), ("references", 10**6), ("scale", 0), ("guided", 1)])
def test_a_method_that_cannot_be_is_no_description(name, value, copied):
    folder, weights = copied
    stored = json.loads((folder / "graphs.json").read_text())
    stored["about"]["info"][name] = value
    (folder / "graphs.json").write_text(json.dumps(stored))
    assert "describes no graphs" in (graphs_misfit(folder, weights, Precision.FP32) or "")
