"""docs/papers.md leads from each equation to code and to a test that exist, and leaves out no equation."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "papers.md").read_text()
ROWS = re.findall(
    r"^\|(?P<where>[^|]+)\|[^|]+\|(?P<code>[^|]+)\| `(?P<file>[\w/]+\.py)`: (?P<test>\w+) \|$", PAGE, re.MULTILINE
)
CODE = sorted(set(re.findall(r"\[`(?P<name>\w+)`\]\(\.\./(?P<file>[\w/]+\.py)\)", PAGE)))
NOT_A_USE = re.compile(  # docstrings, comments, imports, and the definitions themselves
    r'"""[\s\S]*?"""|#.*|^ *(?:from \S+ )?import (?:\([^)]*\)|.*)|\b(?:def|class) \w+', re.MULTILINE
)
LAST = {"C2-Matching": 13, "RRSR": 6, "AMSA": 11, "E2ENT2": 10, "RefSR-Net": 2}  # numbers of the papers' equations


@cache
def names_in(file: str) -> set[str]:
    """Functions and classes of a file."""
    return set(re.findall(r"^\s*(?:class|def) (\w+)", (ROOT / file).read_text(), re.MULTILINE))


def test_code_that_is_named_exists():
    assert len(CODE) > 40
    assert [(name, file) for name, file in CODE if name not in names_in(file)] == []


def test_code_that_is_named_is_used_by_more_than_tests():
    """By a method, a trainer or what they build on, beyond a definition and an import."""
    files = (file for folder in ("lfvideo_sr", "engines", "trainers") for file in (ROOT / folder).rglob("*.py"))
    used = {word for file in files for word in re.findall(r"\w+", NOT_A_USE.sub("", file.read_text()))}
    assert [(name, file) for name, file in CODE if name not in used] == []


def test_tests_that_are_named_exist():
    named = [(f"tests/{file}", f"test_{test}") for _, _, file, test in ROWS]
    assert len(named) > 35
    assert [(file, test) for file, test in named if test not in names_in(file)] == []


@pytest.mark.parametrize("paper", LAST)
def test_every_equation_has_a_row(paper):
    section = PAGE.split(f"## {paper}\n")[1].split("\n## ")[0]
    numbers: set[int] = set()
    for row in re.findall(r"^\| ([^|]*Eq\. [^|]+)\|", section, re.MULTILINE):
        for first, joint, last in re.findall(r"(\d+)(?: (to|and)|,)? ?(\d+)?", row.split(":")[0]):
            numbers |= set(range(int(first), int(last) + 1)) if joint == "to" else {int(first), int(last or first)}
    assert numbers >= set(range(1, LAST[paper] + 1))
