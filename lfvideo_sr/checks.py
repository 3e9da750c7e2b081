"""Checks of what a user gives: readable messages for wrong numbers and names."""

from collections.abc import Collection
from difflib import get_close_matches
from importlib.util import find_spec

from .errors import UsageError


def check_positive(name: str, value: int | float) -> None:
    """Raise UsageError unless `value` > 0."""
    if not value > 0:
        raise UsageError(f"{name} is {value}; give a number above 0")


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Raise UsageError unless `value` is one of `choices`, naming the nearest spelling."""
    if value in choices:
        return
    near = get_close_matches(value, list(choices), n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"choose one of: {', '.join(choices)}"
    raise UsageError(f"no '{value}' in {name}; {hint}")


def is_installed(module: str) -> bool:
    """Whether a module could be imported. It is not imported."""
    try:
        return find_spec(module) is not None
    except ValueError:  # sys.modules holds None for it: as good as absent
        return False
