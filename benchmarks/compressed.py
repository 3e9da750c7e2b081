"""Clips as users have them: made small in one of several ways and compressed, with sharp references beside.

Figures may be compared only where frames, sizes and the encoder's input are the same, so these three functions
read a clip alike: the first `frames` frames, none taller than `max_height`, cropped at the right and bottom to sides
that are multiples of 8 (half a low-resolution pixel of chroma must not be left over). Frames are a 25th of a second
apart whatever the clip's own rate, since an encoder gives a frame bits by how long it is shown.

    low = low_clip(clip, folder / "low.mkv", crf=28)
    refs = reference_clip(clip, folder / "refs.mkv")
    truth = truth_clip(clip, folder / "truth.mkv")
    StreamJob(low, engine, StreamOptions(refs=str(refs), gt=str(truth)))
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from lfvideo_sr.checks import check_choice, check_positive
from lfvideo_sr.frames import Frame, Size, TimeStamp, size_of
from lfvideo_sr.media.colour import ColourSpec, Layout
from lfvideo_sr.media.resize import bicubic, crop_to_multiple, to_float, to_uint8
from lfvideo_sr.media.sink import VideoSink
from lfvideo_sr.media.video import VideoInfo, VideoSource

SCALE = 4
RATE = Fraction(25)
COMPRESSED = ColourSpec(Layout.YUV420, matrix=601, primaries=6, transfer=6)  # what the small file is tagged with
LOSSLESS = ColourSpec(Layout.RGB, full_range=True)


def low_clip(
    clip: Path,
    out: Path,
    *,
    crf: int | None,
    codec: str = "libx264",
    reduce: str = "bicubic",
    frames: int = 25,
    max_height: int = 540,
) -> Path:
    """Write the low-resolution side, a quarter of each side of `sharp_frames`, to `out` (.mkv), and return `out`.

    crf:    of `codec` (libx264 or libx265, preset medium, 8-bit 4:2:0, BT.601 limited, tagged so); None: FFV1 in RGB,
            lossless.
    reduce: one of REDUCTIONS.
    """
    check_choice("reduce", reduce, tuple(REDUCTIONS))
    small = (REDUCTIONS[reduce](pixels) for pixels in sharp_frames(clip, frames, max_height))
    if crf is None:
        return _write(out, clip, small, LOSSLESS, codec="ffv1")
    return _write(out, clip, small, COMPRESSED, codec=codec, crf=crf)


def reference_clip(clip: Path, out: Path, *, every: int = 8, frames: int = 25, max_height: int = 540) -> Path:
    """Write frames 0, every, 2 * every ... of `sharp_frames` without loss to `out` (.mkv), at the times that the
    low-resolution side has them, and return `out`."""
    check_positive("every", every)
    return _write(out, clip, sharp_frames(clip, frames, max_height), LOSSLESS, codec="ffv1", every=every)


def truth_clip(clip: Path, out: Path, *, frames: int = 25, max_height: int = 540) -> Path:
    """Write all of `sharp_frames` without loss to `out` (.mkv), to be scored against, and return `out`."""
    return reference_clip(clip, out, every=1, frames=frames, max_height=max_height)


def lossless_clip(out: Path, pictures: Iterable[np.ndarray]) -> Path:
    """Write pictures uint8 [3,H,W] of one size without loss to `out` (.mkv), and return `out`."""
    return _write(out, out, pictures, LOSSLESS, codec="ffv1")


def sharp_frames(clip: Path, frames: int = 25, max_height: int = 540) -> Iterator[np.ndarray]:
    """uint8 [3,H,W]: the first `frames` frames of a clip, the taller ones reduced to `max_height`, sides cropped to
    multiples of 8."""
    for frame in VideoSource(clip, frames=frames, detect_cuts=False):
        height, width = frame.pixels.shape[1:]
        target = Size(int(width * max_height / height), max_height) if height > max_height else size_of(frame.pixels)
        yield crop_to_multiple(_by_bicubic(to_uint8(frame.pixels), target), 8)


def _by_bicubic(pixels: np.ndarray, size: Size) -> np.ndarray:
    """uint8 [3,H,W] -> uint8 of `size`, antialiased, rounded once (Pillow's is rounded between the passes too)."""
    return to_uint8(bicubic(to_float(pixels), size))


def _quarter(pixels: np.ndarray) -> Size:
    return Size(pixels.shape[2] // SCALE, pixels.shape[1] // SCALE)


def _by_area(pixels: np.ndarray) -> np.ndarray:
    return _by_planes(pixels, lambda plane: cv2.resize(plane, _quarter(pixels), interpolation=cv2.INTER_AREA))


def _by_gauss(pixels: np.ndarray) -> np.ndarray:
    def reduced(plane: np.ndarray) -> np.ndarray:
        return cv2.resize(cv2.GaussianBlur(plane, (0, 0), 2.0), _quarter(pixels), interpolation=cv2.INTER_LINEAR)

    return _by_planes(pixels, reduced)


def _by_planes(pixels: np.ndarray, reduced: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.stack([reduced(plane) for plane in pixels])


def _by_ffmpeg(pixels: np.ndarray, way: str) -> np.ndarray:
    """By FFmpeg's scaler, which recorders and editing programs use."""
    size = _quarter(pixels)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)), format="rgb24")
    small = frame.reformat(width=size.width, height=size.height, format="rgb24", interpolation=way)
    return small.to_ndarray().transpose(2, 0, 1)


REDUCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # uint8 [3,H,W] -> uint8 [3,H/4,W/4]
    "bicubic": lambda pixels: _by_bicubic(pixels, _quarter(pixels)),  # antialiased, as papers do it
    "area": _by_area,  # as a sensor that joins pixels
    "gauss": _by_gauss,  # sigma 2 pixels, then every fourth
    "lanczos": lambda pixels: _by_ffmpeg(pixels, "LANCZOS"),
    "bilinear": lambda pixels: _by_ffmpeg(pixels, "BILINEAR"),
}


def _write(
    out: Path, clip: Path, pictures: Iterable[np.ndarray], colour: ColourSpec,
    *, codec: str, crf: int = 0, every: int = 1,
) -> Path:  # fmt: skip
    """Encode every so many of `pictures` at their own times; the file appears when it is whole."""
    sink = None
    try:
        for number, pixels in enumerate(pictures):
            if sink is None:
                video, size = _described(clip, size_of(pixels), colour, codec), size_of(pixels)
                sink = VideoSink(out, video, size, codec=codec, crf=crf, overwrite=True)
            if number % every == 0:
                sink.write(Frame(to_float(pixels), number, TimeStamp(number, 1 / RATE, 1)))
    except BaseException:
        if sink is not None:
            sink.abort()
        raise
    assert sink is not None, "a clip without frames is an InputError of its reader"
    sink.close()
    return out


def _described(clip: Path, size: Size, colour: ColourSpec, codec: str) -> VideoInfo:
    return VideoInfo(
        path=Path(clip), track=0, stream_index=0, size=size, rate=RATE, time_base=1 / RATE, frames=None, seconds=None,
        colour=colour, pixel_format=colour.pixel_format, codec=codec,
    )  # fmt: skip
