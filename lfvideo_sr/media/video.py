"""Decoding: a video track as a stream of frames, one at a time, each with its exact time."""

import re
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
from ..errors import EngineError, InputError, UsageError
from ..frames import DeviceFrame, Frame, LazyFrame, Size, StreamInfo, TimeStamp
from .changes import ChangeWatch
from .colour import ColourSpec, planes_to_rgb
from .decoding import Decoder, deinterlaced
from .file_state import check_unchanged, state_of
from .hardware import Reader, depth_on_device, is_on_device, open_on_device, readable, reason_of
from .loss import Loss
from .one_clock import shown_jumps
from .part import Part, Window
from .planes import alpha_of, colour_of, planes_of, without_alpha
from .probe import VideoInfo, open_input, video_stream, video_track, video_tracks
from .pyav import decoding_in_threads
from .resize import bicubic, to_float, to_uint8
from .scenes import CutDetector
from .seeking import seek_point, seek_to, within
from .stamps import stamped
from .warnings import Warnings

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
    alpha:       "keep": frames have the transparency of the pictures; "drop": they are opaque, in the colours that the
                 pictures have; "#RRGGBB": they are opaque, laid over that colour. None: "drop", with a warning.
    part:        of the clip; the frames around it that its references may need are given too, with indices outside
                 0 .. part.frames - 1.
    window:      decode these frames only; the part's own where that is given.
    warnings:    what was wrong with the file but did not stop it, one line each.
    loss:        what the file promises and does not hold, once the last frame was given.
    reads_alpha: whether the transparency of the pictures is decoded.
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
        alpha: str | None = None,
        part: Part | None = None,
        window: Window | None = None,
    ):
        for name, limit in (("--frames", frames), ("--max-height", max_height)):
            if limit is not None:
                check_positive(name, limit)
        self.video = _with_matrix(self._probed(Path(path), track), untagged_matrix)
        if self.video.interlaced and not deinterlace:
            raise InputError(f"{path} is interlaced; pass --deinterlace to turn its fields into full frames")
        self._limit, self._max_height = frames, max_height
        self._detect_cuts, self._deinterlace, self._keep_sizes = detect_cuts, deinterlace, keep_sizes
        self._reader = reader
        self.part, self._window = part, part.window if part is not None else window
        self.info = self._stream_info()
        self._lines = Warnings()
        self.warnings: list[str] = self._lines
        self.loss = Loss()
        self._state = state_of(self.video.path)
        self._background = background_of(alpha or "drop")
        self.reads_alpha = self.video.alpha and alpha not in (None, "drop")
        if self.video.alpha and alpha is None:
            self._warn(f"{path}: transparency ({self.video.pixel_format}) is left out")
        if alpha != "keep":
            self.video = replace(self.video, alpha=False)

    def _probed(self, path: Path, track: int) -> VideoInfo:
        """What is known of the track before its frames are read."""
        return video_track(path, track)

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
        cuts = CutDetector()
        changes = ChangeWatch(self.video, self._warn, self._deinterlace)
        first = 0 if self._window is None else self._window.first_index
        origin = 0 if self.part is None else -self.part.first  # index of the clip's first frame
        with closing(self._all_pictures()) as timed:
            for index, (picture, stamp) in enumerate(islice(timed, self._limit), first):
                tensor = self._read_there(picture)
                changes.look(picture, index - origin, stamp)
                if tensor is None and not self._detect_cuts:
                    make = partial(self._pixels, picture)
                    yield LazyFrame(make, self._size(picture), index, stamp, cut=index == first)
                    continue
                pixels = self._pixels(picture) if tensor is None else tensor
                cut = index == first or (self._detect_cuts and cuts.is_cut(pixels))
                kind = Frame if tensor is None else DeviceFrame
                yield kind(pixels, index, stamp, cut, self._alpha(picture))

    def _alpha(self, picture: VideoFrame) -> np.ndarray | None:
        """Transparency that goes along with a frame."""
        return alpha_of(picture) if self.video.alpha and not is_on_device(picture) else None

    def _size(self, picture: VideoFrame) -> Size:
        """Of the frame that a decoded picture becomes."""
        return self._reduced(Size(picture.width, picture.height) if self._keep_sizes else self.video.size)

    def _all_pictures(self) -> Generator[tuple[VideoFrame, TimeStamp], None, None]:
        """Decoded where the reader is; where that ends before its time, from there on by the host."""
        count, start = 0, seek_point(self.video, self._window)
        if self._reader is not None:
            try:
                with open_on_device(self.video.path, self._reader) as container:
                    stream = video_stream(container, self.video.stream_index)
                    seek_to(container, stream, start)
                    for timed in self._pictures(container, stream, on_device=True):
                        yield timed
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
    ) -> Iterator[tuple[VideoFrame, TimeStamp]]:
        """Decoded pictures with their times; what is missing or damaged becomes a warning, and an error only if nothing
        decodes."""
        decoder = Decoder(container, stream, self._warn, on_device, self.reads_alpha)
        try:
            shown = deinterlaced(iter(decoder), stream) if self._deinterlace else iter(decoder)
            timed = stamped(shown, self.video, self._warn)
            yield from timed if self._window is None else within(timed, self._window)
        finally:
            if decoder.jumps:
                self._warn(f"{self.video.path}: {shown_jumps(decoder.jumps)}")
        if not decoder.tally.pictures:
            raise InputError(f"{self.video.path}: no frame decodes; the file is damaged")
        if self._window is None:  # of a part, no more is known than what was decoded
            self.loss = decoder.tally.loss
        for line in decoder.tally.lines(whole=self._window is None):
            self._warn(f"{self.video.path}: {line}")

    def _pixels(self, picture: VideoFrame) -> np.ndarray:
        """RGB float32 [3,H,W] of a decoded picture, at the stream's size."""
        colour = self._colour(picture)
        pixels = self._over_background(planes_to_rgb(planes_of(picture, colour), colour), picture)
        size = Size(picture.width, picture.height)
        if size != self.video.size and not self._keep_sizes:
            pixels, size = np.clip(bicubic(pixels, self.video.size), 0, 1), self.video.size
        reduced = self._reduced(size)
        return pixels if reduced == size else to_float(bicubic(to_uint8(pixels), reduced))

    def _over_background(self, pixels: np.ndarray, picture: VideoFrame) -> np.ndarray:
        """The pixels laid over the colour that was asked for, where the picture is transparent."""
        alpha = alpha_of(picture) if self.reads_alpha and self._background is not None else None
        if alpha is None or self._background is None:
            return pixels
        return over(pixels, alpha, self._background)

    def _colour(self, picture: VideoFrame) -> ColourSpec:
        """The track's colour, or the picture's own where its pixel format or what its integers mean changes midway."""
        if is_on_device(picture):  # the name of its integers there is no news, unless their size changes
            depth = depth_on_device(picture) or self.video.bit_depth
            return replace(self.video.colour, bit_depth=depth)
        ours = self.video.colour
        stated = colour_of(picture, ours.siting)
        if without_alpha(picture.format.name) != without_alpha(self.video.pixel_format):
            return stated
        matrix = ours.matrix if stated.assumed else stated.matrix
        return replace(ours, matrix=matrix, full_range=stated.full_range)

    def _warn(self, text: str) -> None:
        self._lines.add(text)

    def check_unchanged(self) -> None:
        """Raise InputError where the file is no longer the one that was opened."""
        check_unchanged(self.video.path, self._state)

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


def over(pixels: np.ndarray, alpha: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Pixels [3,H,W] of transparency [H,W] laid over a colour [3,1,1]."""
    return pixels * alpha + background * (1 - alpha)


def background_of(alpha: str) -> np.ndarray | None:
    """The colour of "#RRGGBB", float32 [3,1,1] in [0,1]; None for "keep" and "drop". UsageError for anything else."""
    if alpha in ("keep", "drop"):
        return None
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", alpha):
        raise UsageError(f"--alpha is {alpha}; keep, drop or a colour such as '#00FF00' is wanted")
    return np.frombuffer(bytes.fromhex(alpha[1:]), np.uint8).astype(np.float32).reshape(3, 1, 1) / np.float32(255)
