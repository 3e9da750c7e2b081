"""Pages on their way to the site: the lists of docs/index.md become its navigation, and the tables of public names in
docs/api_reference.md get the docstrings of these names. In a repository view both pages are plain Markdown."""

import inspect
import re

import lfvideo_sr

HOME, NAMES = "docs/index", "docs/api_reference"
_SECTION = re.compile(r"^## (?P<caption>.+)\n(?P<body>(?:(?!## ).*\n?)*)", re.MULTILINE)
_ENTRY = re.compile(r"^- \[(?P<title>[^]]+)\]\((?P<page>[^)]+)\.md\)", re.MULTILINE)
_NAME = re.compile(r"^\| `(?P<name>\w+)` \| (?P<what>.+) \|$", re.MULTILINE)


def with_navigation(text: str) -> str:
    """The home page with a table of contents for each of its sections."""
    return _SECTION.sub(lambda section: section[0] + _contents(section["caption"], section["body"]), text)


def _contents(caption: str, body: str) -> str:
    pages = [f"{entry['title']} <{entry['page']}>" for entry in _ENTRY.finditer(body)]
    return "\n".join(["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", "", ""])


def with_docstrings(text: str) -> str:
    """The page of public names with the docstrings of each section's names below its table."""
    return _SECTION.sub(lambda section: section[0] + "\n" + _documented(section["body"]), text)


def _documented(body: str) -> str:
    directives = [_directive(**entry.groupdict()) for entry in _NAME.finditer(body)]
    return "\n".join(["```{eval-rst}", *directives, "```", "", ""])


def _directive(name: str, what: str) -> str:
    """What documents a public name: its docstring, or where a table has none, what the page says of it."""
    value = getattr(lfvideo_sr, name)
    if inspect.isclass(value):
        return f".. autoclass:: lfvideo_sr.{name}\n   :members:\n   :special-members: __iter__\n"
    if inspect.isfunction(value):
        return f".. autofunction:: lfvideo_sr.{name}\n"
    return f".. py:data:: lfvideo_sr.{name}\n\n   {what[0].upper()}{what[1:]}.\n"


def _read(app, docname: str, source: list[str]) -> None:
    """Of Sphinx's event source-read: change the text of a page in place."""
    if docname == HOME:
        source[0] = with_navigation(source[0])
    elif docname == NAMES:
        source[0] = with_docstrings(source[0])
    elif not docname.startswith("docs/") and docname not in ("CHANGELOG", "CONTRIBUTING"):
        source[0] = f"---\norphan: true\n---\n{source[0]}"  # linked from other pages, not part of the navigation


def add_page_events(app) -> None:
    """Connect what this file does to a build."""
    app.connect("source-read", _read)
