"""Docstrings of classes list fields and parameters that there are."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [path for folder in ("lfvideo_sr", "engines", "trainers") for path in sorted((ROOT / folder).rglob("*.py"))]
LISTED = re.compile(r"([a-z]\w*(?:, [a-z]\w*)*): ")


def classes() -> Iterator[ast.ClassDef]:
    for file in FILES:
        yield from (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ClassDef))


CLASSES = list(classes())
BY_NAME = {node.name: node for node in CLASSES}


def names_of(node: ast.ClassDef) -> set[str]:
    """Of fields, methods, attributes and parameters of the constructor, those of its bases included."""
    names = {base for parent in node.bases for base in names_of_base(parent)}
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef):
            names |= {inner.name}
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            names |= {argument.arg for argument in (*inner.args.args, *inner.args.kwonlyargs)}
        if isinstance(inner, ast.AnnAssign | ast.Assign):
            targets = inner.targets if isinstance(inner, ast.Assign) else [inner.target]
            flat = [part for target in targets for part in (target.elts if isinstance(target, ast.Tuple) else [target])]
            names |= {part.id for part in flat if isinstance(part, ast.Name)}
            names |= {part.attr for part in flat if isinstance(part, ast.Attribute)}
    return names


def names_of_base(base: ast.expr) -> set[str]:
    return names_of(BY_NAME[base.id]) if isinstance(base, ast.Name) and base.id in BY_NAME else set()


def listed_but_absent(node: ast.ClassDef) -> list[str]:
    listed = {name for line in list_of(ast.get_docstring(node) or "") for name in line.split(", ")}
    return sorted(listed - names_of(node))


def list_of(text: str) -> Iterator[str]:
    """The names before colons of the paragraphs that are lists: those behind the first one that begin with a name."""
    for paragraph in text.split("\n\n")[1:]:
        lines = [line for line in paragraph.splitlines() if not line.startswith(" ")]
        matches = [LISTED.match(line) for line in lines]
        if lines and matches[0]:
            yield from (match[1] for match in matches if match)


def test_what_a_class_lists_is_there():
    wrong = {node.name: absent for node in CLASSES if (absent := listed_but_absent(node))}
    assert wrong == {}


@pytest.mark.parametrize("listed, absent", [("untold", ["untold"]), ("stills", []), ("stills, gone", ["gone"])])
def test_the_check_sees_what_is_gone(listed, absent):
    source = f'class Named:\n    """Of a folder.\n\n    {listed}: pictures.\n    """\n\n    stills: list\n'
    (node,) = ast.parse(source).body
    assert listed_but_absent(node) == absent
