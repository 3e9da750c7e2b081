"""Docstrings and comments of searches, networks, methods and trainings name files, functions and parameters that are
there."""

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest
import torch

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "lfvideo_sr"
MODULES = [file for part in ("matching", "nn", "methods", "training") for file in sorted((PACKAGE / part).glob("*.py"))]
MENTION = re.compile(r"(?<![\w/])(?:([a-z_]+)\.)?([a-z_]+)\.([A-Za-z_]+)\b")  # [folder.]module.name, or module.py
WORD = re.compile(r"`(\w+)`")
DEFINITION = re.compile(r"^ *(?:class|def) (\w+)|^    (\w+): ", re.MULTILINE)
DATA = {"csv", "json"}  # endings of files that are no modules


def prose_of(source: str) -> str:
    """Strings and comments."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join(token.string for token in tokens if token.type in (tokenize.STRING, tokenize.COMMENT))


def names_in(file: Path) -> set[str]:
    body = ast.parse(file.read_text()).body
    targets = {
        target.id for node in body if isinstance(node, ast.Assign) for target in node.targets if hasattr(target, "id")
    }
    return targets | {node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}


def wrong_mentions(source: str, folder: str) -> list[str]:
    """What the prose of a module in this folder of the package names and is not there."""
    wrong = []
    for match in MENTION.finditer(prose_of(source)):
        other, module, name = match.groups()
        if name in DATA or (other is not None and not (PACKAGE / other).is_dir()):
            continue  # torch.export, cv2.remap
        file = PACKAGE / (other or folder) / f"{module}.py"
        if (other is not None or name == "py" or file.is_file()) and not (
            file.is_file() and (name == "py" or name in names_in(file))
        ):
            wrong.append(match[0])
    return wrong


def documented(tree: ast.AST) -> list[ast.AST]:
    """What has a docstring: the module, its classes and functions."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds) and ast.get_docstring(node)]


def words_of(tree: ast.AST) -> set[str]:
    """Every name that a module's code has, and the words of its strings that are no docstrings."""
    docstrings = {id(node.body[0].value) for node in documented(tree)}
    words: set[str] = set()
    for node in ast.walk(tree):
        names = [getattr(node, key, None) for key in ("id", "arg", "attr", "name", "module")]
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            names.append(node.value)
        words |= {word for name in names if isinstance(name, str) for word in re.findall(r"\w+", name)}
    return words


@cache
def defined() -> frozenset[str]:
    """Modules, classes, functions and fields of the whole project."""
    files = [file for part in ("lfvideo_sr", "engines", "trainers") for file in (PROJECT / part).rglob("*.py")]
    names = {file.stem for file in files}
    for file in files:
        names |= {name for pair in DEFINITION.findall(file.read_text()) for name in pair}
    return frozenset(names)


def unknown_words(source: str) -> list[str]:
    """Words in `backquotes` in docstrings that are no name in the module and none that the project or a tensor has."""
    tree = ast.parse(source)
    known = words_of(tree) | defined()
    words = [word for node in documented(tree) for word in WORD.findall(ast.get_docstring(node))]
    return [word for word in words if word not in known and not hasattr(torch.Tensor, word)]


@pytest.mark.parametrize("module", MODULES, ids=lambda file: f"{file.parent.name}.{file.stem}")
def test_what_a_module_names_exists(module):
    source = module.read_text()
    assert wrong_mentions(source, module.parent.name) == [] and unknown_words(source) == []


@pytest.mark.parametrize("mention", ["media.seed.FlowSeeder", "gone.py", "seed.Gone"])
def test_the_check_sees_what_is_gone(mention):
    assert wrong_mentions(f'"""See {mention}."""', "matching") == [mention]


def test_the_check_sees_a_parameter_that_has_another_name_by_now():
    source = 'def twice(size):\n    """`{}` times two, see `relevance`, `record_stream`."""\n    return 2 * size\n'
    assert unknown_words(source.format("size")) == []
    assert unknown_words(source.format("wanted")) == ["wanted"]


def test_the_searches_that_the_architecture_names_exist():
    pages = "".join(page.read_text() for page in (PROJECT / "docs").glob("architecture*.md"))
    paths = re.findall(r"`((?:tests/)?matching/\w+\.py)`", pages)
    files = [PROJECT / path if path.startswith("tests/") else PACKAGE / path for path in paths]
    assert files and [file.name for file in files if not file.is_file()] == []
