"""Which encoder, with which options and pixel format, keeps what the source has."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

import av

from ..checks import check_choice
from ..errors import OutputError
from ..frames import Size
from .colour import ColourSpec, Layout, Siting
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

_INSTEAD = {  # layouts to write a source's layout as, best first
    Layout.GRAY: (Layout.GRAY, Layout.YUV420, Layout.YUV444),
    Layout.YUV420: (Layout.YUV420, Layout.YUV444),
    Layout.YUV422: (Layout.YUV422, Layout.YUV444, Layout.YUV420),
    Layout.YUV444: (Layout.YUV444, Layout.YUV420),
    Layout.RGB: (Layout.RGB, Layout.YUV444, Layout.YUV420),
}
_LOSSLESS_ONLY = (Layout.GRAY, Layout.RGB)  # the others could write these too, but few players show them


def encoder_name(codec: str) -> str:
    """FFmpeg's name of an encoder from any of the names people use."""
    check_choice("--codec", codec, tuple(CODECS))
    return CODECS[codec]


def output_colour(source: ColourSpec, encoder: str, size: Size) -> ColourSpec:
    """What to write: the source's own planes and depth, or the nearest the encoder has at `size`."""
    known = {known.name for known in av.Codec(encoder, "w").video_formats or ()}
    for colour in _candidates(source):
        odd = any(length % step for length, step in zip(size, colour.layout.chroma_step))
        fits = encoder == "ffv1" or not (odd or colour.layout in _LOSSLESS_ONLY)
        if fits and pixel_format(colour, encoder) in known:
            return replace(colour, siting=_known_siting(colour.siting, encoder))
    raise OutputError(f"{encoder} cannot write {source.pixel_format} at {size}; use an even --size or --codec libx264")


def _candidates(source: ColourSpec) -> Iterator[ColourSpec]:
    for layout in _INSTEAD[source.layout]:
        for depth in (16, 12, 10, 8):
            if depth <= source.bit_depth:
                colour = replace(source, layout=layout, bit_depth=depth)
                from_rgb = source.layout is Layout.RGB and layout is not Layout.RGB
                yield replace(colour, full_range=False) if from_rgb else colour


def _known_siting(siting: Siting, encoder: str) -> Siting:
    """`siting` where the encoder's bitstream can say it. Pixels are converted anyway, so another one costs nothing."""
    sayable = {"ffv1": (Siting.LEFT,), "libsvtav1": (Siting.LEFT, Siting.TOPLEFT)}.get(encoder, tuple(Siting))
    return siting if siting in sayable else Siting.LEFT


def pixel_format(colour: ColourSpec, encoder: str) -> str:
    """FFmpeg's name of what the encoder is given; FFV1 takes 8-bit RGB packed."""
    return "bgr0" if encoder == "ffv1" and colour.pixel_format == "gbrp" else colour.pixel_format


def options_for(
    encoder: str, crf: int, preset: str, hdr: HDRMetadata | None, given: Mapping[str, str]
) -> dict[str, str]:
    """The encoder's options; `given` ones win, and a misspelt one is an error with a suggestion."""
    known = av.CodecContext.create(encoder, "w").supported_options
    names = sorted({option.name for option in (*known.generic, *known.private)})
    for name in given:
        check_choice(f"the options of {encoder}", name, names)
    if encoder == "ffv1":
        return {"level": "3", "slicecrc": "1", "g": "1", **given}
    check_choice("--preset", preset, _PRESETS)
    rate = {} if given.keys() & {"b", "qp", "crf"} else {"crf": str(crf)}  # a given rate control replaces ours
    chosen = {**rate, "preset": _SVT_PRESETS[preset] if encoder == "libsvtav1" else preset, **given}
    words = ["log-level=error"] if encoder == "libx265" else []
    words += encoder_words(hdr, encoder) if hdr else []
    if words:
        params = _PARAMS[encoder]
        chosen[params] = ":".join([*words, *([chosen[params]] if params in chosen else [])])
    return chosen


def lost_in_pictures(video: VideoInfo, encoder: str) -> list[str]:
    """What lies in the pictures and cannot be written again, one line each."""
    lost = [f"{what} inside the pictures of {video.path} are left out" for what in video.left_out]
    if video.hdr and encoder == "ffv1":
        lost.append("FFV1 cannot hold the HDR mastering metadata; it is left out")
    return lost


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
