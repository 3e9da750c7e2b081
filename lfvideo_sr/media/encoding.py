"""The options and the pixel format with which a codec preserves what the source has."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av

from ..checks import check_choice
from ..errors import OutputError
from ..frames import Size
from .codecs import CODECS, PRESETS, Codec, names_of
from .colour import ColourSpec, Layout, Siting
from .hdr import HDRMetadata, encoder_words
from .probe import VideoInfo

_INSTEAD = {  # layouts to write a source's layout as, best first
    Layout.GRAY: (Layout.GRAY, Layout.YUV420, Layout.YUV444),
    Layout.YUV420: (Layout.YUV420, Layout.YUV422, Layout.YUV444),
    Layout.YUV422: (Layout.YUV422, Layout.YUV444, Layout.YUV420),
    Layout.YUV444: (Layout.YUV444, Layout.YUV420),
    Layout.RGB: (Layout.RGB, Layout.YUV420, Layout.YUV444),  # 4:2:0 plays everywhere
}
_LOSSLESS_ONLY = (Layout.GRAY, Layout.RGB)  # the others could write these too, but few players show them
_NARROW = 64  # pixels
_FORMAT_OPTIONS = ("pixel_format", "pix_fmt")  # two names of one option of every encoder


def split_format(options: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """The pixel format among an encoder's options, and the other options."""
    formats = [options[name] for name in _FORMAT_OPTIONS if name in options]
    return formats[0] if formats else None, {key: value for key, value in options.items() if key not in _FORMAT_OPTIONS}


def check_size(codec: Codec, size: Size) -> None:
    """Raise OutputError for a size that the encoder cannot write."""
    if codec.takes(size):
        return
    others = names_of(each for each in CODECS if each.takes(size))
    if codec.largest and codec.is_beyond(size):
        raise OutputError(
            f"the output is {size}, and {codec.encoder} takes at most {Size(*codec.largest)} pixels; "
            f"pass --scale or --size for a smaller one, or --codec {others}"
        )
    raise OutputError(
        f"the output is {size}, and {codec.encoder} takes at least {codec.least}x{codec.least} pixels; "
        f"pass --scale or --size for a larger one, or --codec {others}"
    )


def output_colour(
    source: ColourSpec, codec: Codec, size: Size, alpha: bool = False, requested: str | None = None
) -> ColourSpec:
    """What to write: the source's own planes and depth, or the nearest the encoder has at `size`.

    alpha: with transparency. requested: the pixel format that the user asks for; raises UsageError for one that is not
    the encoder's.
    """
    listed = {video_format.name for video_format in av.Codec(codec.encoder, "w").video_formats or ()}
    formats = codec.formats or listed
    if requested is not None:
        return _requested_colour(source, codec, requested, formats)
    formats = (codec.alpha_formats if alpha else None) or formats
    for colour in _candidates(source):
        odd = any(length % step for length, step in zip(size, colour.layout.chroma_step))
        fits = codec.lossless or not (odd or colour.layout in _LOSSLESS_ONLY)
        if fits and pixel_format(colour, codec, alpha) in formats:
            return _as_stored(colour, codec)
    raise OutputError(
        f"{codec.encoder} cannot write {source.pixel_format} at {size}; use an even --size or --codec libx264"
    )


def _requested_colour(source: ColourSpec, codec: Codec, requested: str, formats: Collection[str]) -> ColourSpec:
    """The colour whose planes are those of a pixel format."""
    colours = [_written_as(source, layout, depth) for layout in Layout for depth in (8, 10, 12, 16)]
    known = {pixel_format(colour, codec): colour for colour in colours}
    writable = {name: colour for name, colour in known.items() if name in formats}
    check_choice(f"-e pixel_format of {codec.encoder}", requested, tuple(sorted(writable)))
    return _as_stored(writable[requested], codec)


def _candidates(source: ColourSpec) -> Iterator[ColourSpec]:
    """Best first; more bits than the source has only for an encoder that takes no fewer."""
    fewer = [depth for depth in (16, 12, 10, 8) if depth <= source.bit_depth]
    more = [depth for depth in (10, 12, 16) if depth > source.bit_depth]
    for depths in (fewer, more):
        for layout in _INSTEAD[source.layout]:
            for depth in depths:
                yield _written_as(source, layout, depth)


def _written_as(source: ColourSpec, layout: Layout, depth: int) -> ColourSpec:
    colour = replace(source, layout=layout, bit_depth=depth)
    from_rgb = source.layout is Layout.RGB and layout is not Layout.RGB
    return replace(colour, full_range=False) if from_rgb else colour


def writes_alpha(source: ColourSpec, codec: Codec, size: Size, path: Path) -> bool:
    """Whether the encoder can write the source's colours at `size` with transparency, into a file of this name."""
    if not codec.alpha or (codec.alpha_endings and path.suffix.lower() not in codec.alpha_endings):
        return False
    try:
        output_colour(source, codec, size, alpha=True)
    except OutputError:
        return False
    return True


def _as_stored(colour: ColourSpec, codec: Codec) -> ColourSpec:
    """The siting and the range where the bitstream can name them, else what its readers assume. Pixels are converted
    anyway, so another siting or range costs nothing."""
    siting = colour.siting if colour.siting.value in codec.sitings else Siting.LEFT
    return replace(colour, siting=siting, full_range=colour.full_range and not codec.limited_range)


def pixel_format(colour: ColourSpec, codec: Codec, alpha: bool = False) -> str:
    """FFmpeg's name of what the encoder is given; with `alpha`, one that has transparency too."""
    name = codec.rgb8 if colour.pixel_format == "gbrp" else colour.pixel_format
    if not alpha:
        return name
    return name.replace("yuv", "yuva").replace("gbrp", "gbrap").replace("bgr0", "bgra")


def options_for(
    codec: Codec, size: Size, crf: int, preset: str, hdr: HDRMetadata | None, requested: Mapping[str, str],
    alpha: bool = False,
) -> dict[str, str]:  # fmt: skip
    """The encoder's options; `requested` ones win, and a misspelt one is an error with a suggestion.

    alpha: the pictures have transparency.
    """
    supported = av.CodecContext.create(codec.encoder, "w").supported_options
    names = sorted({option.name for option in (*supported.generic, *supported.private)})
    for name in requested:
        check_choice(f"the options of {codec.encoder}", name, names)
    rate = {} if codec.lossless else _rate(codec, crf, preset, requested)
    options = {**codec.options, **(codec.alpha_options if alpha else {}), **rate, **requested}
    always = [codec.quiet, codec.narrow if size.width < _NARROW else ""]
    words = [*filter(None, always), *(encoder_words(hdr, codec.hdr) if hdr and codec.hdr else [])]
    if words:
        options[codec.words] = ":".join([*words, *([options[codec.words]] if codec.words in options else [])])
    return options


def _rate(codec: Codec, crf: int, preset: str, requested: Mapping[str, str]) -> dict[str, str]:
    """Quality, unless the user asks for another rate control, and speed."""
    check_choice("--preset", preset, PRESETS)
    replaced = not codec.quality or bool(requested.keys() & set(codec.rate_options))
    quality = {} if replaced else {codec.quality: str(crf)}
    return quality | ({codec.speed: codec.presets[preset]} if codec.presets else {})


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
    numbers[6] = _int32(numbers[6] * size.width / video.size.width)
    numbers[7] = _int32(numbers[7] * size.height / video.size.height)
    return tuple(numbers)


def _int32(value: float) -> int:
    """The nearest integer of those that a display matrix holds."""
    return max(-(1 << 31), min((1 << 31) - 1, round(value)))
