"""What was restored, on its way into a video."""

from collections.abc import Generator, Iterator

from ..media.resize import resized
from ..media.sink import Picture, VideoSink
from ..prefetch import beside_a_gpu
from .job import StreamJob


def converted(job: StreamJob, sink: VideoSink) -> Generator[Picture, None, None]:
    """What the job restores, at the size and in the colours of the sink; ahead of the encoder where that saves time."""

    def each() -> Iterator[Picture]:
        for restored in job:
            with job.watch.stage("convert"):
                frame = restored.frame
                if frame.size != sink.size:
                    frame = frame.with_pixels(resized(frame.pixels, sink.size))
                picture = sink.converted(frame)
            yield picture

    return beside_a_gpu(each(), job.engine.device)
