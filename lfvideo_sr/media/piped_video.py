"""Video that comes through standard input: read once, with all that comes beside it."""

from collections import deque
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame

from ..checks import check_positive
from ..errors import InputError
from ..frames import TimeStamp
from .decoding import deinterlaced
from .probe import VideoInfo
from .reading_once import OnceRead, opened_once, seconds_of
from .stamps import stamped
from .standard_streams import PipeReader
from .video import VideoSource

FORMATS = {"y4m": "yuv4mpegpipe", "nut": "nut", "mkv": "matroska", "mpegts": "mpegts"}  # names here and FFmpeg's
_NUT_INDEX = bytes.fromhex("4e58dd672f23e64e")  # at the end of every NUT that its writer has finished
_TS_PACKET = 188  # bytes
_READ = 1 << 18  # bytes at a time


class OnceSource(VideoSource):
    """The frames of a stream that is read once; a second iteration has none.

    read:     the stream, whose first picture is decoded.
    duration: stop after so many seconds of the stream's own time.
    """

    def __init__(
        self, read: OnceRead, *, frames: int | None = None, max_height: int | None = None, deinterlace: bool = False,
        duration: float | None = None,
    ):  # fmt: skip
        if duration is not None:
            check_positive("--duration", duration)
        self._read, self._duration = read, duration
        super().__init__(read.video.path, frames=frames, max_height=max_height, deinterlace=deinterlace)

    def _probed(self, path: Path, track: int) -> VideoInfo:
        return self._read.video

    def _all_pictures(self) -> Generator[tuple[VideoFrame, TimeStamp], None, None]:
        arriving = self._arriving()
        pictures = deinterlaced(arriving, self._read.stream) if self._deinterlace else arriving
        try:
            yield from stamped(self._within(pictures), self.video, self._warn)
        finally:
            arriving.close()
            for line in self._read.warnings:
                self._warn(line)

    def _arriving(self) -> Generator[VideoFrame, None, None]:
        """Decoded pictures, as they come."""
        yield from self._read.pictures

    def _within(self, pictures: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """Those before the end that `duration` sets."""
        end: Fraction | None = None
        for picture in pictures:
            if self._duration is not None and picture.pts is not None:
                end = end or seconds_of(picture) + Fraction(str(self._duration))
                if seconds_of(picture) >= end:
                    return
            yield picture

    @property
    def start(self) -> Fraction:
        """When the first frame is shown, seconds."""
        return self._read.start

    @property
    def is_limited(self) -> bool:
        """Whether the end was asked for, so that the stream may go on behind it."""
        return self._limit is not None or self._duration is not None

    @property
    def container(self) -> InputContainer:
        """What is read, or was read first."""
        return self._read.container

    @property
    def others(self) -> deque[Packet]:
        """Packets of all streams but video that have come so far; whoever takes one removes it."""
        return self._read.decoder.others

    @property
    def broken(self) -> str:
        """Why the stream ended before its time, "" where it did not; to be asked when all frames are taken."""
        return self._read.decoder.broken

    def check_unchanged(self) -> None:
        """A stream is no file that somebody could write anew."""

    def stop(self) -> None:
        """End the stream here; what has come is still given. May be called from another thread or a signal handler."""

    def close(self) -> None:
        self._read.close()


def _opened(reader: PipeReader, kind: str | None) -> OnceRead:
    try:
        container = opened_once(reader, reader.name, format=FORMATS[kind] if kind else None, buffer_size=_READ)
        return OnceRead(container, Path(reader.name))
    except InputError as error:
        if reader.head[4:8] != b"ftyp":
            raise
        raise InputError(
            f"{reader.name} is an MP4 with its index at the end, and pipes do not go back; give the file, or send NUT"
        ) from error


class PipedSource(OnceSource):
    """The frames of what comes through a pipe."""

    def __init__(self, reader: PipeReader, kind: str | None = None, **options):
        """kind: one of FORMATS, or None: FFmpeg looks what it is. options: of OnceSource."""
        self._pipe = reader
        super().__init__(_opened(reader, kind), **options)

    @property
    def is_y4m(self) -> bool:
        """Whether it is YUV4MPEG2, which has neither times nor sound."""
        return self.container.format.name == FORMATS["y4m"]

    @property
    def broken(self) -> str:
        cut = self._read.decoder.ended and not self._pipe.stopped and self._is_cut_short()
        return super().broken or ("it was cut off" if cut else "")

    def _is_cut_short(self) -> bool:
        """FFmpeg takes the end of a pipe for the end of a stream, also in the middle of a frame."""
        kind, last = self.container.format.name, self._read.decoder.last
        if kind == FORMATS["nut"]:
            return _NUT_INDEX not in self._pipe.tail
        if kind == FORMATS["mpegts"]:
            return self._pipe.bytes_read % _TS_PACKET > 0
        if self.is_y4m and last is not None and last.pos is not None:
            return self._pipe.bytes_read > last.pos + last.size
        return False

    def stop(self) -> None:
        self._pipe.stop()
