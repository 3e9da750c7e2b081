"""The commands of docs/tutorial.md run one after the other, and its pictures are those that they make."""

import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lfvideo_sr.synthetic import random_scene

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "tutorial.md").read_text()
COMMANDS = [
    line for body in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) for line in body.splitlines()
]
PYTHON = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
QUICK = {  # more options of the commands
    "stream": ["--method", "bicubic", "--frames", "2"],
    "image": ["--method", "bicubic"],
    "refs": ["--frames", "12"],
}
ALIKE = 35.0  # dB: a part of a picture that was made again, after another compression as WebP


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A folder with the example of the repository, to work in."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__", "*_x4.*"))
    return tmp_path


def run_script(monkeypatch, path: str, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", [path, *words])
    monkeypatch.syspath_prepend(str(Path(path).parent))
    runpy.run_path(path, run_name="__main__")


def do(command: str, run, monkeypatch, more: dict[str, list[str]] | None = None) -> str:
    """Run a command line of the page; what it printed."""
    program, *words = shlex.split(command)
    if program == "python":
        run_script(monkeypatch, *words)
        return ""
    assert program == "lfvideo-sr"
    outcome = run(*words, *(more or {}).get(words[0], []))
    assert outcome.code == 0 and outcome.err == "", (command, outcome)
    return outcome.out


def test_the_page_is_made_of_commands():
    assert {command.split()[0] for command in COMMANDS} == {"python", "lfvideo-sr"}
    assert [command for command in COMMANDS if command.startswith("lfvideo-sr stream")] != []


def test_the_commands_work_together(run, checkout, monkeypatch):
    """Those that make clips and pictures, with methods that take no time; the light field is of a plain scene."""
    plain = SimpleNamespace(street=lambda rng: random_scene(rng, width=480, planes=(2, 2)))
    monkeypatch.setitem(sys.modules, "street", plain)
    for command in COMMANDS:
        if "compare" not in command and "views" not in command:
            do(command, run, monkeypatch, QUICK)
    written = {str(path.relative_to("tutorial")) for path in Path("tutorial").rglob("*") if path.suffix != ".json"}
    assert {"first.mp4", "alone.mp4", "with_photos.mp4", "picture_x4.png", "centre.png"} <= written
    assert len(list(Path("tutorial/views").glob("view_?_?.png"))) == 9
    assert len(list(Path("tutorial/todo").glob("t*.png"))) == 3


@pytest.mark.slow
def test_the_tutorial_as_it_stands(run, checkout, monkeypatch, capsys):
    printed = {command: do(command, run, monkeypatch) for command in COMMANDS}
    photos = next(text for command, text in printed.items() if "tutorial/photos" in command and "stream" in command)
    assert "IMG_1041.jpg at 0.33 s (by content, sure 0." in photos
    assert "references  2 of 3 used" in next(text for command, text in printed.items() if " image " in command)
    exec(compile(PYTHON, "tutorial.md", "exec"), {"__name__": "__main__"})
    assert "Frame(8, 0.333s, 960x544)" in capsys.readouterr().out
    run_script(monkeypatch, "examples/make_pictures.py", "tutorial", "pictures")
    for kept in (ROOT / "docs" / "pictures").glob("tutorial_*.webp"):
        made = [np.asarray(Image.open(path), np.float64) for path in (kept, Path("pictures") / kept.name)]
        assert 10 * np.log10(255**2 / np.square(made[0] - made[1]).mean()) > ALIKE, kept.name


def test_pictures_are_small_and_are_shown():
    pictures = sorted((ROOT / "docs" / "pictures").glob("tutorial_*.webp"))
    assert len(pictures) == 3 and sum(path.stat().st_size for path in pictures) < 300_000
    assert all(f"(pictures/{path.name})" in PAGE for path in pictures)
