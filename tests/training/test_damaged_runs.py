"""Damaged files of a run, numbers that no run can have, weights that do not state their size: one line each."""

import json
import os

import pytest
import torch
from small_runs import COMMON, saved
from test_loop import Line, numbered, scoring, straight

from lfvideo_sr.choose import load_learned
from lfvideo_sr.config import from_mapping
from lfvideo_sr.errors import InputError, UsageError
from lfvideo_sr.training.loop import fit
from lfvideo_sr.training.task import RunConfig, Step, Task
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
    assert "\n" not in str(caught.value) and "there is no best.pt to go on from" in str(caught.value)
    (run_folder / "best.pt").write_bytes(b"x")
    with pytest.raises(InputError, match=r"last.pt cannot be read, .*--no-resume"):
        straight(run_folder, max_steps=4)


def test_a_checkpoint_that_cannot_be_read_now_is_not_damaged(run_folder, monkeypatch):
    """Else the run would go on from best.pt and replace the newer checkpoint."""
    (run_folder / "best.pt").write_bytes((run_folder / "last.pt").read_bytes())
    load = torch.load

    def without_memory(path, **options):
        if path.name == "last.pt":
            raise MemoryError("no room")
        return load(path, **options)

    monkeypatch.setattr(torch, "load", without_memory)
    with pytest.raises(MemoryError):
        straight(run_folder, max_steps=4)


def test_a_damaged_state_goes_on_from_the_best_one(tmp_path, capsys):
    straight(tmp_path, scoring([1.0, 5.0, 2.0, 2.0]), validate_every=1, stop_after=4)
    os.truncate(tmp_path / "last.pt", (tmp_path / "last.pt").stat().st_size - 400)
    losses, config, _ = straight(tmp_path, scoring([2.0] * 4), validate_every=1)
    assert "last.pt is damaged; the run goes on from" in capsys.readouterr().out
    assert len(losses.seen) == 4 and saved(config)["step"] == 6


def test_a_state_of_another_network_is_one_line(tmp_path):
    _, config, _ = straight(tmp_path, max_steps=1)
    wider = Line(torch.nn.Linear(4, 1))
    steps = {"fit": Step(wider, torch.optim.SGD(wider.network.parameters(), 0.1), ("loss", "noise"))}
    with pytest.raises(InputError, match="saved by a run of another network") as raised:
        fit(Task(wider.network, {}, steps, numbered), config)
    assert "\n" not in str(raised.value) and "[1, 3]" in str(raised.value)


@pytest.mark.parametrize(
    "line",
    ["1,0.5", "x,0.5,0.5,1", "\0\0\0", "9" * 5000 + ",1,1,1", "2,a,b,c", "1,2,3,4,5,6", '"', "\udcff,1,1,1"],
    ids=["short", "no step", "nul", "digits", "words", "long", "quote", "bytes"],
)
def test_damaged_lines_of_a_log_are_left_out(tmp_path, line, capsys):
    straight(tmp_path, stop_after=3)
    log = tmp_path / "log.csv"
    rows = log.read_text().splitlines()
    log.write_text("\n".join([*rows[:2], line, *rows[2:]]) + "\n", errors="surrogateescape")
    straight(tmp_path)
    assert "log.csv is damaged: 1 of its lines are left out" in capsys.readouterr().out
    assert [row.split(",")[0] for row in log.read_text().splitlines()] == ["step", *"123456"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00garbage"])
def test_a_log_that_is_none_begins_anew(tmp_path, content):
    straight(tmp_path, stop_after=3)
    (tmp_path / "log.csv").write_bytes(content)
    straight(tmp_path)
    assert [row.split(",")[0] for row in (tmp_path / "log.csv").read_text().splitlines()] == ["step", *"456"]


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
