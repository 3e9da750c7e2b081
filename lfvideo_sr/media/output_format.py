"""What frames become before they are encoded: pictures in the colours, format and clock of an output."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av.video.frame import VideoFrame

from ..errors import OutputError
from ..frames import Frame, Size, TimeStamp
from .codecs import Codec
from .colour import ColourSpec, rgb_to_planes
from .encoding import output_colour, pixel_format, split_format, writes_alpha
from .planes import frame_of
from .probe import VideoInfo
from .resize import resized

ToPlanes = Callable[[Frame, ColourSpec], Sequence[np.ndarray]]


def planes_on_host(frame: Frame, colour: ColourSpec) -> list[np.ndarray]:
    """A frame's planes, made on the host, also of a frame on a device."""
    return rgb_to_planes(frame.pixels, colour)


class OutputPicture(NamedTuple):
    """A frame in the output's colours, with its time and duration in ticks of the input's time base, its number, and
    that of the segment of the run that it is of."""

    frame: VideoFrame
    ticks: int
    duration: int
    number: int = 0
    segment: int = 0


@dataclass(frozen=True)
class OutputFormat:
    """The pictures of an output.

    pixel_format: FFmpeg's name. keeps_alpha: they have their transparency.
    time_base:    seconds of a tick; start: seconds of the input's clock that are an output's zero.
    """

    size: Size
    colour: ColourSpec
    pixel_format: str
    keeps_alpha: bool
    time_base: Fraction
    start: Fraction = Fraction(0)

    @classmethod
    def of(
        cls, video: VideoInfo, codec: Codec, size: Size, path: Path, options: Mapping[str, str],
        start: Fraction = Fraction(0),
    ) -> "OutputFormat":  # fmt: skip
        """For what a codec makes of a video, in the container that the ending of `path` names. options: the encoder's,
        which may name a pixel format."""
        requested, _ = split_format(options)
        keeps_alpha = alpha_kept(video, codec, size, path, options)
        colour = output_colour(video.colour, codec, size, keeps_alpha, requested)
        return cls(size, colour, pixel_format(colour, codec, keeps_alpha), keeps_alpha, video.time_base, start)

    def converted(self, frame: Frame, to_planes: ToPlanes = planes_on_host) -> OutputPicture:
        """A frame of this size as a picture to encode; may be asked for in any thread.

        to_planes: makes a frame's planes, on its device where that is possible.
        """
        if frame.size != self.size:
            raise OutputError(f"frame {frame.index} is {frame.size}; this output was opened for {self.size}")
        stamp = frame.stamp
        if not isinstance(stamp, TimeStamp):
            raise OutputError(
                f"frame {frame.index} is view {stamp} of a light field; a video is made of frames with times"
            )
        alpha = None if frame.alpha is None or not self.keeps_alpha else resized(frame.alpha[None], self.size)[0]
        picture = frame_of(to_planes(frame, self.colour), self.colour, self.pixel_format, alpha)
        in_ticks, start = stamp.time_base / self.time_base, self.start / self.time_base
        ticks, duration = round(stamp.ticks * in_ticks - start), round((stamp.duration or 0) * in_ticks)
        picture.pts, picture.time_base = ticks, self.time_base
        return OutputPicture(picture, ticks, duration, frame.index)


def alpha_kept(video: VideoInfo, codec: Codec, size: Size, path: Path, options: Mapping[str, str]) -> bool:
    """Whether a target keeps the transparency of a video: its codec and container have to, and its encoder's options
    must not ask for a pixel format without."""
    requested, _ = split_format(options)
    return video.alpha and not requested and writes_alpha(video.colour, codec, size, path)
