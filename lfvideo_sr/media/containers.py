"""Which endings of file names stand for containers that results are written in, looked up before a file is made."""

from functools import cache
from pathlib import Path

from ..errors import OutputError

MATROSKA, MP4 = ("matroska", "webm"), ("mp4", "mov", "ipod")  # FFmpeg's names
_USUAL = (".mp4", ".mkv", ".mov", ".m4v", ".webm")
_REMEDY = "end -o in .mp4, .mov, .mkv or .webm"


def check_ending(path: Path) -> None:
    """Raise OutputError for the name of a video file whose ending is that of no container that keeps exact times."""
    ending = path.suffix.lower()
    if ending in _USUAL or ending[1:] in endings_of((*MATROSKA, *MP4)):
        return
    raise unknown_ending(path) if ending[1:] not in endings_of(None) else lossy_ending(path)


def unknown_ending(path: Path) -> OutputError:
    """The error for an ending that FFmpeg does not know."""
    return OutputError(f"{path}: '{path.suffix}' is no container known here; {_REMEDY}")


def lossy_ending(path: Path) -> OutputError:
    """The error for an ending of a container that would change the result."""
    return OutputError(f"{path}: '{path.suffix}' cannot keep exact times and colour tags; {_REMEDY}")


@cache
def endings_of(formats: tuple[str, ...] | None) -> frozenset[str]:
    """The endings, without a dot, of some of FFmpeg's output formats; None: of all of them."""
    from av.format import ContainerFormat, formats_available

    endings: set[str] = set()
    for name in formats_available if formats is None else formats:
        try:
            endings |= ContainerFormat(name, "w").extensions
        except ValueError:  # it can only be read, or is not part of this FFmpeg
            continue
    return frozenset(endings)
