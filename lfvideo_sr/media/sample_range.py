"""Which value of an integer sample is white: what a file states, or what its samples show."""

import re

_SPACE = rb"(?:[ \t\r\n]|#[^\n]*\n)+"
_NETPBM = re.compile(rb"P[2356]" + _SPACE + rb"\d+" + _SPACE + rb"\d+" + _SPACE + rb"(\d{1,5})\s")
_LEAST = 4  # a peak below a fourth of a range does not show it


def stated_white(head: bytes) -> int | None:
    """The maximum that the header of a PPM or PGM states; None for any other file."""
    match = _NETPBM.match(head)
    return int(match[1]) or None if match else None


def likely_white(peak: float, ranges: tuple[int, ...] = (1023, 4095), full: int = 65535) -> int:
    """The white of samples in 16 bits whose largest is `peak`: cameras of 10 and 12 bits leave the upper bits empty. A
    peak that fills neither range by a fourth belongs to a full one."""
    return next((white for white in ranges if white / _LEAST < peak <= white), full)
