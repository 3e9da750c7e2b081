"""What PyAV 18 and PyAV 19 (for Python 3.12 and later) do differently, in one place; nothing else asks which it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, Protocol

import av

# Bytes of a tag that are not UTF-8 are read as surrogates and written as the same bytes. PyAV 19 has no other way; 18
# needs the option, else such a file does not open.
_TAGS: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "surrogateescape"}


# Demuxers that read the files or addresses which a file names: nobody asked for those.
_FOLLOWING = {"hls", "applehttp", "dash", "concat", "imf", "sdp", "avisynth", "vapoursynth"}


def open_media(file: Path | BytesIO | str, mode: Literal["r", "w"] = "r", **options: Any) -> Any:
    """`av.open` for files, whatever they are called, for bytes, and for FFmpeg's own names (`pipe:1`); tags in any
    encoding survive being copied. A file that lists other files is refused: av.ArgumentError."""
    if mode == "r":
        options["options"] = {"format_whitelist": formats_that_follow_nothing()} | options.get("options", {})
    return av.open(f"file:{file}" if isinstance(file, Path) else file, mode, **_TAGS, **options)


@cache
def formats_that_follow_nothing() -> str:
    """Every demuxer that reads no file but the one that is given, by name, as FFmpeg takes a list."""
    return ",".join(sorted(name for name in av.formats_available if not _FOLLOWING & set(name.split(","))))


@contextmanager
def decoding_in_threads(stream: Any) -> Iterator[None]:
    """Inside, a stream is decoded in several threads, which rest before its file may be closed: PyAV frees a decoder
    under the interpreter's lock, and a thread that has something to log waits for that lock, so both would for ever.
    PyAV's logging is off by default, but torchvision 0.23 turns it on, and `siting_of` does for a moment."""
    stream.thread_type = "AUTO"
    try:
        yield
    finally:
        stream.codec_context.flush_buffers()


class _Ratio(Protocol):
    """Fraction is one, and PyAV 19's own rational, which type checkers do not take for a number."""

    @property
    def numerator(self) -> int: ...

    @property
    def denominator(self) -> int: ...


def fraction(value: _Ratio | None) -> Fraction | None:
    """A rate, time base or aspect that PyAV gives; None where it is unknown, for which PyAV 19 has a rational 0/1."""
    return Fraction(value.numerator, value.denominator) if value else None
