"""Damaged files of every kind end in a result or in one line: no traceback, hang or crash, and nothing left behind."""

import os
import random
import sys
from pathlib import Path

import pytest

if not hasattr(os, "pidfd_open") or sys.platform != "linux":
    pytest.skip("a command is run in a forked child, which Linux can watch", allow_module_level=True)

from campaign import LIGHT, cases, prepare
from forked import run_forked
from kinds import KINDS
from mutations import damaged

FEW, MANY = 50, 3000


def problems_of(names: list[str], count: int, seed: int, folder: Path) -> list[str]:
    return [
        f"{case.folder.name}: {case.problem}: {case.ended.err[-500:]}"
        for case in cases(names, count, seed, folder)
        if case.problem
    ]


@pytest.fixture(autouse=True)
def prepared() -> None:
    prepare(heavy=False)


def test_a_few_damaged_files(tmp_path):
    assert problems_of(LIGHT, FEW, 2, tmp_path) == []


@pytest.mark.slow
def test_many_damaged_files(tmp_path):
    prepare(heavy=True)
    assert problems_of(list(KINDS), MANY, 1, tmp_path) == []


@pytest.mark.slow
def test_undamaged_files_of_every_kind_are_processed(tmp_path):
    """So that a refusal is one of damage."""
    for name in LIGHT:
        folder = tmp_path / name.replace(" ", "_")
        folder.mkdir()
        KINDS[name].make(folder)
        ended = run_forked(KINDS[name].arguments, folder)
        assert (name, ended.problem) == (name, None)
        assert ended.code == (5 if name == "journal" else 0), (name, ended.err)


def test_damage_is_the_same_for_the_same_seed_and_differs_for_others():
    content = bytes(range(256)) * 4
    for kind in ("binary", "text", "json", "safetensors"):
        made = [damaged(content, random.Random(seed), kind) for seed in (1, 1, 2, 3, 4)]
        assert made[0] == made[1] and len(set(made)) > 2


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("raise ValueError('x')", "traceback"),
        ("import os; os.abort()", "signal SIGABRT"),
        ("while True: pass", "hangs"),
        ("import sys; print('one\\ntwo', file=sys.stderr); sys.exit(3)", "exit 3 with 2 lines"),
        ("import sys; sys.exit(1)", "exit 1"),
    ],
)
def test_what_is_a_problem(body, problem, tmp_path, monkeypatch):
    from lfvideo_sr import cli

    monkeypatch.setattr(cli, "main", lambda: exec(body))
    (tmp_path / "work").mkdir()
    ended = run_forked(["version"], tmp_path / "work", seconds=1)
    assert ended.problem is not None and ended.problem.startswith(problem)


def test_attributes_that_cannot_be_read_are_one_line(tmp_path):
    """A name in a local heap that points outside of it, which HDF5 notices only when an attribute is looked for."""
    folder = tmp_path / "hci2013"
    folder.mkdir()
    KINDS["hci2013"].make(folder)
    content = (folder / "in.h5").read_bytes()
    at = content.index(b"shift")
    (folder / "in.h5").write_bytes(content[: at - 8] + bytes(8 * (0xFF,)) + content[at:])
    ended = run_forked(KINDS["hci2013"].arguments, folder)
    assert ended.problem is None and ended.code in (0, 3), ended.err
