"""Which encoder, with which options and pixel format, keeps what the source has."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import av

from ..checks import check_choice
from ..errors import OutputError
from ..frames import Size
from .colour import ColourSpec, Layout, assumed_matrix
from .hdr import HDRMetadata, encoder_words
from .probe import VideoInfo

CODECS = {
    "libx264": "libx264",
    "x264": "libx264",
    "h264": "libx264",
    "libx265": "libx265",
    "x265": "libx265",
    "h265": "libx265",
    "hevc": "libx265",
    "libsvtav1": "libsvtav1",
    "svtav1": "libsvtav1",
    "av1": "libsvtav1",
    "ffv1": "ffv1",
}
_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_SVT_PRESETS = dict(zip(_PRESETS, ("11", "10", "9", "8", "7", "6", "5", "4", "2")))
_PARAMS = {"libx264": "x264-params", "libx265": "x265-params", "libsvtav1": "svtav1-params"}


def encoder_name(codec: str) -> str:
    """FFmpeg's name of an encoder from any of the names people use."""
    check_choice("--codec", codec, tuple(CODECS))
    return CODECS[codec]


def output_colour(source: ColourSpec, encoder: str, size: Size) -> ColourSpec:
    """What to write: the source's own planes and depth, or the nearest the encoder has that loses least."""
    colour = source
    if colour.layout is Layout.GRAY and encoder != "ffv1":
        colour = replace(colour, layout=Layout.YUV420)
    if colour.layout is Layout.RGB and encoder != "ffv1":
        colour = replace(colour, layout=Layout.YUV444, matrix=assumed_matrix(size), full_range=False)
    if _is_odd(size, colour.layout) and encoder != "ffv1":
        colour = replace(colour, layout=Layout.YUV444)
    known = _pixel_formats(encoder)
    candidates = [colour, *(replace(colour, bit_depth=depth) for depth in (16, 12, 10, 8) if depth < colour.bit_depth)]
    candidates += [replace(candidate, layout=Layout.YUV420) for candidate in candidates]
    for candidate in candidates:
        if pixel_format(candidate, encoder) in known and not (_is_odd(size, candidate.layout) and encoder != "ffv1"):
            return candidate
    raise OutputError(f"{encoder} cannot write {colour.pixel_format} at {size}; use an even size, or --codec ffv1")


def _is_odd(size: Size, layout: Layout) -> bool:
    return any(length % step for length, step in zip(size, layout.chroma_step))


def _pixel_formats(encoder: str) -> set[str]:
    return {known.name for known in av.Codec(encoder, "w").video_formats}


def pixel_format(colour: ColourSpec, encoder: str) -> str:
    """FFmpeg's name of what the encoder is given; FFV1 takes 8-bit RGB packed."""
    return "bgr0" if encoder == "ffv1" and colour.pixel_format == "gbrp" else colour.pixel_format


def options_for(
    encoder: str, crf: int, preset: str, hdr: HDRMetadata | None, given: Mapping[str, str]
) -> dict[str, str]:
    """The encoder's options; `given` ones win, and a misspelt one is an error with a suggestion."""
    known = av.Codec(encoder, "w").create("video").supported_options
    names = {option.name for option in (*known.generic, *known.private)}
    for name in given:
        check_choice(f"the options of {encoder}", name, sorted(names))
    if encoder == "ffv1":
        return {"level": "3", "slicecrc": "1", "g": "1", **given}
    check_choice("--preset", preset, _PRESETS)
    chosen = {"crf": str(crf), "preset": _SVT_PRESETS[preset] if encoder == "libsvtav1" else preset, **given}
    words = ["log-level=error"] if encoder == "libx265" else []
    words += encoder_words(hdr, encoder) if hdr else []
    if words:
        params = _PARAMS[encoder]
        chosen[params] = ":".join([*words, *([chosen[params]] if params in chosen else [])])
    return chosen


def scaled_aspect(video: VideoInfo, size: Size) -> Fraction | None:
    """The sample aspect ratio that shows `size` in the shape of the source; the source's own if the shape is kept."""
    ratio = Fraction(video.size.width * size.height, video.size.height * size.width)
    if abs(ratio - 1) < Fraction(1, 100):
        return video.sample_aspect_ratio
    return ((video.sample_aspect_ratio or 1) * ratio).limit_denominator(10000)


def scaled_matrix(video: VideoInfo, size: Size) -> tuple[int, ...] | None:
    """The display matrix with its shift, which is in pixels, scaled like the picture."""
    if video.display_matrix is None:
        return None
    numbers = list(video.display_matrix)
    numbers[6] = round(numbers[6] * size.width / video.size.width)
    numbers[7] = round(numbers[7] * size.height / video.size.height)
    return tuple(numbers)
