"""Which files are pictures, and which of them can be read here; what to do about the others."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from ..errors import PictureRefused

T = TypeVar("T")

HEIF = {".heic", ".heif", ".hif"}
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif"} | HEIF
READABLE = "PNG, JPEG, WebP, TIFF, BMP, PPM, AVIF or HEIC"
_RAW = (
    ".dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .raf .orf .rw2 .rwl .pef .srw .raw .3fr .fff .iiq .erf .mef .mos .x3f"
)
_DEVELOP = "is a raw photograph, which has no colours yet; develop it to JPEG or 16-bit TIFF"
_EXPORT = f"is of a format that is not read; save it as {READABLE}"
_OTHERS = dict.fromkeys(_RAW.split(), _DEVELOP) | dict.fromkeys(
    (".gif", ".psd", ".psb", ".xcf", ".jxl", ".jp2", ".j2k", ".jpf", ".exr", ".hdr", ".tga", ".pfm"), _EXPORT
)
NEEDS_HEIF = "needs the package pillow-heif; pip install pillow-heif, or save it as JPEG"


class UnreadableFormat(PictureRefused):
    """A picture in a format that this installation does not read."""


def can_read_heif() -> bool:
    """Whether the package for HEIC and HEIF is installed."""
    return find_spec("pillow_heif") is not None


def why_unreadable(path: Path) -> str | None:
    """What is wrong with a picture's format and what to do, to be read after its name, judged by its ending; None for
    one that can be read, and for what is no picture at all."""
    ending = path.suffix.lower()
    if ending in HEIF and not can_read_heif():
        return NEEDS_HEIF
    return _OTHERS.get(ending)


def picture_files(folder: Path) -> list[Path]:
    """The files of a folder that are pictures by their ending, by name; hidden ones are left out."""
    files = (path for path in folder.iterdir() if path.suffix.lower() in PICTURES and not path.name.startswith("."))
    return sorted(path for path in files if path.is_file())


def pictures_in(folder: Path) -> tuple[list[Path], dict[Path, str]]:
    """The pictures in a folder that can be read, by name; and those that cannot, each with what is wrong with it."""
    files = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and path.is_file()]
    unreadable = {path: why for path in files if (why := why_unreadable(path))}
    return [path for path in files if path.suffix.lower() in PICTURES and path not in unreadable], unreadable


def read_or_why(read: Callable[[Path], T], path: Path) -> T | str:
    """What `read` makes of a picture; of one that is refused, why, to be read after its name."""
    try:
        return read(path)
    except PictureRefused as error:
        return str(error).removeprefix(f"{path} ")


def shown_unreadable(unreadable: dict[Path, str]) -> list[str]:
    """A line for each thing that is wrong, naming at most three of the files that share it."""
    paths_of: dict[str, list[Path]] = {}
    for path, why in unreadable.items():
        paths_of.setdefault(why, []).append(path)
    return [f"{_named(paths)} {why}" for why, paths in paths_of.items()]


def _named(paths: list[Path]) -> str:
    names = ", ".join(path.name for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return names if len(paths) == 1 else f"{names}{more}: each"
