"""The video that a stream is written to: how it is encoded, how large, and the run from the first frame to the last."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UsageError
from ..frames import Size
from ..media.output_format import OutputPicture
from ..media.sink import VideoSink
from ..media.streams import StreamChoice
from .job import StreamJob
from .segmented_sink import Settings
from .writing import converted

Counted = Callable[[Iterable[OutputPicture], int | None], Iterator[OutputPicture]]


@dataclass(frozen=True)
class EncodingOptions:
    """How the result is encoded; `size` or `scale` (times the input) resize the method's output by bicubic.

    drop, audio: what becomes of the input's other streams, see StreamChoice.
    """

    codec: str = "libx264"
    crf: int = 16
    preset: str = "medium"
    options: dict[str, str] = field(default_factory=dict)
    size: Size | None = None
    scale: float | None = None
    drop: tuple[str, ...] = ()
    audio: str = "copy"

    def __post_init__(self) -> None:
        if self.size and self.scale:
            raise UsageError("--size and --scale both say how large the output is; give one")
        if self.scale is not None and not 0 < self.scale <= 8:
            raise UsageError(f"--scale is {self.scale}; a number above 0 and up to 8 is needed")
        self.choice()

    def settings(self) -> Settings:
        """Of the encoder."""
        return {"codec": self.codec, "crf": self.crf, "preset": self.preset, "options": self.options}

    def choice(self) -> StreamChoice:
        """Which streams of the input go along. Raises UsageError for what names none."""
        return StreamChoice(tuple(self.drop), self.audio)

    def output_size(self, job: StreamJob) -> Size:
        """Even sides where the result is resized, so that 4:2:0 holds it."""
        if self.size:
            return self.size
        if self.scale:
            return Size(*(max(2, round(side * self.scale / 2) * 2) for side in job.info.size))
        return job.size


def open_sink(
    job: StreamJob, path: Path, encoding: EncodingOptions, copy_from: Path | None, overwrite: bool
) -> VideoSink:
    """The target for what a job restores. copy_from: the file whose audio, subtitles and metadata it gets."""
    return VideoSink(
        path, job.video, encoding.output_size(job), **encoding.settings(), copy_from=copy_from, ends_at=job.ends_at,
        overwrite=overwrite, part=job.part, choice=encoding.choice(),
    )  # fmt: skip


def write_video(job: StreamJob, sink: VideoSink, counted: Counted) -> None:
    """Run the job into the target, which appears only when it is whole. On any failure nothing is left of it.

    counted: passes the pictures on and shows progress.
    """
    try:
        with closing(converted(job, sink)) as pictures:
            for picture in counted(pictures, job.info.frames):
                with job.watch.stage("write"):
                    sink.encode(picture)
        with job.watch.stage("finish"):
            sink.close()
    except BaseException:
        sink.abort()
        raise
