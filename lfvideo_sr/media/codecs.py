"""The table of video codecs that results are written in. One record has all that is known of a codec: to add one, add
its record here. This file imports nothing heavy, so that the command line's help can list the table."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..checks import check_choice

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_PLAYABLE = frozenset({".mp4", ".mkv", ".mov", ".m4v"})
_SIXTEEN_BITS = 65535  # the largest side that such a number states


@dataclass(frozen=True)
class HDRWords:
    """What an encoder calls HDR10's metadata in its key=value words.

    mastering: the word for the mastering display. light: the word for the light level.
    scaled:    chromaticities are counted in 1/50000 and luminances in 1/10000.
    """

    mastering: str
    light: str
    scaled: bool = True


@dataclass(frozen=True)
class Codec:
    """An encoder and what it can do.

    encoder:      FFmpeg's name of the encoder.
    names:        other names that `--codec` takes; the first one is shown in the help.
    lossless:     it stores every sample, in any layout and size, and has neither quality nor preset.
    options:      of the encoder, always given.
    quality:      the option that takes `--crf`, "" where there is none; the user's own `rate_options` replace it.
    presets:      the encoder's own name for each of PRESETS; empty where it has no option for speed.
    speed:        the option that takes these names.
    words:        the option that takes key=value words, such as "x264-params"; "" where there is none.
    quiet:        the word that stops the encoder from printing; `environment` has variables with that effect.
    hdr:          how HDR10's metadata is written; None where the encoder cannot write it.
    sitings:      places of chroma that the bitstream can name, as in `colour.Siting`.
    writes_aspect: the bitstream stores the shape of a pixel, which Matroska relies on.
    loses_dts:    of one or two frames in all, decoding times are left to chance.
    rgb8:         the pixel format for 8-bit RGB.
    largest:      width and height of the largest picture that the encoder takes; None: whatever fits a container.
    least:        the shortest side, in pixels, that the encoder takes.
    alpha:        it stores transparency.
    alpha_formats: the pixel formats in which it does, where FFmpeg lists some with which it does not open.
    alpha_options: of the encoder, given where it stores transparency.
    alpha_endings: of the files in which its transparency is kept; empty: of all that hold the codec.
    segments:     the ending of the files of a run's segments: see SegmentSink.
    limited_range: its pictures are read as limited range, whatever tags say.
    narrow:       the word for pictures less than 64 pixels wide, on which the encoder else writes beyond its memory.
    formats:      the pixel formats it takes; empty where FFmpeg lists them.
    live:         options with which no picture waits in the encoder for later ones.
    endings:      of the files beside an input in which players expect this codec; beside others the result is an .mkv.
    needs:        what a machine has to have for it, to be read after "needs"; "" where FFmpeg alone will do.
    """

    encoder: str
    names: tuple[str, ...] = ()
    lossless: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    quality: str = "crf"
    rate_options: tuple[str, ...] = ("b", "qp", "crf")
    presets: Mapping[str, str] = field(default_factory=lambda: dict(zip(PRESETS, PRESETS)))
    speed: str = "preset"
    words: str = ""
    quiet: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    hdr: HDRWords | None = None
    sitings: tuple[str, ...] = ("left", "center", "topleft")
    writes_aspect: bool = False
    loses_dts: bool = False
    rgb8: str = "gbrp"
    largest: tuple[int, int] | None = None
    least: int = 1
    alpha: bool = False
    alpha_formats: frozenset[str] = frozenset()
    alpha_options: Mapping[str, str] = field(default_factory=dict)
    alpha_endings: frozenset[str] = frozenset()
    segments: str = ".nut"
    limited_range: bool = False
    narrow: str = ""
    formats: frozenset[str] = frozenset()
    live: Mapping[str, str] = field(default_factory=dict)
    endings: frozenset[str] = _PLAYABLE
    needs: str = ""

    def takes(self, size: tuple[int, int]) -> bool:
        """Whether a picture of this width and height is neither larger nor smaller than the encoder takes."""
        return min(size) >= self.least and not self.is_beyond(size)

    def is_beyond(self, size: tuple[int, int]) -> bool:
        """Whether a picture of this width and height is larger than the encoder takes."""
        return self.largest is not None and any(side > most for side, most in zip(size, self.largest))


def _nvenc(encoder: str, largest: tuple[int, int]) -> Codec:
    """An encoder of NVIDIA's GPUs."""
    return Codec(
        encoder, quality="cq", rate_options=("b", "qp", "cq"), options={"rc": "vbr"}, writes_aspect=True,
        presets=dict(zip(PRESETS, ("p1", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p7"))), largest=largest,
        live={"zerolatency": "1", "delay": "0"},
        needs="an NVIDIA GPU that encodes (data-centre GPUs such as A100 and H100 do not) and its driver",
    )  # fmt: skip


CODECS = (
    Codec(
        "libx264", ("x264", "h264"), words="x264-params", hdr=HDRWords("mastering-display", "cll"), writes_aspect=True,
        largest=(16384, 16384), live={"tune": "zerolatency"},
    ),
    Codec(
        "libx265", ("x265", "h265", "hevc"), words="x265-params", quiet="log-level=error",
        hdr=HDRWords("master-display", "max-cll"), writes_aspect=True, loses_dts=True, narrow="asm=0", least=16,
        live={"tune": "zerolatency"},
    ),
    Codec(
        "libsvtav1", ("svtav1", "av1"), presets=dict(zip(PRESETS, ("11", "10", "9", "8", "7", "6", "5", "4", "2"))),
        words="svtav1-params", environment={"SVT_LOG": "1"},  # 1: errors only
        hdr=HDRWords("mastering-display", "content-light", scaled=False), sitings=("left", "topleft"),
        largest=(16384, 8704), live={"svtav1-params": "pred-struct=1"},
    ),
    Codec(
        "ffv1", lossless=True, options={"level": "3", "slicecrc": "1", "g": "1"}, sitings=("left",), rgb8="bgr0",
        alpha=True, endings=frozenset({".mkv"}),
    ),
    Codec(
        "libvpx-vp9", ("vp9",), options={"deadline": "good", "row-mt": "1"}, speed="cpu-used",
        presets=dict(zip(PRESETS, ("5", "5", "5", "4", "3", "2", "1", "1", "0"))), sitings=("left",), alpha=True,
        alpha_formats=frozenset({"yuva420p"}), alpha_options={"auto-alt-ref": "0"},
        alpha_endings=frozenset({".webm", ".mkv"}), segments=".mkv", largest=(_SIXTEEN_BITS, _SIXTEEN_BITS),
        live={"lag-in-frames": "0"}, endings=frozenset({".webm", ".mkv"}),
    ),
    Codec(
        "prores_ks", ("prores",), quality="", rate_options=("profile",), presets={}, options={"vendor": "apl0"},
        sitings=("left",), alpha=True, limited_range=True, segments=".mov", endings=frozenset({".mov", ".mkv"}),
        largest=(_SIXTEEN_BITS, _SIXTEEN_BITS),
    ),
    _nvenc("h264_nvenc", (4096, 4096)),
    _nvenc("hevc_nvenc", (8192, 8192)),
)  # fmt: skip
SEGMENT_ENDINGS = tuple(dict.fromkeys(codec.segments for codec in CODECS))


def codec_of(name: str) -> Codec:
    """The codec of any of its names; UsageError with a suggestion for a name that the table lacks."""
    by_name = {each: codec for codec in CODECS for each in (codec.encoder, *codec.names)}
    check_choice("--codec", name, tuple(by_name))
    return by_name[name]


def names_of(codecs: Iterable[Codec]) -> str:
    """The short names of some codecs for people: "x265 or ffv1"."""
    *others, last = [codec.names[0] if codec.names else codec.encoder for codec in codecs]
    return f"{', '.join(others)} or {last}" if others else last


def listed_codecs() -> str:
    """The table's short names for people: "x264, x265, svtav1 or ffv1"."""
    return names_of(CODECS)


def quiet_options(encoder: str) -> dict[str, str]:
    """Options with which an encoder, of this table or another, prints nothing but errors; sets its environment too."""
    for codec in CODECS:
        if codec.encoder == encoder:
            silence(codec)
            return {codec.words: codec.quiet} if codec.quiet else {}
    return {}


def silence(codec: Codec) -> None:
    """Set the variables by which an encoder prints errors only, unless the user has set them."""
    for name, value in codec.environment.items():
        os.environ.setdefault(name, value)
