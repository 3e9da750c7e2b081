"""What begins in the middle of a track: interlacing, another pixel format, other colours, HDR. Each is noticed when it
comes, and said once, with what would have helped from the start."""

from collections.abc import Callable, Iterator

from av.video.frame import VideoFrame

from ..frames import TimeStamp
from .hdr import hdr_of
from .planes import without_alpha
from .probe import VideoInfo

_UNSTATED = 2  # H.273's code
_HDR_TRANSFERS = (16, 18)  # PQ and HLG
_LOOKS = 4  # pictures whose side data are read: PyAV holds each of these until Python looks for circles
_APART = "restore the parts apart (ffmpeg -ss and -t cut them)"


class ChangeWatch:
    """Compares each decoded picture of a track with what its first ones showed.

    deinterlaced: fields are turned into frames anyway.
    """

    def __init__(self, video: VideoInfo, warn: Callable[[str], None], deinterlaced: bool):
        self._video, self._warn = video, warn
        self._seen: set[object] = {without_alpha(video.pixel_format)}
        self._colours = {video.colour.primaries, _UNSTATED}, {video.colour.transfer, _UNSTATED}
        self._interlaced = video.interlaced or deinterlaced
        self._hdr, self._looks = video.hdr, _LOOKS

    def look(self, picture: VideoFrame, number: int, stamp: TimeStamp) -> None:
        """number: of the picture in the clip, from 0."""
        for line in self._news(picture):
            self._warn(f"{self._video.path}: from frame {number} ({stamp}) on {line}")

    def _news(self, picture: VideoFrame) -> Iterator[str]:
        """What is new, to be read after where it begins."""
        if picture.interlaced_frame and not self._interlaced:
            self._interlaced = True
            yield "pictures are interlaced; pass --deinterlace to turn their fields into full frames"
        yield from self._news_of_format(picture)
        yield from self._news_of_colours(picture)
        if picture.key_frame and self._hdr is None and int(picture.color_trc) in _HDR_TRANSFERS and self._looks:
            self._looks -= 1
            yield from self._news_of_hdr(picture)

    def _news_of_format(self, picture: VideoFrame) -> Iterator[str]:
        name = without_alpha(picture.format.name)
        if name not in self._seen and name != "cuda":
            self._seen.add(name)
            yield f"pictures are {name}, written as the {self._video.pixel_format} of the start"

    def _news_of_colours(self, picture: VideoFrame) -> Iterator[str]:
        stated = int(picture.color_primaries), int(picture.color_trc)
        if any(code not in known for code, known in zip(stated, self._colours)):
            for code, known in zip(stated, self._colours):
                known.add(code)
            meaning = f"primaries {stated[0]} and transfer {stated[1]}"
            yield f"colours have {meaning}, and the output states those of the start; {_APART}"

    def _news_of_hdr(self, picture: VideoFrame) -> Iterator[str]:
        self._hdr = hdr_of(picture)
        if self._hdr:
            yield f"pictures carry HDR metadata, and the output states none; {_APART}"
