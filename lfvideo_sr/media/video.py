"""Decoding: a video track as a stream of frames, one at a time, each with its exact time."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..checks import check_positive
from ..errors import EngineError, InputError
from ..frames import DeviceFrame, Frame, LazyFrame, Size, StreamInfo
from .colour import ColourSpec, planes_to_rgb
from .decoding import Clock, Decoder, deinterlaced
from .hardware import Reader, depth_on_device, is_on_device, open_on_device, readable, reason_of
from .part import Part, Window
from .planes import colour_of, has_alpha, planes_of
from .probe import VideoInfo, open_input, video_stream, video_track, video_tracks
from .pyav import decoding_in_threads
from .resize import bicubic, to_float, to_uint8
from .scenes import CutDetector
from .seeking import seek_point, seek_to, within

__all__ = ["VideoInfo", "VideoSource", "video_track", "video_tracks"]


class VideoSource:
    """The frames of one video track, lazily. Every iteration starts at the first frame and holds its own open file.

    frames:      stop after so many.
    detect_cuts: mark the frames that start a scene; without it only the first is marked, and a frame is converted to
                 RGB when its pixels are first asked for.
    max_height:  reduce taller frames to this height, width in proportion, by 8-bit bicubic.
    deinterlace: turn fields into full frames; without it an interlaced track is an InputError.
    keep_sizes:  leave the frames of a track that changes size as they are, instead of resizing all to `info.size`.
    untagged_matrix: 601, 709 or 2020 for a track without a tag; without it the size decides.
    reader:      decode on its device, and leave pictures there that need nothing done on the host.
    part:        of the clip; the frames around it that its references may need are given too, with indices outside
                 0 .. part.frames - 1.
    window:      decode these frames only; the part's own where that is given.
    warnings:    what was wrong with the file but did not stop it, one line each.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        track: int = 0,
        frames: int | None = None,
        max_height: int | None = None,
        detect_cuts: bool = True,
        deinterlace: bool = False,
        keep_sizes: bool = False,
        untagged_matrix: int | None = None,
        reader: Reader | None = None,
        part: Part | None = None,
        window: Window | None = None,
    ):
        for name, limit in (("--frames", frames), ("--max-height", max_height)):
            if limit is not None:
                check_positive(name, limit)
        self.video = _with_matrix(video_track(path, track), untagged_matrix)
        if self.video.interlaced and not deinterlace:
            raise InputError(f"{path} is interlaced; pass --deinterlace to turn its fields into full frames")
        self._limit, self._max_height = frames, max_height
        self._detect_cuts, self._deinterlace, self._keep_sizes = detect_cuts, deinterlace, keep_sizes
        self._reader = reader
        self.part, self._window = part, part.window if part is not None else window
        self.info = self._stream_info()
        self.warnings: list[str] = []
        if has_alpha(self.video.pixel_format):
            self._warn(f"{path}: transparency ({self.video.pixel_format}) is left out")

    def _stream_info(self) -> StreamInfo:
        video = self.video
        if self.part is not None:
            seconds = self.part.seconds(video.rate)
            return StreamInfo(video.path.name, self._reduced(video.size), video.rate, self.part.frames, seconds)
        frames = video.frames or (round(video.seconds * video.rate) if video.seconds and video.rate else None)
        seconds = video.seconds
        if self._limit is not None and (frames is None or frames > self._limit):
            frames, seconds = self._limit, float(self._limit / video.rate) if video.rate else None
        return StreamInfo(video.path.name, self._reduced(video.size), video.rate, frames, seconds)

    def _reduced(self, size: Size) -> Size:
        if self._max_height is None or size.height <= self._max_height:
            return size
        return Size(int(size.width * self._max_height / size.height), self._max_height)

    def __iter__(self) -> Iterator[Frame]:
        cuts, clock = CutDetector(), Clock(self.video, self._warn)
        first = 0 if self._window is None else self._window.first_index
        with closing(self._all_pictures()) as pictures:
            for index, picture in enumerate(islice(pictures, self._limit), first):
                stamp, tensor = clock.stamp(picture), self._read_there(picture)
                if tensor is None and not self._detect_cuts:
                    make = partial(self._pixels, picture)
                    yield LazyFrame(make, self._size(picture), index, stamp, cut=index == first)
                    continue
                pixels = self._pixels(picture) if tensor is None else tensor
                cut = index == first or (self._detect_cuts and cuts.is_cut(pixels))
                kind = Frame if tensor is None else DeviceFrame
                yield kind(pixels, index, stamp, cut)

    def _size(self, picture: VideoFrame) -> Size:
        """Of the frame that a decoded picture becomes."""
        return self._reduced(Size(picture.width, picture.height) if self._keep_sizes else self.video.size)

    def _all_pictures(self) -> Generator[VideoFrame, None, None]:
        """Decoded where the reader is; where that ends before its time, from there on by the host."""
        count, start = 0, seek_point(self.video, self._window)
        if self._reader is not None:
            try:
                with open_on_device(self.video.path, self._reader) as container:
                    stream = video_stream(container, self.video.stream_index)
                    seek_to(container, stream, start)
                    for picture in self._pictures(container, stream, on_device=True):
                        yield picture
                        count += 1
                return
            except EngineError as error:
                self._warn(f"{str(error).split('; ')[0]}: decoded on the host from frame {count} on")
        with open_input(self.video.path) as container:
            stream = video_stream(container, self.video.stream_index)
            seek_to(container, stream, start)
            with decoding_in_threads(stream):
                yield from islice(self._pictures(container, stream), count, None)

    def _read_there(self, picture: VideoFrame) -> Any | None:
        """The picture as a tensor on the reader's device; None where it is on the host, or something is to be done
        there."""
        if self._reader is None or not is_on_device(picture) or not readable(picture, self.video.colour):
            return None
        if Size(picture.width, picture.height) != self.video.size or self._reduced(self.video.size) != self.video.size:
            return None
        try:
            return self._reader(picture, self.video.colour)
        except RuntimeError as error:  # no room there, as a rule
            self._warn(f"{self.video.path}: some pictures are read on the host ({reason_of(error)})")
            return None

    def _pictures(
        self, container: InputContainer, stream: VideoStream, on_device: bool = False
    ) -> Iterator[VideoFrame]:
        """Decoded pictures; what is missing or damaged becomes a warning, and an error only if nothing decodes."""
        decoder = Decoder(container, stream, self._warn, on_device)
        shown = deinterlaced(iter(decoder), stream) if self._deinterlace else iter(decoder)
        yield from shown if self._window is None else within(shown, self._window, self.video)
        path, count = self.video.path, decoder.pictures
        if not count:
            raise InputError(f"{path}: no frame decodes; the file is damaged")
        if decoder.damaged:
            self._warn(f"{path}: {decoder.damaged} of {count} frames are damaged and shown as they decode")
        if decoder.missing and self._window is None:
            self._warn(f"{path}: {count} of {count + decoder.missing} frames decode; the others are missing or damaged")

    def _pixels(self, picture: VideoFrame) -> np.ndarray:
        """RGB float32 [3,H,W] of a decoded picture, at the stream's size."""
        colour = self._colour(picture)
        pixels = planes_to_rgb(planes_of(picture, colour), colour)
        size = Size(picture.width, picture.height)
        if size != self.video.size and not self._keep_sizes:
            pixels, size = np.clip(bicubic(pixels, self.video.size), 0, 1), self.video.size
        reduced = self._reduced(size)
        return pixels if reduced == size else to_float(bicubic(to_uint8(pixels), reduced))

    def _colour(self, picture: VideoFrame) -> ColourSpec:
        """The track's colour, or the picture's own where its pixel format changes midway."""
        if picture.format.name == self.video.pixel_format:
            return self.video.colour
        if is_on_device(picture):  # the name of its integers there is no news, unless their size changes
            depth = depth_on_device(picture) or self.video.bit_depth
            return replace(self.video.colour, bit_depth=depth)
        return colour_of(picture, self.video.colour.siting)

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def close(self) -> None:
        """Nothing to do: an iteration closes its own file when it ends or is dropped."""

    def __enter__(self) -> "VideoSource":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"VideoSource({self.video})"


def _with_matrix(video: VideoInfo, matrix: int | None) -> VideoInfo:
    if matrix is None or not video.colour.assumed:
        return video
    return replace(video, colour=replace(video.colour, matrix=matrix))
