"""What a command loads before it prints its first line: seconds differ between machines, modules do not."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from lfvideo_sr import cli
from lfvideo_sr.choose import EngineOptions
from lfvideo_sr.commands.stream import StreamCommand
from lfvideo_sr.stream.options import StreamOptions
from lfvideo_sr.torch_loading import may_have_gpu

HEAVY = ("torch", "numpy", "av", "cv2", "PIL", "h5py", "scipy", "onnxruntime", "lightning", "rich", "yaml")
RUN_ALL = """
import io, json, sys
from contextlib import redirect_stdout, redirect_stderr
from lfvideo_sr.cli import main
heavy, lines = json.loads(sys.argv[1]), json.loads(sys.argv[2])
loaded = {}
for line in lines:
    sys.argv = ["lfvideo-sr", *line]
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
    loaded[" ".join(line)] = [code, printed.getvalue(), [name for name in heavy if name in sys.modules]]
print(json.dumps(loaded))
"""

COUNT_COLLECTIONS = """
import atexit, gc, json, sys
atexit.register(lambda: print(json.dumps([gc.get_stats()[2]["collections"], gc.get_freeze_count()])))
from lfvideo_sr.cli import main
sys.argv = ["lfvideo-sr", "info"]
main()
"""


def commands(command: Any, named: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of each command and of each group of commands."""
    yield named
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*named, name))


def loaded_by(lines: list[list[str]], heavy: tuple[str, ...] = HEAVY) -> dict[str, tuple[int, str, list[str]]]:
    """Exit code, what was printed, and which heavy modules are loaded after each of these command lines, all of which
    run one after the other in a fresh interpreter."""
    command = [sys.executable, "-c", RUN_ALL, json.dumps(heavy), json.dumps(lines)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tempfile.gettempdir())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_collector_looks_through_loaded_libraries_neither_as_they_load_nor_at_the_end():
    done = subprocess.run([sys.executable, "-c", COUNT_COLLECTIONS], capture_output=True, text=True, timeout=120)
    full_collections, frozen = json.loads(done.stdout.splitlines()[-1])
    assert full_collections == 0 and frozen > 50_000  # objects: torch alone makes more


def test_no_help_loads_anything_heavy():
    helped = loaded_by([[*words, "--help"] for words in commands(typer.main.get_command(cli.app))])
    assert {line: modules for line, (_, _, modules) in helped.items() if modules} == {}
    assert all(code == 0 and "Usage:" in printed for code, printed, _ in helped.values())


def test_wrong_names_are_refused_before_anything_heavy_is_loaded(low_clip, tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "run.yaml").write_text("trainer: stream_ref\nclips: [nowhere.mp4]\n")
    clip, output = str(low_clip), str(tmp_path / "out.mkv")
    wrong = {
        "does not exist": ["stream", "nowhere.mp4"],
        "is empty": ["stream", str(tmp_path / "empty.mp4")],
        "no references at": ["stream", clip, "-o", output, "--refs", "nowhere"],
        "truth.mkv does not exist": ["stream", clip, "-o", output, "--gt", "truth.mkv"],
        "in --codec": ["stream", clip, "-o", output, "--codec", "libx26"],
        "--preset": ["stream", clip, "-o", output, "--preset", "hasty"],
        "did you mean 'stream_ref'": ["stream", clip, "-o", output, "--method", "stream_rf"],
        "in --engine": ["stream", clip, "-o", output, "--engine", "tourch"],
        "in --quality": ["image", "in.png", "--quality", "bester"],
        "no light field at": ["lightfield", "nowhere.h5"],
        "did you mean 'stream_ref_rendered'": ["train", "stream_ref_render"],
        "training clips, first nowhere.mp4": ["train", str(tmp_path / "run.yaml")],
        "no checkpoint at": ["weights", "export", "nowhere.pt", "-o", str(tmp_path / "x.safetensors")],
    }
    answers = loaded_by(list(wrong.values()), tuple(name for name in HEAVY if name != "yaml"))
    for message, words in wrong.items():
        code, printed, modules = answers[" ".join(words)]
        assert code in (2, 3) and message in printed and modules == [], (words, printed, modules)


def test_a_manifest_with_an_impossible_time_is_refused_before_the_clip_is_opened(low_clip, tmp_path):
    (tmp_path / "refs.csv").write_text("file,time\na.png,1e999999999\n")
    (tmp_path / "a.png").write_bytes(b"")
    lines = [["stream", str(low_clip), "--refs", str(named)] for named in (tmp_path, tmp_path / "refs.csv")]
    for code, printed, modules in loaded_by(lines).values():
        assert code == 3 and "1e999999999 is no time in seconds" in printed and not {"av", "cv2", "torch"} & {*modules}


def test_an_ending_that_is_no_containers_is_refused_before_opencv_and_torch(low_clip, tmp_path):
    lines = [["stream", str(low_clip), "-o", str(tmp_path / f"out.{ending}")] for ending in ("docx", "avi")]
    refused = loaded_by(lines, ("torch", "cv2", "numpy"))
    for words, message in zip(lines, ("is no container known here", "cannot keep exact times")):
        code, printed, modules = refused[" ".join(words)]
        assert code == 3 and message in printed and modules == []


@pytest.mark.skipif(may_have_gpu(), reason="there may be a GPU, and torch is asked for it")
def test_a_run_that_is_done_already_loads_no_torch(low_clip, tmp_path):
    """The output and the report of a run by stream_ref, as far as a later run looks at them."""
    output = tmp_path / "out.mkv"
    output.write_bytes(b"done")
    asked = StreamCommand(low_clip, output, StreamOptions(), engine=EngineOptions(quality="auto")).fingerprint()
    (tmp_path / "out.report.json").write_text(json.dumps({"fingerprint": asked.text, "output_bytes": 4}))
    words = ["stream", str(low_clip), "-o", str(output)]
    ((code, printed, modules),) = loaded_by([words], ("torch", "onnxruntime")).values()
    assert code == 0 and "already done" in printed and modules == []


def test_the_first_line_is_printed_before_anything_heavy_is_loaded(run, low_clip, tmp_path, monkeypatch, capsys):
    """`commands.pipe` is the first module that loads what a run needs."""
    monkeypatch.setitem(sys.modules, "lfvideo_sr.commands.pipe", None)
    with pytest.raises(ModuleNotFoundError, match=r"commands\.pipe"):
        run("stream", low_clip, "-o", tmp_path / "out.mkv", "--method", "bicubic")
    assert capsys.readouterr().out == f"opening     {low_clip}\n"
