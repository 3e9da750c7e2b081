"""YAML -> frozen dataclass. A file is flat and describes the whole run; an unknown key is an error with a hint."""

from dataclasses import asdict, fields
from difflib import get_close_matches
from pathlib import Path
from reprlib import repr as shown
from typing import Any, TypeVar, get_origin, get_type_hints

import yaml

from .errors import UsageError, first_line

T = TypeVar("T")


class _PlainLoader(yaml.SafeLoader):
    """Without aliases, by which a few lines stand for millions of values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has an alias such as *a, which is not read; write the value out")
        return super().compose_node(parent, index)


def load_config(path: Path, kind: type[T], changes: dict[str, Any] | None = None) -> T:
    """Read `path` as the dataclass `kind`; `changes` (from the command line) win over the file."""
    return from_mapping(read_mapping(path) | (changes or {}), kind, str(path))


def read_mapping(path: Path) -> dict[str, Any]:
    """The top level of a YAML file, which must be a mapping."""
    try:
        values = yaml.load(path.read_text(), _PlainLoader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read as YAML ({first_line(error)})") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} holds {type(values).__name__}; a mapping of options is wanted")
    return values


def from_mapping(values: dict[str, Any], kind: type[T], where: str) -> T:
    """Build `kind` from `values`; raises UsageError naming an unknown, missing or ill-typed key."""
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]  # T is some dataclass
    for key in values:
        if key not in known:
            near = get_close_matches(str(key), list(known), n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
            raise UsageError(f"{where}: no '{key}' in {kind.__name__}; {hint}")
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
            raise TypeError(f"'{key}' is {shown(value)}; a list is wanted")
        return tuple(value)
    if hint in (int, str, bool) and type(value) is not hint:
        raise TypeError(f"'{key}' is {shown(value)}; {hint.__name__} is wanted")
    return value


def _float(value: Any, key: str) -> float:
    try:
        if not isinstance(value, bool):
            return float(value)  # YAML takes 4e-4 for a word
    except (TypeError, ValueError):
        pass
    raise TypeError(f"'{key}' is {shown(value)}; float is wanted")


def dump_config(config: Any, path: Path) -> None:
    """Write the resolved config, so that it can be read back by `load_config`."""
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(config).items()}
    path.write_text(yaml.safe_dump(values, sort_keys=False))
