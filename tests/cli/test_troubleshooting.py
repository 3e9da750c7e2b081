"""docs/troubleshooting.md has a line for every message of the program, and what it lists is printed."""

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import provoked
import provoked_fields
import provoked_training
import provoked_weights
import pytest

from lfvideo_sr import errors
from lfvideo_sr.torch_loading import may_have_gpu
from lfvideo_sr.training.run_folder import RunFolder

TABLES = (provoked, provoked_fields, provoked_training, provoked_weights)
PROVOKED = {message: words for table in TABLES for message, words in table.PROVOKED.items()}
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
MESSAGES = [
    row.split("|")[1].strip() for row in PAGE.splitlines() if row.startswith("| ") and not row.startswith("| message")
]
ERRORS = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.LFVideoError)
} - {"ShapeError", "ReaderGone"}  # of arrays in Python, and without a message
LIBRARY = [file for top in ("lfvideo_sr", "engines", "trainers") for file in sorted((ROOT / top).rglob("*.py"))]


def expression(message: str) -> re.Pattern:
    """A message of the page, in which "..." stands for anything."""
    return re.compile(".*".join(map(re.escape, message.split("..."))))


@pytest.fixture
def place(low_clip, high_clip, hybrid_clip, tmp_path, monkeypatch) -> Path:
    """The working folder: in.mkv, sharp.mkv, which is four times as large, and two.mkv, which has both."""
    monkeypatch.chdir(tmp_path)
    for clip, name in ((low_clip, "in.mkv"), (high_clip, "sharp.mkv"), (hybrid_clip, "two.mkv")):
        shutil.copy(clip, name)
    return tmp_path


def not_installed(*_: object) -> None:
    raise ModuleNotFoundError("No module named 'cv2'", name="cv2")


def test_what_is_provoked_here_is_on_the_page():
    assert [message for message in PROVOKED if message not in MESSAGES] == []
    assert len(set(MESSAGES)) == len(MESSAGES)


def test_what_is_not_provoked_here_is_in_another_test():
    tables = [Path(__file__).name, *(f"{table.__name__}.py" for table in TABLES)]
    tests = [file for file in (ROOT / "tests").rglob("*.py") if file.name not in tables]
    words = "\n".join(re.sub(r"\\(.)", r"\1", file.read_text()) for file in tests)
    others = [message for message in MESSAGES if message not in PROVOKED]
    assert [message for message in others if not expression(message).search(words)] == []


def messages_of(source: str) -> Iterator[str]:
    """The messages of errors that Python code makes, with "~" for each value in them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS and node.args:
            yield text_of(node.args[0])


def text_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(text_of, node.values))
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    return str(node.value) if isinstance(node, ast.Constant) else "~"


def test_every_message_of_the_program_has_a_line():
    listed = list(map(expression, MESSAGES))
    without = [
        f"{file.relative_to(ROOT)}: {message}"
        for file in LIBRARY
        if "api" not in file.parts
        for message in messages_of(file.read_text())
        if re.search("[a-z]{2}", message) and not any(line.search(message) for line in listed)
    ]
    assert without == [], "docs/troubleshooting.md has no line for these"


def test_messages_are_found_in_code():
    code = "raise InputError(f'{path} is {1}; ' + why)\nreturn OutputError('full')\nraise ValueError('no')"
    assert list(messages_of(code)) == ["~ is ~; ~", "full"]


@pytest.mark.parametrize("message", PROVOKED)
def test_a_message_of_the_page_is_printed(message, run, place, monkeypatch):
    words, prepare = PROVOKED[message]
    if message in ("does not open here: it needs", "pass --decode cpu") and may_have_gpu():
        pytest.skip("the encoder or the decoder may open")
    if prepare is not None:
        prepare(place)
    if message == "is already done":
        assert run(*provoked.STREAM).code == 0
    if message in ("which is not installed", "pip install"):
        monkeypatch.setattr("lfvideo_sr.commands.first_checks.check_stream", not_installed)
    if message.startswith("needs torch"):
        monkeypatch.setattr("lfvideo_sr.choose.why_no_torch", lambda: "torch is not installed")
        monkeypatch.setattr("lfvideo_sr.choose.is_installed", lambda module: False)
    if message.startswith(("is not a run's", "another training")):  # without lightning, which takes long to load
        from lfvideo_sr.training.task import RunConfig

        trainer = SimpleNamespace(FeaturesConfig=RunConfig, train=lambda config: RunFolder(Path(config.output)).claim())
        monkeypatch.setattr("lfvideo_sr.commands.train._import", lambda module: trainer)
    outcome = run(*words)
    assert expression(message).search(outcome.out + outcome.err), outcome
    if outcome.code:
        assert expression(message).search(outcome.line) and outcome.code in (2, 3, 4, 5, 6)
