"""Plans, records and journals that were damaged, or made by somebody else: one line, and no other file is touched."""

import json
from dataclasses import asdict

import pytest
from command_line import FAST
from small_clips import FRAMES, frames_of

from lfvideo_sr.choose import EngineOptions
from lfvideo_sr.commands.plan import plan_of
from lfvideo_sr.commands.stream import StreamCommand
from lfvideo_sr.errors import InputError, ResumeRefused
from lfvideo_sr.stream.journal import Journal, remove_left
from lfvideo_sr.stream.options import StreamOptions
from lfvideo_sr.stream.output import EncodingOptions
from lfvideo_sr.stream.plan import RunPlan
from lfvideo_sr.stream.records import SegmentRecord

ASKED = {"input": "in.mkv"}


@pytest.fixture(scope="module")
def plan(low_clip, tmp_path_factory) -> dict:
    target = tmp_path_factory.mktemp("planned") / "out.mkv"
    encoding = EncodingOptions(codec="ffv1")
    command = StreamCommand(low_clip, target, StreamOptions(), encoding, EngineOptions("flow_transfer"))
    return json.loads(plan_of(command).text())


def test_a_plan_is_read_as_it_was_written(plan):
    assert json.loads(RunPlan.of_text(json.dumps(plan)).text()) == plan


ENCODING = asdict(EncodingOptions("ffv1"))
DAMAGE = [
    ("input", 5), ("input", ""), ("input", "a\0b"), ("output", None), ("asked", {}), ("asked", []),
    ("options", {"zzz": 1}),
    ("options", {"max_refs": "two"}), ("options", {"refs": 5}), ("engine", {"method": 7}), ("engine", {"zzz": ""}),
    ("engine", None), ("encoding", {}), ("encoding", []), ("encoding", None),
    ("encoding", ENCODING | {"crf": "high"}), ("encoding", ENCODING | {"size": [0, 4]}),
    ("encoding", ENCODING | {"options": {"g": 5}}), ("encoding", ENCODING | {"codec": ""}),
    ("size", [0, 16]), ("size", [10**6, 10**6]), ("size", 7),
    ("segments", [[0]]), ("segments", [[0, -1]]), ("segments", None), ("segments", [[0, float("inf")]]), ("zzz", 1),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), DAMAGE, ids=[f"{key} {value}"[:40] for key, value in DAMAGE])
def test_a_damaged_plan_is_one_line(key, value, plan, run, tmp_path):
    (tmp_path / "plan.json").write_text(json.dumps(plan | {key: value}))
    outcome = run("run-segment", tmp_path / "plan.json", "0")
    assert outcome.code == 3 and "is not a plan of this version" in outcome.line and len(outcome.line) < 500


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100000, '{"plan": 1}'])
def test_what_is_no_plan_is_one_line(text):
    with pytest.raises(InputError, match="is not a plan of this version"):
        RunPlan.of_text(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("file", "../../dear"),
        ("file", "000001.nut"),
        ("number", "0"),
        ("first", -1),
        ("shown", [[1]]),
        ("zzz", 1),
        ("uses", 1),
    ],
)
def test_a_record_of_another_file_is_none(key, value):
    line = {
        "number": 0,
        "first": 0,
        "frames": 1,
        "file": "000000.nut",
        "bytes": 1,
        "sha256": "0",
        "shown": [[0, 1]],
        "uses": [],
    }
    assert SegmentRecord.of_line(line).shown == ((0, 1),)
    with pytest.raises((ValueError, KeyError, TypeError)):
        SegmentRecord.of_line(line | {key: value})


@pytest.fixture
def begun(tmp_path):
    """A journal of a run with one segment and a playable part."""
    target = tmp_path / "out.mkv"
    with Journal(target, ASKED) as journal:
        journal.path(0).write_bytes(b"nut")
        journal.add(0, 0, [(0, 1)])
        (tmp_path / "out.partial.mkv").write_bytes(b"part")
        journal.add_partial("out.partial.mkv", tmp_path / "out.partial.mkv")
    return target


def test_an_unharmed_journal_goes_on(begun):
    with Journal(begun, ASKED) as journal:
        assert journal.frames == 1 and not journal.damaged


@pytest.mark.parametrize(
    "damage", [b"\xb6\xff{", b"[1]\n", b'{"number": 0}\n', b"[" * 100000 + b"\n", b'{"partial": 5}\n']
)
def test_a_damaged_line_of_a_journal_does_not_count(damage, begun):
    lines = begun.with_name("out.mkv.work") / "journal.jsonl"
    first, *rest = lines.read_bytes().splitlines(keepends=True)
    lines.write_bytes(first + damage + b"".join(rest))
    with Journal(begun, ASKED) as journal:
        assert journal.frames in (0, 1)


@pytest.mark.parametrize("first", [b"\xb6\xff\n", b"[]\n", b'{"journal": "lfvideo-sr journal 1"}\n', b""])
def test_a_journal_whose_first_line_is_damaged_is_refused(first, begun):
    lines = begun.with_name("out.mkv.work") / "journal.jsonl"
    lines.write_bytes(first + b"".join(lines.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(ResumeRefused, match="is not a journal of this version; pass --no-resume"):
        Journal(begun, ASKED)


@pytest.mark.parametrize("name", ["../dear", "/dear", "..", ""])
def test_a_journal_removes_nothing_outside_its_own_folders(name, begun, tmp_path):
    (tmp_path.parent / "dear").write_bytes(b"part")
    lines = begun.with_name("out.mkv.work") / "journal.jsonl"
    text = lines.read_text().replace("out.partial.mkv", name)
    lines.write_text(text)
    with Journal(begun, ASKED) as journal:
        journal.remove()
    assert (tmp_path.parent / "dear").read_bytes() == b"part" and (tmp_path / "out.partial.mkv").exists()


def test_a_run_begins_anew_behind_a_damaged_journal(run, low_clip, tmp_path):
    output = tmp_path / "out.mkv"
    work = tmp_path / "out.mkv.work"
    work.mkdir()
    (work / "lock").touch()
    (work / "journal.jsonl").write_bytes(b"\xff" * 100)
    command = ("stream", low_clip, "-o", output, *FAST)
    outcome = run(*command)
    assert outcome.code == 5 and "--no-resume" in outcome.line
    assert run(*command, "--no-resume").code == 0 and len(frames_of(output)) == FRAMES


def test_a_line_that_cannot_be_written_to_its_end_is_not_there(begun, monkeypatch):
    lines = begun.with_name("out.mkv.work") / "journal.jsonl"
    with Journal(begun, ASKED) as journal:
        before = lines.read_bytes()
        journal.path(1).write_bytes(b"nut")
        with monkeypatch.context() as broken, pytest.raises(OSError, match="I/O error"):
            broken.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(5, "I/O error")))
            journal.add(1, 1, [(1, 1)])
        assert lines.read_bytes() == before and 1 not in journal.done
        journal.add(1, 1, [(1, 1)])
    with Journal(begun, ASKED) as journal:
        assert journal.frames == 2


def test_a_part_is_known_again_where_the_run_died_before_it_had_its_name(begun, tmp_path):
    with Journal(begun, ASKED) as journal:
        (tmp_path / "newer").write_bytes(b"a later part")
        journal.add_partial("out.partial.mkv", tmp_path / "newer")
    with Journal(begun, ASKED) as journal:
        assert journal.partial(tmp_path / "out.partial.mkv") == tmp_path / "out.partial.mkv"
        (tmp_path / "newer").rename(tmp_path / "out.partial.mkv")
        journal.remove()
    assert not (tmp_path / "out.partial.mkv").exists()


def test_a_journal_that_cannot_be_begun_leaves_no_folder(tmp_path, monkeypatch):
    with monkeypatch.context() as broken, pytest.raises(OSError, match="No space left"):
        broken.setattr("os.replace", lambda *names: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        Journal(tmp_path / "out.mkv", ASKED)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_another_run_is_not_taken_for_a_finished_one(begun):
    remove_left(begun, ASKED | {"crf": 30})
    assert (begun.with_name("out.mkv.work") / "000000.nut").exists()
    with Journal(begun, ASKED):
        remove_left(begun, ASKED)  # it is at work
        assert (begun.with_name("out.mkv.work") / "000000.nut").exists()
    remove_left(begun, ASKED)
    assert not begun.with_name("out.mkv.work").exists()
