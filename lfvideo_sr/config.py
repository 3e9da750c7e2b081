"""YAML -> frozen dataclass. A file is flat and describes the whole run; an unknown key is an error with a hint."""

from dataclasses import asdict, fields
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

from .errors import UsageError, first_line, shortened

T = TypeVar("T")
_MOST_BRACKETS = 256  # of a configuration; PyYAML takes minutes over thousands
_MOST_BYTES = 1 << 16  # of a configuration, which is flat and short


class _PlainLoader(yaml.SafeLoader):
    """Refuses aliases: a flat file needs none, and a few lines of them stand for more than fits in memory."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias, which is not read")
        return super().compose_node(parent, index)


def load_config(path: Path, kind: type[T], changes: dict[str, Any] | None = None) -> T:
    """Read `path` as the dataclass `kind`; `changes` (from the command line) win over the file."""
    return from_mapping(read_mapping(path) | (changes or {}), kind, str(path))


def read_mapping(path: Path) -> dict[str, Any]:
    """The top level of a YAML file, which must be a mapping."""
    try:
        values = yaml.load(_text_of(path), _PlainLoader)
    except (OSError, ValueError, OverflowError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(
            f"{path}: cannot be read as YAML ({shortened(first_line(error), 200)}); write lines of name: value"
        ) from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} holds {type(values).__name__}; a mapping of options is wanted")
    return values


def _text_of(path: Path) -> str:
    """Of a file; of a pipe, which may never end, a ValueError."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("it is longer than 64 KiB")
    if max(content.count(b"["), content.count(b"{")) > _MOST_BRACKETS:
        raise ValueError(f"it has more than {_MOST_BRACKETS} lists or mappings")
    return content.decode()


def from_mapping(values: dict[str, Any], kind: type[T], where: str) -> T:
    """Build `kind` from `values`; raises UsageError naming an unknown, missing or ill-typed key."""
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]  # T is some dataclass
    for key in values:
        if key not in known:
            near = get_close_matches(str(key), list(known), n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
            raise UsageError(f"{where}: no '{shortened(key)}' in {kind.__name__}; {hint}")
    hints = get_type_hints(kind)
    try:
        return kind(**{key: _coerce(value, hints[key], key) for key, value in values.items()})
    except TypeError as error:
        raise UsageError(f"{where}: {str(error).replace('__init__()', '')}") from error


def _coerce(value: Any, hint: Any, key: str) -> Any:
    """Make tuples of lists, and floats of integers and of words like 4e-4; refuse what is not of the hinted type."""
    if hint is float:
        return _float(value, key)
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError(f"'{key}' is {shortened(repr(value))}; a list is wanted")
        return tuple(value)
    if hint in (int, str, bool) and type(value) is not hint:
        raise TypeError(f"'{key}' is {shortened(repr(value))}; {hint.__name__} is wanted")
    if isinstance(hint, UnionType) and not any(_is_of(value, kind) for kind in get_args(hint)):
        raise TypeError(f"'{key}' is {shortened(repr(value))}; {hint} is wanted")
    return value


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of a kind. Only simple kinds are checked."""
    if kind is float:
        return type(value) in (int, float)
    return type(value) is kind if kind in (int, str, bool, NoneType) else True


def _float(value: Any, key: str) -> float:
    try:
        if not isinstance(value, bool):
            return float(value)  # YAML takes 4e-4 for a word
    except (TypeError, ValueError, OverflowError):
        pass
    raise TypeError(f"'{key}' is {shortened(repr(value))}; float is wanted")


def dump_config(config: Any, path: Path) -> None:
    """Write the resolved config, so that it can be read back by `load_config`."""
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(config).items()}
    path.write_text(yaml.safe_dump(values, sort_keys=False))
