"""What an output does not keep of the pictures of its source, one line each, for people."""

from dataclasses import replace
from pathlib import Path

from .codecs import CODECS, Codec, names_of
from .colour import ColourSpec, Layout
from .encoding import pixel_format
from .probe import VideoInfo


def other_format(video: VideoInfo, codec: Codec, colour: ColourSpec, size: object) -> list[str]:
    """Where the output's planes or depth are not the source's."""
    if colour.pixel_format == video.colour.pixel_format:
        return []
    line = f"{codec.encoder} writes {colour.pixel_format} at {size}; the source is {video.colour.pixel_format}"
    if video.colour.layout is Layout.RGB and colour.layout is Layout.YUV420:
        full = pixel_format(replace(colour, layout=Layout.YUV444), codec)
        line += f", whose colours -e pixel_format={full} keeps sharper, for players that show it"
    return [line]


def lost_alpha(video: VideoInfo, codec: Codec, path: Path) -> str:
    """What to say of transparency that the output at `path` does not have."""
    able = names_of(each for each in CODECS if each.alpha)
    why, remedy = f"{codec.encoder} does not write it", f"--codec {able} keeps it"
    if codec.alpha_endings and path.suffix.lower() not in codec.alpha_endings:
        why, remedy = f"{path.suffix} has no place for that of {codec.encoder}", "-o to a .webm or an .mkv keeps it"
    return (
        f"the transparency of {video.path} is left out, since {why}; {remedy}, and --alpha '#RRGGBB' lays the "
        "pictures over a colour"
    )


def lost_in_pictures(video: VideoInfo, codec: Codec) -> list[str]:
    """What the pictures carry, or the container states of them, and cannot be written again."""
    lost = [f"the output has no {what}, which {video.path} has" for what in video.left_out]
    if video.cropping:
        cut = f"pixels {video.cropping} at the top/bottom/left/right"
        lost.append(f"{video.path} asks players to cut {cut} off its pictures, and the output shows them whole")
    if video.hdr and codec.hdr is None:
        lost.append(f"{codec.encoder} cannot hold the HDR mastering metadata; it is left out")
    return lost
