"""Values as the command line reads and prints them: sizes, bytes, seconds, scores."""

import re
from collections.abc import Sequence

from ..errors import UsageError
from ..frames import Size

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def parse_size(text: str) -> Size:
    """ "1920x1080" -> Size"""
    match = re.fullmatch(r"(\d+)[xX](\d+)", text)
    if not match or "0" in match.groups():
        raise UsageError(f"--size is '{text}'; give WIDTHxHEIGHT, like 1920x1080")
    return Size(int(match[1]), int(match[2]))


def parse_sizes(text: str) -> list[Size]:
    """ "64x48,96x64" -> Sizes"""
    return [parse_size(size) for size in text.split(",")]


def parse_bytes(text: str) -> int:
    """ "256MiB", "2GiB", "500MB", "1000000" -> bytes."""
    match = re.fullmatch(r"([\d.]+)\s*([kmg]?i?)b?", text.strip().lower())
    try:
        return int(float(match[1]) * _UNITS[match[2]])  # type: ignore[index]
    except (TypeError, ValueError, KeyError):
        raise UsageError(f"--ref-cache is '{text}'; give a size like 256MiB or 2GiB") from None


def parse_pairs(texts: Sequence[str]) -> dict[str, str]:
    """["tune=film"] -> {"tune": "film"}"""
    for text in texts:
        if "=" not in text:
            raise UsageError(f"-e {text} has no value; give key=value, like -e tune=film")
    return dict(text.split("=", 1) for text in texts)


def shown_bytes(count: int) -> str:
    """ "1.3 GB" """
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{max(1, round(count / 1e3))} kB"


def shown_seconds(seconds: float) -> str:
    """ "40 s", "3 min", "2.5 h" """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def shown_training(trained: str) -> list[str]:
    """What to know of a method's weights, see MethodInfo, in a line; no line where there is nothing."""
    return [f"weights     {trained}"] if trained else []


def shown_score(value: float | None, decimals: int) -> str:
    """ "38.12", or "-" for None: a score that is infinite or not known."""
    return "-" if value is None else f"{value:.{decimals}f}"
