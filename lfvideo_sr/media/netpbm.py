"""Netpbm pictures whose samples are written as text, as the binary kind that the decoders read at any depth."""

import re

import numpy as np

from .sample_range import NETPBM_SPACE

_BINARY = {b"P2": b"P5", b"P3": b"P6"}
_HEADER = re.compile(NETPBM_SPACE.join([rb"P[23]", rb"(\d{1,9})", rb"(\d{1,9})", rb"(\d{1,5})\s"]))


def as_binary(data: np.ndarray) -> np.ndarray:
    """The bytes uint8 [N] of a file, those of a PGM or PPM of text turned into the binary kind. Any other file is left
    as it is, and so is one whose samples are missing or not numbers up to its maximum."""
    kind = _BINARY.get(data[:2].tobytes())
    header = _HEADER.match(data[:4096].tobytes()) if kind else None
    if kind is None or header is None:
        return data
    width, height, white = map(int, header.groups())
    count = width * height * (3 if kind == b"P6" else 1)
    if not 0 < white < 65536 or 2 * count > data.size:  # a sample takes a digit and a space at least
        return data
    try:
        samples = np.array(data[header.end() :].tobytes().split()[:count], np.int64)
    except (ValueError, OverflowError):
        return data
    if samples.size != count or samples.max(initial=0) > white or samples.min(initial=0) < 0:
        return data
    head = b"%s\n%d %d\n%d\n" % (kind, width, height, white)
    return np.frombuffer(head + samples.astype(">u2" if white > 255 else np.uint8).tobytes(), np.uint8)
