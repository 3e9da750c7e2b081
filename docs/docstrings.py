"""Docstrings of this project on their way to the site. A docstring explains parameters and fields as lines

    name: text, which may go on
          in lines that are indented.

Here they become a definition list, and names in backticks become code or links to public names."""

import re

import lfvideo_sr

_EXPLAINED = re.compile(r"^(?P<names>[a-z]\w*(?:, [a-z]\w*)*): +(?P<text>\S.*)$")
_TICKED = re.compile(r"`(?P<words>[^`]+)`")
_ERROR = re.compile(r"(?<![\w.`])(?P<name>[A-Z]\w+Error)(?![\w`])")


def as_definitions(lines: list[str]) -> list[str]:
    """Lines of a docstring, without its indentation, as reStructuredText."""
    made: list[str] = []
    explaining = False
    for line in lines:
        explained = _EXPLAINED.match(line)
        if explained:
            if not explaining and made and made[-1]:
                made.append("")
            names = ", ".join(f"``{name}``" for name in explained["names"].split(", "))
            made += [names, f"    {linked(explained['text'])}"]
            explaining = True
        elif explaining and line.startswith(" "):
            made.append(f"    {linked(line.strip())}")
        else:
            if explaining and line:
                made.append("")
            explaining = False
            made.append(linked(line))
    return made


def linked(text: str) -> str:
    """Names in backticks and names of errors as links where they are public, else as code."""
    text = _TICKED.sub(_link, text)
    return _ERROR.sub(lambda error: _link_to(error["name"]) or error[0], text)


def _link(ticked: re.Match[str]) -> str:
    return _link_to(ticked["words"]) or f"``{ticked['words']}``"


def _link_to(name: str) -> str | None:
    return f":py:obj:`~lfvideo_sr.{name}`" if name in lfvideo_sr.__all__ else None


def _read(app, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Of Sphinx's event autodoc-process-docstring: change the lines in place."""
    lines[:] = as_definitions(lines)


def _skip(app, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    """Of Sphinx's event autodoc-skip-member: leave out what a NamedTuple says of its fields."""
    return True if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number") else None


def add_docstring_events(app) -> None:
    """Connect what this file does to a build."""
    app.connect("autodoc-process-docstring", _read)
    app.connect("autodoc-skip-member", _skip)
