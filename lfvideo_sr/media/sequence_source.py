"""Numbered pictures as a stream of frames: what they are as a video track, and the frames, one picture at a time."""

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ..checks import check_positive
from ..errors import InputError, LFVideoError, UsageError
from ..frames import Frame, LazyFrame, Size, StreamInfo, TimeStamp, size_of
from .colour import ColourSpec, Layout, assumed_matrix
from .file_state import check_unchanged, state_of
from .film_pictures import read_film_picture
from .images import read_picture, read_size
from .loss import Loss
from .part import Part, Window
from .picture_sequence import FILM, PictureSequence, find_sequence
from .picture_sizes import upright_size
from .probe import VideoInfo, check_file, video_track
from .resize import bicubic, to_float, to_uint8
from .scenes import CutDetector
from .video import VideoSource, background_of, over

DEFAULT_RATE = Fraction(25)
_OPAQUE = (*FILM, ".avif", ".heic", ".heif")  # endings of pictures whose transparency is not read
_RATE = re.compile(r"\d{1,6}(?:\.\d{1,6})?(?:/\d{1,6})?")


def parse_rate(text: str | float | Fraction) -> Fraction:
    """Frames per second: "24", "24000/1001", and "23.976", which is 24000/1001. Raises UsageError for anything else."""
    typed = str(text)
    rate = Fraction(0)
    if _RATE.fullmatch(typed) and not typed.endswith("/0"):
        number, _, divisor = typed.partition("/")
        rate = Fraction(number) / (Fraction(divisor) if divisor and int(divisor) else 1)
    if not 0 < rate <= 1000:
        raise UsageError(f"--fps is {typed}; give frames per second, such as 24, 23.976 or 24000/1001")
    whole = round(rate * 1001 / 1000)
    is_ntsc = rate.denominator != 1 and "/" not in typed and abs(rate * 1001 / 1000 - whole) < Fraction(1, 100)
    return Fraction(whole * 1000, 1001) if is_ntsc and whole else rate


def clip_info(path: Path | str, rate: Fraction | None = None, track: int = 0) -> VideoInfo:
    """A clip as a video track: a track of a video, or numbered pictures at a rate (None: 25).

    Raises InputError for what cannot be read, and for pictures of different sizes.
    """
    sequence = find_sequence(Path(path))
    return video_track(path, track) if sequence is None else _info(sequence, rate or DEFAULT_RATE)[0]


def check_input(path: Path) -> None:
    """Refuse what is neither a file to read nor numbered pictures."""
    if find_sequence(path) is None:
        check_file(path)


def open_clip(path: Path | str, rate: Fraction | None = None, **options) -> "VideoSource | SequenceSource":
    """The frames of a video or of numbered pictures; `options` are those of VideoSource. rate: of pictures."""
    sequence = find_sequence(Path(path))
    if sequence is None:
        return VideoSource(path, **options)
    for_videos = ("track", "deinterlace", "untagged_matrix", "reader", "keep_sizes")
    kept = {name: value for name, value in options.items() if name not in for_videos}
    return SequenceSource(sequence, rate or DEFAULT_RATE, **kept)


class SequenceSource:
    """The frames of numbered pictures; a picture is read when it is its turn. Every iteration starts at the first.

    frames, detect_cuts, max_height, part, window: as of VideoSource.
    alpha:       as of VideoSource. That of EXR, DPX, AVIF and HEIC is left out.
    warnings:    what is left out or was changed, one line each.
    reads_alpha: as of VideoSource.
    """

    def __init__(
        self, sequence: PictureSequence, rate: Fraction, *, frames: int | None = None, max_height: int | None = None,
        detect_cuts: bool = True, alpha: str | None = None, part: Part | None = None, window: Window | None = None,
    ):  # fmt: skip
        for name, limit in (("--frames", frames), ("--max-height", max_height)):
            if limit is not None:
                check_positive(name, limit)
        self.sequence, self.part = sequence, part
        self.video, transparent = _info(sequence, rate)
        self._background = background_of(alpha or "drop")
        self.reads_alpha = self.video.alpha and alpha not in (None, "drop")
        if alpha != "keep":
            self.video = replace(self.video, alpha=False)
        self._limit, self._max_height, self._detect_cuts = frames, max_height, detect_cuts
        self._window = part.window if part is not None else window
        self.info = self._stream_info(rate)
        is_lost = transparent is not None and not self.reads_alpha and alpha != "drop"
        self.warnings = [*sequence.warnings, *([f"{transparent}: transparency is left out"] if is_lost else [])]
        self.loss = Loss()  # a missing picture is refused
        self._states = [state_of(path) for path in sequence.paths]
        self._warned: set[str] = set()

    def check_unchanged(self) -> None:
        """Raise InputError where a picture is no longer the one that was there."""
        for path, before in zip(self.sequence.paths, self._states, strict=True):
            check_unchanged(path, before)

    def _stream_info(self, rate: Fraction) -> StreamInfo:
        count = len(self.sequence) if self._limit is None else min(self._limit, len(self.sequence))
        count = count if self.part is None else self.part.frames
        return StreamInfo(self.sequence.name, self._reduced(self.video.size), rate, count, float(count / rate))

    def _reduced(self, size: Size) -> Size:
        if self._max_height is None or size.height <= self._max_height:
            return size
        return Size(int(size.width * self._max_height / size.height), self._max_height)

    def __iter__(self) -> Iterator[Frame]:
        cuts, window = CutDetector(), self._window or Window(Fraction(0))
        for index, (path, stamp) in enumerate(islice(self._shown(window), self._limit), window.first_index):
            first = index == window.first_index
            if not self._detect_cuts:
                yield LazyFrame(partial(self._pixels, path), self.info.size, index, stamp, cut=first)
                continue
            pixels, alpha = self._picture(path)
            yield Frame(pixels, index, stamp, cuts.is_cut(pixels) or first, alpha)

    def _shown(self, window: Window) -> Iterator[tuple[Path, TimeStamp]]:
        for place, path in enumerate(self.sequence.paths):
            stamp = TimeStamp(place, self.video.time_base, 1)
            if stamp.seconds >= window.begin and (window.end is None or stamp.seconds < window.end):
                yield path, stamp

    def _pixels(self, path: Path) -> np.ndarray:
        """RGB float32 [3,H,W] in [0,1], at the stream's size."""
        return self._picture(path)[0]

    def _picture(self, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
        """The same, and the transparency that goes along with it, float32 [H,W] as the file has it."""
        read = _read(path, self.reads_alpha)
        _check_size(self.sequence.paths[0], self.video.size, path, size_of(read.pixels))
        pixels = read.in_range
        if read.alpha is not None and self._background is not None:
            pixels = over(pixels, read.alpha, self._background)
        self._warn_of(path, read)
        pixels = pixels if self.info.size == self.video.size else to_float(bicubic(to_uint8(pixels), self.info.size))
        return pixels, read.alpha if self.video.alpha else None

    def _warn_of(self, path: Path, read: "_Read") -> None:
        """What is lost of a picture's values."""
        if read.is_float and not np.array_equal(read.in_range, read.pixels):
            text = f"{self.sequence.named} has values outside 0 .. 1, in {path.name} first; they are clipped"
            self._warn("values", text)
        if read.bit_depth > self.video.bit_depth:
            first = f"{self.video.bit_depth} of the first picture"
            self._warn("bits", f"{path} has {read.bit_depth} bits per channel; the output has the {first}")

    def _warn(self, kind: str, text: str) -> None:
        """Once of each kind."""
        if kind not in self._warned:
            self._warned.add(kind)
            self.warnings.append(text)

    def close(self) -> None:
        """Nothing to do: no file stays open."""

    def __enter__(self) -> "SequenceSource":
        return self

    def __exit__(self, *_) -> None:
        self.close()


class _Read(NamedTuple):
    pixels: np.ndarray  # float32 [3,H,W] RGB
    bit_depth: int
    has_alpha: bool = False
    is_float: bool = False
    alpha: np.ndarray | None = None  # float32 [H,W] in [0,1]

    @property
    def in_range(self) -> np.ndarray:
        """The pixels in [0,1]: values beyond are clipped, and what is no number is 0."""
        return np.clip(np.nan_to_num(self.pixels, nan=0, posinf=1, neginf=0) if self.is_float else self.pixels, 0, 1)


def _read(path: Path, with_alpha: bool = False) -> _Read:
    """with_alpha: read the transparency too, where the header of the picture has it."""
    if path.suffix.lower() in FILM:
        pixels, depth, alpha = read_film_picture(path)
        return _Read(np.ascontiguousarray(pixels), depth, alpha, is_float=path.suffix.lower() == ".exr")
    picture = read_picture(path, alpha=with_alpha and _has_alpha(path))
    return _Read(picture.pixels, picture.bit_depth, alpha=picture.alpha)


def _has_alpha(path: Path) -> bool:
    header = _header(path, path.stat().st_mtime_ns)
    return header is not None and header.has_alpha


def sequence_frame(video: VideoInfo, time: Fraction) -> np.ndarray | None:
    """The picture of a sequence that is shown from `time` on: float32 [3,H,W] RGB in [0,1]; None where it
    cannot be read."""
    assert video.pictures is not None
    try:
        return _read(video.pictures.paths[round(time / video.time_base)]).in_range
    except (LFVideoError, IndexError):
        return None


def _info(sequence: PictureSequence, rate: Fraction) -> tuple[VideoInfo, Path | None]:
    """What is known of the pictures, and the first of them that has transparency, whether it can be read or not."""
    first = _read(sequence.paths[0])
    size = size_of(first.pixels)
    alpha = sequence.paths[0] if first.has_alpha else None
    for path in sequence.paths:
        header = _header(path, path.stat().st_mtime_ns)
        if header is not None:
            _check_size(sequence.paths[0], size, path, header.size)
            alpha = alpha or (path if header.has_alpha else None)
    video = VideoInfo(
        path=sequence.named, track=0, stream_index=0, size=size, rate=rate, time_base=1 / rate, frames=len(sequence),
        seconds=float(len(sequence) / rate), pixel_format="gbrp", codec=sequence.paths[0].suffix[1:].lower(),
        colour=ColourSpec(Layout.RGB, first.bit_depth, assumed_matrix(size), full_range=True),
        pictures=sequence, alpha=alpha is not None and alpha.suffix.lower() not in _OPAQUE,
    )  # fmt: skip
    return video, alpha


class _Header(NamedTuple):
    """Of a picture, upright."""

    size: Size
    has_alpha: bool


@lru_cache(1 << 16)
def _header(path: Path, changed: int) -> _Header | None:
    """What a picture's header says, without decoding it; None for EXR and DPX, which are looked at as they are read.

    changed: when the file was; a sequence is opened more than once."""
    if path.suffix.lower() in FILM:
        return None
    try:
        with Image.open(path) as image:
            alpha = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
            return _Header(upright_size(image), alpha)
    except Exception:  # of whichever kind: what Pillow does not open, the reader of pictures may
        return _Header(read_size(path), False)


def _check_size(first: Path, size: Size, path: Path, other: Size) -> None:
    if other != size:
        raise InputError(f"{path} is {other}, and {first} is {size}; the pictures of a sequence have one size")
