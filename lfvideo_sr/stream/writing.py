"""What was restored, on its way into a video."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol, TypeVar

import numpy as np

from ..errors import first_line
from ..frames import DeviceFrame, Frame, Size
from ..media.colour import ColourSpec
from ..media.output_format import OutputPicture, ToPlanes, planes_on_host
from ..media.picture_writing import OutputPixels
from ..media.resize import resized
from ..prefetch import beside_a_gpu
from .job import StreamJob
from .pipeline import Restored

P = TypeVar("P", OutputPicture, OutputPixels)
P_co = TypeVar("P_co", OutputPicture, OutputPixels, covariant=True)


class Sink(Protocol[P_co]):
    """What pictures are converted for: VideoSink, SegmentedSink, SequenceSink."""

    size: Size
    warnings: list[str]

    def converted(self, frame: Frame, to_planes: ToPlanes = planes_on_host) -> P_co: ...


def converted(
    job: StreamJob, sink: Sink[P], restored_frames: Iterable[Restored] | None = None
) -> Generator[P, None, None]:
    """What the job restores, at the size and in the colours of the sink; ahead of the encoder where that saves time.

    restored_frames: those of the job's frames that are converted; None: all.
    """
    to_planes = partial(planes_on_its_device, warnings=sink.warnings)

    def each() -> Iterator[P]:
        for restored in job if restored_frames is None else restored_frames:
            with job.watch.stage("convert"):
                frame = restored.frame
                if frame.size != sink.size:
                    frame = frame.with_pixels(resized(frame.pixels, sink.size))
                picture = sink.converted(frame, to_planes)._replace(segment=restored.segment)
            yield picture

    return beside_a_gpu(each(), job.engine.device)


def planes_on_its_device(frame: Frame, colour: ColourSpec, warnings: list[str]) -> Sequence[np.ndarray]:
    """A frame's planes. Of one on a device they are made there, and nothing else comes down; where there is no room,
    they are made on the host, and `warnings` says so once."""
    if isinstance(frame, DeviceFrame):
        from ..nn.planes import rgb_to_planes  # torch is there: the frame is its

        try:
            return rgb_to_planes(frame.tensor, colour)
        except RuntimeError as error:  # no room there, as a rule
            text = f"some pictures get their colours on the host ({first_line(error).split('. ')[0]})"
        if text not in warnings:
            warnings.append(text)
    return planes_on_host(frame, colour)
