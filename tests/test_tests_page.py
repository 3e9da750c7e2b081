"""Every test that tests/README.md names exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parent
ROW = re.compile(r"\| `(?P<file>[\w/]+\.py)`(?:: (?P<test>\w+))? \|$", re.MULTILINE)
NAMED = [(row["file"], row["test"]) for row in ROW.finditer((ROOT / "README.md").read_text())]


def names_in(file: str) -> list[str | None]:
    """The tests of a file by the words behind `test_`, and None, which stands for the file as a whole."""
    path = ROOT / file
    return [None, *re.findall(r"^def test_(\w+)", path.read_text(), re.MULTILINE)] if path.is_file() else []


def test_tests_that_are_named_exist():
    assert len(NAMED) > 40
    assert [(file, test) for file, test in NAMED if test not in names_in(file)] == []
