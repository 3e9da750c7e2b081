"""A caller's frames as the source of a stream: arrays, tensors, or whatever an iterable such as a camera gives."""

from collections.abc import Iterable, Iterator, Mapping, Sized
from fractions import Fraction
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from ..errors import InputError, UsageError
from ..frames import DeviceFrame, Frame, Size, StreamInfo, TimeStamp, size_of
from ..media.clock import Timeline, frame_times
from ..media.colour import ColourSpec
from ..media.loss import Loss
from ..media.probe import VideoInfo
from ..media.scenes import CutDetector
from ..pixels import as_pixels
from ..references.pictures import load_picture
from ..references.reference import Reference
from ..references.source import ClipFit

NAME = "frames"  # what messages and reports call frames that do not come from a file


class CallerFrames:
    """Frames [3,H,W] of one size, as `as_pixels` takes them, at a constant rate.

    rate:  frames per second. limit: stop after N frames; None: all.
    info, video: as of a `VideoSource`; the first frame, which is taken at once, decides the size.

    An iterator is used up by one iteration; a list or an array [N,3,H,W] can be iterated again.
    """

    part = None  # of a clip: all of them are restored

    def __init__(self, frames: Iterable[Any], rate: Fraction, limit: int | None = None):
        self._frames, self._limit, self._rate = frames, limit, rate
        self._iterator: Iterator[Any] | None = iter(frames)
        self._once = self._iterator is frames
        first = next(self._iterator, None)
        if first is None:
            raise InputError("the frames given are empty; give at least one")
        self._first = as_pixels(first, "frame 0", copy=True)
        self.warnings: list[str] = []
        self.loss = Loss()
        size = size_of(self._first)
        self.video = _video(size, rate)
        count = _least(len(frames) if isinstance(frames, Sized) else None, limit)
        self.info = StreamInfo(NAME, size, rate, count, None if count is None else float(count / rate))

    def __iter__(self) -> Iterator[Frame]:
        cuts = CutDetector()
        for index, values in enumerate(islice(self._all(), self._limit)):
            pixels = as_pixels(values, f"frame {index}", copy=True)  # a camera may use its buffer again
            if size_of(pixels) != self.info.size:
                raise InputError(f"frame {index} is {size_of(pixels)}, those before it {self.info.size}; give one size")
            cut = cuts.is_cut(pixels)
            yield frame_of(pixels, index, TimeStamp(index, 1 / self._rate, 1), index == 0 or cut)

    def _all(self) -> Iterator[Any]:
        begun, self._iterator = self._iterator, None
        if begun is not None:
            return chain([self._first], begun)
        if self._once:
            raise UsageError("the frames given are an iterator, which is used up; give a list, or open the stream anew")
        return iter(self._frames)

    def check_unchanged(self) -> None:
        """Nothing to do: what the frames come from is the caller's."""

    def close(self) -> None:
        """Nothing to do, likewise."""


def frame_of(pixels: Any, index: int, stamp: TimeStamp, cut: bool) -> Frame:
    """A frame of what `as_pixels` gives: on a device where the pixels are on one."""
    kind = DeviceFrame if not hasattr(pixels, "__array_interface__") else Frame
    return kind(pixels, index, stamp, cut)


def _video(size: Size, rate: Fraction) -> VideoInfo:
    return VideoInfo(
        path=Path(NAME), track=0, stream_index=0, size=size, rate=rate, time_base=1 / rate, frames=None, seconds=None,
        colour=ColourSpec(), pixel_format="yuv420p", codec="rawvideo",
    )  # fmt: skip


def _least(count: int | None, limit: int | None) -> int | None:
    return limit if count is None else count if limit is None else min(count, limit)


class CallerReferences:
    """References that a caller gives by frame: for each index, counted from 0, a picture of any size.

    pictures: files, or arrays and tensors as `as_pixels` takes them. Each is loaded when the stream gets near it.
    size:     of the frames that come out. rate: frames per second of frames in memory; None: of a file, whose frames
              have times of their own.
    """

    kind = "refs"
    cadence = 0

    def __init__(self, pictures: Mapping[int, Any], video: VideoInfo, size: Size, rate: Fraction | None):
        self._pictures = dict(sorted(pictures.items()))
        self._fit = ClipFit.to(video, size)
        self._times = dict(_times(self._pictures, video, rate))
        self.description = f"{len(self._pictures)} given by frame"
        self.warnings: list[str] = []
        self.estimates: list[str] = []

    def __iter__(self) -> Iterator[Reference]:
        for index, picture in self._pictures.items():
            origin = str(picture) if isinstance(picture, str | Path) else f"reference of frame {index}"
            pixels = self._fit.lying(load_picture(picture, origin))
            aligned = self._fit.exact(size_of(pixels))
            load = partial(_same, self._fit(pixels))
            yield Reference(("refs", index), self._times[index], origin, load, aligned)

    def close(self) -> None:
        """Nothing to do: nothing stays open."""


def _same(pixels: Any) -> Any:
    return pixels


def _times(indices: Iterable[int], video: VideoInfo, rate: Fraction | None) -> Iterator[tuple[int, Fraction]]:
    timeline = None if rate is not None else Timeline(frame_times(video))
    for index in indices:
        if index < 0 or (timeline is not None and index >= len(timeline)):
            count = "" if timeline is None else f"; the clip has {len(timeline)} frames"
            raise InputError(f"references name frame {index}{count}; give indices of its frames, counted from 0")
        yield index, index / rate if rate is not None else timeline.times[index]  # type: ignore[union-attr]
