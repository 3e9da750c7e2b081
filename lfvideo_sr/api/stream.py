"""An open stream: iterate it, or write it to a file."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Self, TypeVar
from weakref import WeakSet

from ..commands.targets import check_targets
from ..errors import UsageError
from ..frames import Frame, Size, StreamInfo
from ..stream.grid_job import GridJob
from ..stream.job import StreamJob
from ..stream.output import EncodingOptions, open_sink, write_video
from ..stream.pipeline import Restored
from .results import RestoredFrame, on_the_host
from .running import LOGGER
from .wording import python_errors

T = TypeVar("T")
Progress = Callable[[int, int | None], object]  # how many frames are done, and of how many if that is known


class OpenStream:
    """Iterate it for the super-resolved frames, in order, or for the views of a light field, those nearest to a
    reference first. Each iteration starts at the first frame, and ends the one before. Use it as a context manager, or
    call `close`.

    What torch restores on a GPU is brought to the host as it is asked for, on the present CUDA stream: iterate where
    that is torch's default one.

    job: what runs behind it: sizes, where references come from, cache and timings; of the latest iteration.
    """

    def __init__(self, job: Any, again: Callable[[], Any] | None = None, context: ExitStack | None = None):
        """job: opened. again: opens the next one, for another iteration. context: what `close` leaves."""
        self.job: Any = job
        self._again, self._context = again, context or ExitStack()
        self._running: WeakSet[Generator[Restored, None, None]] = WeakSet()
        self._begun = self._closed = False

    @property
    def info(self) -> StreamInfo:
        """What is known of the low-resolution input: name, size, rate, and how many frames it has, if that is known."""
        return self.job.info

    @property
    def size(self) -> Size:
        """Of the frames that come out."""
        return self.job.size

    @property
    def references(self) -> str:
        """Where references come from, in one line: "track: in.mp4#v:1 ..."."""
        return f"{self.job.reference_kind}: {self.job.reference_description}"

    @property
    def warnings(self) -> list[str]:
        """What was wrong with the input but did not stop the stream, so far; logged by the logger `lfvideo_sr` too."""
        return self.job.warnings

    def __iter__(self) -> Iterator[Frame]:
        """Frames: pixels float32 [3,4h,4w] RGB in [0,1], on the host, each with the time or view of its input."""
        return (restored.frame.fetched() for restored in self._run())

    def results(self) -> Iterator[RestoredFrame]:
        """As iterating, each frame with the references that it was made with, their relevance and correspondence."""
        return (on_the_host(restored) for restored in self._run())

    def _run(self) -> Generator[Restored, None, None]:
        running = self._restored(self._next_job())
        self._running.add(running)
        return running

    def _next_job(self) -> Any:
        if self._closed:
            raise UsageError("the stream is closed; open it anew")
        if self._begun and self._again is not None:
            self._end()
            with python_errors():
                self.job = self._again()
        self._begun = True
        return self.job

    def _restored(self, job: Any) -> Generator[Restored, None, None]:
        try:
            with python_errors(), closing(iter(job)) as items:
                yield from items
        finally:
            log(job.warnings)

    def close(self) -> None:
        """End what still runs and its threads, close the input, and leave the engine's context."""
        self._closed = True
        self._end()
        self._context.close()

    def _end(self) -> None:
        for running in list(self._running):
            running.close()
        self.job.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class OpenVideo(OpenStream):
    """A video, or frames that a caller gives."""

    job: StreamJob

    def write(
        self,
        path: Path | str,
        *,
        codec: str = "libx264",
        crf: int = 16,
        preset: str = "medium",
        encoder_options: dict[str, str] | None = None,
        size: Size | tuple[int, int] | None = None,
        scale: float | None = None,
        drop: Sequence[str] = (),
        audio: str = "copy",
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Restore all frames into a video file, which gets the input's times, audio, subtitles and metadata, and
        appears under its name only when it is whole. Whatever ends it before, an error, Ctrl-C or an exception of
        `progress`, leaves nothing behind.

        size, scale: resize the frames that come out, to a size or to so many times the input's.
        drop: kinds of the input's streams (audio, subtitle, data, attachment, cover, chapters), and indices, that do
            not go along. audio: "copy", "drop" or an encoder, such as aac.
        progress: called after each frame with how many are done, and of how many (None: not known).

        Raises OutputError for what cannot be written, UsageError for options that contradict each other.
        """
        path = Path(path)
        with python_errors():
            resized = Size(*size) if size is not None else None
            encoding = EncodingOptions(
                codec, crf, preset, dict(encoder_options or {}), resized, scale, tuple(drop), audio
            )
            job = self._next_job()
            is_file = job.source.video.path == job.path and job.path.is_file()
            file = job.path if is_file else None
            check_targets({"-o": path}, job.files_read(), overwrite)
            sink = open_sink(job, path, encoding, file, overwrite)
            write_video(job, sink, _counting(progress))
            log([*job.warnings, *sink.warnings])
        return path


class OpenLightField(OpenStream):
    """A light field; the stamp of each frame is its view."""

    job: GridJob

    def write(self, path: Path | str, *, overwrite: bool = False, progress: Progress | None = None) -> Path:
        """Restore all views into a file in the layout, key, axis order and sample type of the input, which appears
        under its name only when it is whole. Whatever ends it before leaves nothing behind. Views that were given as
        an array are written as a folder of pictures.

        progress: as of a video, in views.

        Raises OutputError for what cannot be written.
        """
        path = Path(path)
        with python_errors():
            job = self._next_job()
            check_targets({"-o": path}, [job.path] if job.path.exists() else [], overwrite)
            sink = job.source.target(path, job.size, job.grid, job.source.info.frames)
            try:
                with closing(iter(job)) as views:
                    for restored in _counting(progress)(views, job.info.frames):
                        sink.write(restored.frame, job.frame_number(restored.frame))
                sink.close()
            except BaseException:
                sink.abort()
                raise
            log(job.warnings)
        return path


def log(warnings: Iterable[str]) -> None:
    """Warnings of the library go to the logger `lfvideo_sr`."""
    for text in warnings:
        LOGGER.warning(text)


def _counting(progress: Progress | None) -> Callable[[Iterable[T], int | None], Iterator[T]]:
    def counted(items: Iterable[T], total: int | None) -> Iterator[T]:
        for done, item in enumerate(items, 1):
            yield item
            if progress is not None:
                progress(done, total)

    return counted
