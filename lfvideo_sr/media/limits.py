"""The largest picture that is read or made. A file of a kilobyte can claim any size, and decoding it would fill the
memory, so that sizes are checked before anything is decoded."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import EngineError, InputError, PictureRefused, UsageError
from ..frames import Size

DEFAULT = 178_956_970  # pixels, as in Pillow; a frame of 4096x2160 enlarged x4 has 141.6 million
VARIABLE = "LFVIDEO_MAX_PIXELS"
_SAMPLES = 8  # bytes of a pixel that a file stores at most: 16 bits of red, green, blue and alpha
_LEAST = 1 << 22  # bytes that a data set may declare, whatever the file holds
_PACKED = 2000  # times that samples may be packed; gzip, the usual filter, reaches 1032
_EMPTY = 8000  # bytes of decoded pixels for each of a file; PNG reaches 3100 with 8 bits a pixel, JPEG 260
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_CGROUP = Path("/sys/fs/cgroup")


def parse_pixels(text: str, name: str = VARIABLE) -> int:
    """ "300M" -> 300000000; UsageError for anything but a number above 0 with k, M, G or nothing behind it."""
    match = re.fullmatch(r"(\d{1,15})\s*([kmg]?)", text.strip().lower())
    if not match or not int(match[1]):
        raise UsageError(f"{name} is '{text}'; give a number of pixels, like 300M")
    return int(match[1]) * _UNITS[match[2]]


def max_pixels() -> int:
    """The limit of this process: what LFVIDEO_MAX_PIXELS says, else DEFAULT."""
    text = os.environ.get(VARIABLE)
    return parse_pixels(text) if text else DEFAULT


def check_pixels(count: int, name: str) -> None:
    """Raise PictureRefused for a picture of more pixels than the limit. name: what the message calls it."""
    if count > max_pixels():
        raise PictureRefused(
            f"{name} has {_millions(count)} million pixels; at most {_millions(max_pixels())} are allowed; "
            f"pass --max-pixels {-(-count // 10**6)}M if that is meant"
        )


def check_size(size: Size, name: str) -> None:
    """`check_pixels` for a size."""
    check_pixels(size.width * size.height, f"{name} ({size})")


def check_file_size(size: int, path: Path) -> None:
    """Raise PictureRefused for a picture's file of more bytes than the largest picture has."""
    if size > _SAMPLES * max_pixels():
        raise PictureRefused(
            f"{path} has {size / 1e9:.1f} GB, more than a picture of {_millions(max_pixels())} million pixels; "
            "raise --max-pixels if that is meant"
        )


def check_content(pixels: int, stored: int, name: str) -> None:
    """Raise PictureRefused for a picture of millions of pixels in a file of hardly any bytes: it is one colour or
    damaged, and would be decoded, restored and written all the same. An explicit limit of pixels turns this off."""
    decoded = 3 * pixels
    if decoded > 2 * _LEAST and decoded > _EMPTY * stored and not os.environ.get(VARIABLE):
        raise PictureRefused(
            f"{name} claims {_millions(pixels)} million pixels in {stored} bytes; it is empty or damaged; pass "
            "--max-pixels to read it all the same"
        )


def check_declared(array: Any, name: str) -> None:
    """Raise InputError for a data set of an HDF5 file that declares far more than the file holds of it: it would be
    read, restored and written for hours, and shows nothing. Any other array passes."""
    identity = getattr(array, "id", None)
    if identity is None or array.is_virtual:
        return
    declared, stored = array.size * array.dtype.itemsize, identity.get_storage_size()
    if declared > _LEAST and declared > _PACKED * stored:
        raise InputError(
            f"{name} declares {declared / 1e6:.0f} MB and holds {stored} bytes; it is damaged or was never written"
        )


def check_memory(needed: int, name: str) -> None:
    """Raise EngineError where less memory is free than `needed` bytes. An explicit limit of pixels turns this off."""
    free = free_memory()
    if free is not None and needed > free and not os.environ.get(VARIABLE):
        raise EngineError(
            f"{name} needs about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free; give a smaller "
            "picture, or pass --max-pixels to try all the same"
        )


def free_memory() -> int | None:
    """Bytes that this process can still take, by the system, its container and its own limit; None if unknown."""
    return min((*_of_system(), *_of_container(), *_of_process()), default=None)


def free_address_space() -> int | None:
    """Bytes that `ulimit -v` leaves; None where it sets no limit."""
    return next(_of_process(), None)


def _of_system() -> Iterator[int]:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield 1024 * int(line.split()[1])
    except (OSError, ValueError):
        return


def _of_container() -> Iterator[int]:
    """By the limit of the control group, version 2; what files hold in the cache can be had."""
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        if limit.isdigit():
            held = int((_CGROUP / "memory.current").read_text())
            lines = (line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
            cached = sum(int(count) for kind, count in lines if kind in ("active_file", "inactive_file"))
            yield max(0, int(limit) - held + cached)
    except (OSError, ValueError):
        return


def _of_process() -> Iterator[int]:
    """By `ulimit -v`."""
    try:
        import resource  # Windows has none

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            yield max(0, limit - pages * resource.getpagesize())
    except (ImportError, OSError, ValueError):
        return


def _millions(count: int) -> str:
    return f"{count / 1e6:.0f}" if count >= 10**7 else f"{count / 1e6:.6g}"
