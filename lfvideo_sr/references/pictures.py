"""References of a single picture: sharp pictures at no moment, from files, arrays or tensors."""

from collections.abc import Iterable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..frames import Size, on_host, size_of
from ..media.images import read_image
from ..pixels import as_pixels
from .reference import Reference
from .source import ClipFit

_SMALLEST = 4  # pixels of a reference's shorter side, one of its low-resolution version


def picture_references(
    pictures: Iterable[Any], low: Size, scale: int = 4, white: float | None = None
) -> list[Reference]:
    """References from files, each read when it is needed, or from arrays and tensors, as `as_pixels` takes them.

    white: of files of 16 bits, as of `read_picture`.

    One with the aspect of a picture of size `low` is resampled to `scale` times it; any other keeps its size.
    """
    size = low.scaled(scale)
    fit = ClipFit(size, shown=size.width / size.height)
    return [_reference(picture, number, fit, white) for number, picture in enumerate(pictures)]


def _reference(picture: Any, number: int, fit: ClipFit, white: float | None) -> Reference:
    name = _name(picture, number)
    load = partial(_load, picture, name, fit, white)
    return Reference(("picture", number), Fraction(number), name, load, aligned=False)


def _name(picture: Any, number: int) -> str:
    return str(picture) if isinstance(picture, str | Path) else f"reference {number}"


def _load(picture: Any, name: str, fit: ClipFit, white: float | None) -> np.ndarray:
    pixels = load_picture(picture, name, white)
    if min(pixels.shape[1:]) < _SMALLEST:
        raise InputError(f"{name} is {size_of(pixels)}, too small for a reference; leave it out")
    return fit(pixels)


def load_picture(picture: Any, name: str, white: float | None = None) -> np.ndarray:
    """The pixels of a file, or of an array or tensor, on the host: float32 [3,H,W] RGB in [0,1]. white: of a file."""
    return read_image(picture, white) if isinstance(picture, str | Path) else on_host(as_pixels(picture, name))
