"""Which value of an integer sample is white: what a file states, or what its samples show."""

import re
from collections.abc import Iterable

import numpy as np

NETPBM_SPACE = rb"(?:[ \t\r\n]|#[^\n]*\n)+"
_NETPBM = re.compile(rb"P[2356]" + NETPBM_SPACE + rb"\d+" + NETPBM_SPACE + rb"\d+" + NETPBM_SPACE + rb"(\d{1,5})\s")
_DOUBLED = 257  # times a sample of 8 bits is the same brightness in 16
_LEAST = 4  # a peak below a fourth of a range does not show it


def stated_white(head: bytes) -> int | None:
    """The maximum that the header of a PPM or PGM states; None for any other file."""
    match = _NETPBM.match(head)
    return int(match[1]) or None if match else None


def likely_white(sampled: Iterable[np.ndarray], ranges: tuple[int, ...] = (1023, 4095), full: int = 65535) -> int:
    """The white of samples in 16 bits: cameras of 10 and 12 bits leave the upper bits empty. Where the largest sample
    fills none of the ranges by a fourth, it is the full one, and for dark samples of 8 bits, each of them doubled."""
    peak, doubled = 0, True
    for samples in sampled:
        peak = max(peak, int(samples.max(initial=0)))
        doubled = doubled and not (samples % _DOUBLED).any()
    return full if doubled else next((white for white in ranges if white / _LEAST < peak <= white), full)
