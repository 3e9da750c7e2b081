"""Which kinds of media files FFmpeg may open. A playlist, a list of files and a description of a session are not among
them: they name other files or addresses, which nobody asked for."""

import av

from .limits import max_pixels

_CONTAINERS = (
    "matroska webm mov mp4 avi mpegts mpegtsraw mpeg mpegvideo ogg flv live_flv asf asf_o mxf gxf nut ivf wtv rm ivr "
    "dv dhav nsv nuv lxf pva ty kux yuv4mpegpipe gif apng swf"
)
_STREAMS = "h261 h263 h264 hevc evc vvc obu av1 m4v vc1 vc1test dirac dnxhd cavsvideo avs2 avs3 mjpeg mjpeg_2000 mpjpeg"
_OLD = "smjpeg roq smk bink film_cpk flic ea 4xm wc3movie thp idcin filmstrip cine r3d dxa ser psxstr rpl vividas vivo"
_SOUND = "mp3 wav w64 flac aac ac3 eac3 dts amr aiff au caf"
_PICTURES = "png jpeg bmp tiff webp gif ppm pgm pbm pam jpegxl jpegls j2k exr hdr dpx sgi sunrast qoi"
_TEXT = "tty"  # any text, as a picture of a terminal; `open_input` refuses it

_ALLOWED = ",".join(
    [*f"{_CONTAINERS} {_STREAMS} {_OLD} {_SOUND} {_TEXT}".split(), *(f"{kind}_pipe" for kind in _PICTURES.split())]
)
_FOLLOWING = {"hls", "applehttp", "dash", "concat", "imf", "sdp", "avisynth", "vapoursynth"}
_LISTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"v=0", b"[Reference]", b"RTSPtext")


def reading_options(format_name: str | None = None) -> dict[str, str]:
    """FFmpeg's options for an input: one file, of a kind that reads no other, with frames no larger than the limit.

    format_name: the only kind that is allowed, where the caller knows it.
    """
    return {
        "format_whitelist": format_name or _ALLOWED,
        "protocol_whitelist": "file,fd,pipe",
        **decoder_options(),
    }


def address_options() -> dict[str, str]:
    """The same for an address that a user has typed: any protocol, and every kind of stream that names no other."""
    allowed = (name for name in av.formats_available if not _FOLLOWING & set(name.split(",")))
    return {"format_whitelist": ",".join(sorted(allowed)), **decoder_options()}


def decoder_options() -> dict[str, str]:
    """FFmpeg's options for a decoder: frames above the limit of pixels are not decoded."""
    return {"max_pixels": str(min(max_pixels(), 2**31 - 1))}


def names_others(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a list that names other files."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_LISTS)
