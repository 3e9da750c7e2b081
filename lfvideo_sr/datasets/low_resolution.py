"""Benchmarks that have low-resolution pictures beside the sharp ones: HR/NAME.png and
LR_bicubic/X4/NAMEx4.png, as DIV2K and many since have it; GTmod12/NAME.png and LRbicx4/NAME.png, as BasicSR; or
NAME_SRF_4_HR.png beside NAME_SRF_4_LR.png, as SelfExSR."""

import re
from collections.abc import Iterator
from pathlib import Path

from ..media.picture_formats import PICTURES, picture_files
from .items import Item

_HIGH = re.compile(r"(.*_)?(HR|GT(mod\d+)?|original)", re.IGNORECASE)
_LOW = re.compile(r"(.*_)?LR(_?[a-z]+)?(_?x(?P<scale>\d))?", re.IGNORECASE)
_SCALE = "4"
_ENDINGS = ("x4", "X4", "_x4", "_X4", "_LR", "")
_SIDE_BY_SIDE = ("_SRF_4_HR", "_SRF_4_LR")


def items_with_low(folder: Path) -> Iterator[Item]:
    """The sharp pictures of a folder, each with the low-resolution picture of its name; none where the folder has no
    low-resolution pictures. A missing low-resolution picture is an error when it is read."""
    high = next((inner for inner in _folders(folder) if _HIGH.fullmatch(inner.name)), None)
    low = _low_folder(folder)
    if high is not None and low is not None:
        for path in picture_files(high):
            yield Item(path.stem, path, low=_low_of(path.stem, low))
    high_end, low_end = _SIDE_BY_SIDE
    for path in picture_files(folder):
        beside = path.with_name(f"{path.stem.removesuffix(high_end)}{low_end}{path.suffix}")
        if path.stem.endswith(high_end) and beside.is_file():
            yield Item(path.stem.removesuffix(high_end), path, low=beside)


def _low_folder(folder: Path) -> Path | None:
    """Where the pictures that are smaller by 4 are; bicubic ones first, where there are several kinds."""
    places = []
    for inner in _folders(folder):
        match = _LOW.fullmatch(inner.name)
        if match is None:
            continue
        by_scale = [deeper for deeper in _folders(inner) if deeper.name.lower() == f"x{_SCALE}"]
        places += by_scale or ([inner] if match["scale"] in (None, _SCALE) and picture_files(inner) else [])
    return min(places, key=lambda place: (*_kind(place.relative_to(folder).as_posix().lower()), place), default=None)


def _kind(name: str) -> tuple[bool, bool]:
    return "bic" not in name, "unknown" in name


def _low_of(name: str, folder: Path) -> Path:
    named = [folder / f"{name}{ending}" for ending in _ENDINGS]
    files = (path.with_name(path.name + suffix) for path in named for suffix in sorted(PICTURES))
    return next((path for path in files if path.is_file()), named[0].with_name(f"{named[0].name}.png"))


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
