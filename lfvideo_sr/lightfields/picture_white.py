"""The white of pictures that belong together: one for all, or a dark view would come out as bright as the others."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..media.images import read_picture
from ..media.sample_range import likely_white

_FULL = 65535


def white_of_files(sampled: Sequence[Path], white: float | None = None) -> float | None:
    """To read all the pictures with, of which some are named: None where they state it themselves or have 8 bits.

    white: what the user says.
    """
    if white is not None or not sampled or read_picture(sampled[0]).stated:
        return white
    return likely_white(np.round(read_picture(path, _FULL).pixels * _FULL).astype(np.uint16) for path in sampled)
