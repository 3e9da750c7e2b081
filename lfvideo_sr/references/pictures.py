"""References of a single picture: sharp pictures at no moment, from files, arrays or tensors."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError, ReferencesMissing
from ..frames import Size, on_host, size_of
from ..media.images import read_image, read_size
from ..media.picture_formats import READABLE, pictures_in, read_or_why, shown_unreadable
from ..pixels import as_pixels
from .reference import Reference
from .source import ClipFit

_SMALLEST = 4  # pixels of a reference's shorter side, one of its low-resolution version


class NamedPictures(NamedTuple):
    """Files that serve as references; and those in folders that cannot, each with why, to be read after its name."""

    pictures: list[Path]
    left_out: dict[Path, str]


def named_pictures(named: Sequence[Path], skip: Sequence[Path] = ()) -> NamedPictures:
    """The pictures named and those in the folders named, each once; `skip` is left out of folders.

    Raises ReferencesMissing for a name that does not exist, and for a folder without a picture that can serve. A
    picture that is named itself is not looked at.
    """
    skipped = {path.resolve() for path in skip}
    pictures: dict[Path, Path] = {}
    left_out: dict[Path, str] = {}
    for path in named:
        if not path.exists():
            raise ReferencesMissing(f"no reference at {path}; give a picture or a folder of pictures with --ref")
        inside = _in_folder(path, skipped) if path.is_dir() else NamedPictures([path], {})
        left_out |= inside.left_out
        for picture in inside.pictures:
            pictures.setdefault(picture.resolve(), picture)
    return NamedPictures(list(pictures.values()), left_out)


def _in_folder(folder: Path, skipped: set[Path]) -> NamedPictures:
    readable, left_out = pictures_in(folder)
    reasons = {path: _why_useless(path) for path in readable if path.resolve() not in skipped}
    left_out |= {path: why for path, why in reasons.items() if why}
    pictures = [path for path, why in reasons.items() if not why]
    if not pictures:
        why = "; ".join([*shown_unreadable(left_out), f"give pictures as {READABLE}"])
        raise ReferencesMissing(f"{folder} holds no pictures that can be read: {why}")
    return NamedPictures(pictures, left_out)


def _why_useless(path: Path) -> str:
    """Why a picture cannot serve, by its header where that has its size; "" where it can."""
    size = read_or_why(read_size, path)
    if isinstance(size, str):
        return size
    return f"is {size}, too small for a reference" if min(size) < _SMALLEST else ""


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
