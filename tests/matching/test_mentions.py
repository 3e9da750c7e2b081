"""Docstrings and comments of the searches name files and functions that exist."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "lfvideo_sr"
MODULES = sorted((PACKAGE / "matching").glob("*.py"))
MENTION = re.compile(r"(?<![\w/])(?:([a-z_]+)\.)?([a-z_]+)\.([A-Za-z_]+)\b")  # [folder.]module.name, or module.py


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


def wrong_mentions(source: str) -> list[str]:
    wrong = []
    for match in MENTION.finditer(prose_of(source)):
        folder, module, name = match.groups()
        if folder is not None and not (PACKAGE / folder).is_dir():
            continue  # torch.export, cv2.remap
        file = PACKAGE / (folder or "matching") / f"{module}.py"
        if (folder is not None or name == "py" or file.is_file()) and not (
            file.is_file() and (name == "py" or name in names_in(file))
        ):
            wrong.append(match[0])
    return wrong


@pytest.mark.parametrize("module", MODULES, ids=lambda file: file.stem)
def test_what_a_module_names_exists(module):
    assert wrong_mentions(module.read_text()) == []


@pytest.mark.parametrize("mention", ["media.seed.FlowSeeder", "gone.py", "seed.Gone"])
def test_the_check_sees_what_is_gone(mention):
    assert wrong_mentions(f'"""See {mention}."""') == [mention]


def test_the_searches_that_the_architecture_names_exist():
    pages = "".join(page.read_text() for page in (PACKAGE.parent / "docs").glob("architecture*.md"))
    paths = re.findall(r"`((?:tests/)?matching/\w+\.py)`", pages)
    files = [PACKAGE.parent / path if path.startswith("tests/") else PACKAGE / path for path in paths]
    assert files and [file.name for file in files if not file.is_file()] == []
