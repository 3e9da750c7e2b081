"""Damaged files of a run, numbers that no run can have, weights that do not state their size: one line each."""

import json
import os

import pytest
import torch
from small_runs import COMMON
from test_loop import straight

from lfvideo_sr.choose import load_learned
from lfvideo_sr.config import from_mapping
from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.training.task import RunConfig
from lfvideo_sr.weights import read_about, weights_path


@pytest.fixture
def run_folder(tmp_path):
    straight(tmp_path, max_steps=4, stop_after=2)
    return tmp_path


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: bytes(len(content)),
        lambda content: content.replace(b"optimizers", b"optimizerz"),
    ],
    ids=["half", "empty", "zeros", "changed"],
)
def test_a_damaged_checkpoint_is_one_line_that_says_how_to_go_on(damage, run_folder):
    last = run_folder / "last.pt"
    last.write_bytes(damage(last.read_bytes()))
    with pytest.raises(InputError, match=r"last.pt cannot be read, .*--no-resume") as caught:
        straight(run_folder, max_steps=4)
    assert "\n" not in str(caught.value)
    (run_folder / "best.pt").write_bytes(b"x")
    with pytest.raises(InputError, match=r"last.pt cannot be read, .*--no-resume"):
        straight(run_folder, max_steps=4)


@pytest.mark.parametrize(
    "line", ["two,0.1,0.2,1", "3,0.1", "3,0.1,0.2,1,5,6", '"', "\0\0\0", "9" * 5000 + ",1,1,1", "\udcff,1,1,1"]
)
def test_a_damaged_log_ends_before_the_damage(line, run_folder):
    log = run_folder / "log.csv"
    with log.open("a", errors="surrogateescape") as file:
        file.write(line + "\n")
    straight(run_folder, max_steps=4)
    assert [row.split(",")[0] for row in log.read_text().splitlines()] == ["step", "1", "2", "3", "4"]


def test_a_log_of_other_columns_is_begun_anew(run_folder):
    (run_folder / "log.csv").write_text("a,b\n1,2\n")
    straight(run_folder, max_steps=4)
    assert [row.split(",")[0] for row in (run_folder / "log.csv").read_text().splitlines()] == ["step", "3", "4"]


def test_a_checkpoint_is_not_written_through_a_link(run_folder):
    (run_folder / "dear").write_text("dear")
    (run_folder / "last.tmp").symlink_to(run_folder / "dear")
    straight(run_folder, max_steps=4)
    assert (run_folder / "dear").read_text() == "dear" and not (run_folder / "last.tmp").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 0}, "'batch' is 0; give a number above 0"),
        ({"max_steps": -3}, "'max_steps' is -3; 0 or more"),
        ({"workers": -1}, "'workers' is -1; 0 or more"),
        ({"seed": 10**30}, "'seed' is 1000000"),
        ({"average": float("nan")}, "'average' is nan"),
        ({"clip": float("inf")}, "'clip' is inf"),
    ],
)
def test_numbers_that_no_run_can_have(changes, message):
    with pytest.raises(UsageError, match=message):
        from_mapping({**COMMON, **changes}, RunConfig, "run.yaml")


def test_a_precision_that_is_none_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="'precision' is 'nan'"):
        straight(tmp_path, precision="nan")


def rewritten(path, about: str):
    """Shipped weights that say something else of themselves."""
    content = weights_path("stream_ref").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"]["about"] = about
    changed = json.dumps(header).encode()
    path.write_bytes(len(changed).to_bytes(8, "little") + changed + content[8 + length :])
    return path


@pytest.mark.parametrize(
    "about",
    [
        "[]", "null", "{}", '{"method": "stream_ref"}', '{"method": 5, "size": {}}',
        '{"method": "stream_ref", "size": 4}', "[" * 100000,
    ],
)  # fmt: skip
def test_weights_that_do_not_say_what_they_are(about, tmp_path):
    path = rewritten(tmp_path / "w.safetensors", about)
    with pytest.raises(InputError, match=r"does not say which method|no weights file of this project"):
        read_about(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("channels", None), ("channels", "x"), ("channels", 0), ("channels", -8), ("blocks", [1]), ("zzz", 1)],
)
def test_weights_of_a_size_that_cannot_be(name, value, tmp_path):
    about = read_about(weights_path("stream_ref"))
    about["size"][name] = value
    path = rewritten(tmp_path / "w.safetensors", json.dumps(about))
    with pytest.raises(InputError, match=r"w.safetensors") as caught:
        load_learned("stream_ref", str(path))
    assert "\n" not in str(caught.value)


def test_a_checkpoint_that_does_not_say_how_far_it_came(tmp_path):
    torch.save({"method": "stream_ref", "size": {}, "step": "far", "seconds": 1.0}, tmp_path / "last.pt")
    with pytest.raises(InputError, match="does not say how far"):
        read_about(tmp_path / "last.pt")
    os.truncate(tmp_path / "last.pt", 100)
    with pytest.raises(InputError, match="is no checkpoint"):
        read_about(tmp_path / "last.pt")
