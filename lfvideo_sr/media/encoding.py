"""The options and the pixel format with which a codec preserves what the source has."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

import av

from ..checks import check_choice
from ..errors import OutputError
from ..frames import Size
from .codecs import PRESETS, Codec
from .colour import ColourSpec, Layout, Siting
from .hdr import HDRMetadata, encoder_words
from .probe import VideoInfo

_INSTEAD = {  # layouts to write a source's layout as, best first
    Layout.GRAY: (Layout.GRAY, Layout.YUV420, Layout.YUV444),
    Layout.YUV420: (Layout.YUV420, Layout.YUV444),
    Layout.YUV422: (Layout.YUV422, Layout.YUV444, Layout.YUV420),
    Layout.YUV444: (Layout.YUV444, Layout.YUV420),
    Layout.RGB: (Layout.RGB, Layout.YUV444, Layout.YUV420),
}
_LOSSLESS_ONLY = (Layout.GRAY, Layout.RGB)  # the others could write these too, but few players show them


def output_colour(source: ColourSpec, codec: Codec, size: Size) -> ColourSpec:
    """What to write: the source's own planes and depth, or the nearest the encoder has at `size`."""
    listed = {video_format.name for video_format in av.Codec(codec.encoder, "w").video_formats or ()}
    formats = codec.formats or listed
    for colour in _candidates(source):
        odd = any(length % step for length, step in zip(size, colour.layout.chroma_step))
        fits = codec.lossless or not (odd or colour.layout in _LOSSLESS_ONLY)
        if fits and pixel_format(colour, codec) in formats:
            return replace(colour, siting=_writable_siting(colour.siting, codec))
    raise OutputError(
        f"{codec.encoder} cannot write {source.pixel_format} at {size}; use an even --size or --codec libx264"
    )


def _candidates(source: ColourSpec) -> Iterator[ColourSpec]:
    for layout in _INSTEAD[source.layout]:
        for depth in (16, 12, 10, 8):
            if depth <= source.bit_depth:
                colour = replace(source, layout=layout, bit_depth=depth)
                from_rgb = source.layout is Layout.RGB and layout is not Layout.RGB
                yield replace(colour, full_range=False) if from_rgb else colour


def _writable_siting(siting: Siting, codec: Codec) -> Siting:
    """`siting` where the bitstream can name it. Pixels are converted anyway, so another one costs nothing."""
    return siting if siting.value in codec.sitings else Siting.LEFT


def pixel_format(colour: ColourSpec, codec: Codec) -> str:
    """FFmpeg's name of what the encoder is given."""
    return codec.rgb8 if colour.pixel_format == "gbrp" else colour.pixel_format


def options_for(
    codec: Codec, crf: int, preset: str, hdr: HDRMetadata | None, requested: Mapping[str, str]
) -> dict[str, str]:
    """The encoder's options; `requested` ones win, and a misspelt one is an error with a suggestion."""
    supported = av.CodecContext.create(codec.encoder, "w").supported_options
    names = sorted({option.name for option in (*supported.generic, *supported.private)})
    for name in requested:
        check_choice(f"the options of {codec.encoder}", name, names)
    options = {**codec.options, **({} if codec.lossless else _rate(codec, crf, preset, requested)), **requested}
    words = [*([codec.quiet] if codec.quiet else []), *(encoder_words(hdr, codec.hdr) if hdr and codec.hdr else [])]
    if words:
        options[codec.words] = ":".join([*words, *([options[codec.words]] if codec.words in options else [])])
    return options


def _rate(codec: Codec, crf: int, preset: str, requested: Mapping[str, str]) -> dict[str, str]:
    """Quality, unless the user asks for another rate control, and speed."""
    check_choice("--preset", preset, PRESETS)
    replaced = not codec.quality or bool(requested.keys() & set(codec.rate_options))
    quality = {} if replaced else {codec.quality: str(crf)}
    return quality | ({"preset": codec.presets[preset]} if codec.presets else {})


def lost_in_pictures(video: VideoInfo, codec: Codec) -> list[str]:
    """What the pictures carry and cannot be written again, one line each."""
    lost = [f"{what} inside the pictures of {video.path} are left out" for what in video.left_out]
    if video.hdr and codec.hdr is None:
        lost.append(f"{codec.encoder} cannot hold the HDR mastering metadata; it is left out")
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
