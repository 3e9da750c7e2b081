"""What PyAV 18 and PyAV 19 (for Python 3.12 and later) do differently, in one place; nothing else asks which it is."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, Protocol

import av

from .demuxers import address_options, decoder_options, reading_options

# Bytes of a tag that are not UTF-8 are read as surrogates and written as the same bytes. PyAV 19 has no other way; 18
# needs the option, else such a file does not open.
_TAGS: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "surrogateescape"}

LIBVPX = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # decoders that read the transparency of WebM


def open_media(file: Path | BytesIO | str, mode: Literal["r", "w"] = "r", **options: Any) -> Any:
    """`av.open` for files, whatever they are called, for bytes, and for FFmpeg's own names (`pipe:1`) and addresses;
    tags in any encoding survive being copied.

    What is read is one media file or stream, which opens no other, and frames above the limit of pixels do not decode.
    """
    named = f"file:{file}" if isinstance(file, Path) else file
    if mode == "w":
        return av.open(named, mode, **_TAGS, **options)
    limits = address_options() if isinstance(file, str) else reading_options(options.get("format"))
    options["options"] = options.get("options", {}) | limits
    container = av.open(named, mode, **_TAGS, **options)
    for stream in container.streams.video:
        if stream.codec_context is not None:
            stream.codec_context.options = stream.codec_context.options | decoder_options()
    return container


def alpha_decoder(stream: Any) -> Any | None:
    """The decoder of VP8 or VP9 that reads transparency, which is beside the pictures: FFmpeg's own pass it over. None
    for other codecs."""
    name = stream.codec_context.codec.canonical_name
    if name not in LIBVPX:
        return None
    decoder = av.CodecContext.create(LIBVPX[name], "r")
    decoder.options = decoder_options()
    return decoder


@contextmanager
def decoding_in_threads(stream: Any) -> Iterator[None]:
    """Inside, a stream is decoded in several threads, which rest before its file may be closed: PyAV frees a decoder
    under the interpreter's lock, and a thread that has something to log waits for that lock, so both would for ever.
    PyAV's logging is off by default, but torchvision 0.23 turns it on, and `description_of` does for a moment."""
    stream.thread_type = "AUTO"
    try:
        yield
    finally:
        stream.codec_context.flush_buffers()


def check_memory(error: av.FFmpegError) -> None:
    """Raise MemoryError for an error of FFmpeg that comes of that: it is no damage of what is read."""
    if error.errno == errno.ENOMEM:
        raise MemoryError(error.strerror) from error


class _Ratio(Protocol):
    """Fraction is one, and PyAV 19's own rational, which type checkers do not take for a number."""

    @property
    def numerator(self) -> int: ...

    @property
    def denominator(self) -> int: ...


def fraction(value: _Ratio | None) -> Fraction | None:
    """A rate, time base or aspect that PyAV gives; None where it is unknown, for which PyAV 19 has a rational 0/1."""
    return Fraction(value.numerator, value.denominator) if value else None
