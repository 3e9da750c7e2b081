"""Errors as a Python caller reads them: with the names of parameters where the command line names its options."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import LFVideoError

_SWITCHES = {  # parameters that are True or False: their options take no value
    "no_refs", "require_refs", "causal", "simulate", "scene_refs", "deinterlace", "overwrite", "transpose",
    "trust_manifest", "follow_links",
}  # fmt: skip
_SEVERAL = {"drop", "refs", "ref_views"}  # parameters that take several values
_RENAMED = {
    "ref": "references", "ref_view": "ref_views", "output": "path", "from": "start", "to": "end",
    "max_pixels": "LFVIDEO_MAX_PIXELS",
}  # fmt: skip
_WORDS = (
    "auto", "cpu", "cuda", "torch", "onnx", "tensorrt", "fp32", "fp16", "bf16", "libx264", "anchor", "simulate",
    "same-track", "track", "sidecar", "refs", "copy", "aac", "flac", "opus",
)  # fmt: skip
_VALUE = rf"(?P<value>\d(?:[\w.,:]*\w)?|[A-Z][A-Z:,]*(?![a-z])|{'|'.join(_WORDS)})"
_OPTION = re.compile(rf"(?<![\w-])--(?P<name>[a-z][a-z0-9-]*)(?: {_VALUE}(?![\w-]))?")
_TARGET = re.compile(r"(?<![\w-])-o(?![\w-])")
_COMMAND = re.compile(r"lfvideo-sr [^;()]*")


@contextmanager
def python_errors() -> Iterator[None]:
    """Errors of the package that leave this context name parameters instead of options."""
    try:
        yield
    except LFVideoError as error:
        message = in_python(str(error))
        error.args = (message,)
        if isinstance(error, ImportError):
            error.msg = message
        raise


def in_python(message: str) -> str:
    """'pass --deinterlace, or --max-refs 2' -> 'pass deinterlace=True, or max_refs=2'. A whole command line, which
    begins with lfvideo-sr, stays as it is."""
    parts, end = [], 0
    for command in _COMMAND.finditer(message):
        parts += [_translated(message[end : command.start()]), command[0]]
        end = command.end()
    return "".join([*parts, _translated(message[end:])])


def _translated(text: str) -> str:
    return _TARGET.sub("path", _OPTION.sub(_parameter, text))


def _parameter(option: re.Match[str]) -> str:
    name = option["name"].replace("-", "_")
    name = _RENAMED.get(name, name)
    value = option["value"]
    if name in _SWITCHES:
        return f"{name}=True" + (f" {value}" if value else "")
    return name if value is None else f"{name}={_literal(name, value)}"


def _literal(name: str, value: str) -> str:
    """A value as a parameter takes it; a placeholder such as FILE stays as it is."""
    if value.isupper():
        return value
    if name in _SEVERAL:
        return f"('{value}',)"
    if sides := re.fullmatch(r"(\d+)x(\d+)", value):
        return f"({sides[1]}, {sides[2]})"
    return value if re.fullmatch(r"[\d.]+", value) else f"'{value}'"
