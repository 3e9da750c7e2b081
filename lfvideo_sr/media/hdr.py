"""HDR10 side data: mastering display and content light level, from a decoded frame to an encoder's options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideData, Type
from av.video.frame import VideoFrame

from .codecs import HDRWords


@dataclass(frozen=True)
class HDRMetadata:
    """HDR10's static metadata.

    mastering: x and y of red, green, blue and white, then the darkest and the brightest cd/m2; None if unknown.
    light:     MaxCLL and MaxFALL in cd/m2; None if unknown.
    """

    mastering: tuple[float, ...] | None = None
    light: tuple[int, int] | None = None


def side_data(frame: VideoFrame) -> dict[Type, bytes]:
    """What a frame carries beside its planes."""
    carried = cast(Mapping[Type, SideData], frame.side_data)  # iterates over its values in PyAV 18, its keys in 19
    return {kind: bytes(carried[kind]) for kind in Type if kind in carried}


def hdr_of(frame: VideoFrame) -> HDRMetadata | None:
    """The HDR10 metadata a frame carries, or None."""
    side = side_data(frame)
    metadata = HDRMetadata(
        _mastering(side.get(Type.MASTERING_DISPLAY_METADATA)), _light(side.get(Type.CONTENT_LIGHT_LEVEL))
    )
    return metadata if metadata.mastering or metadata.light else None


def _mastering(raw: bytes | None) -> tuple[float, ...] | None:
    """Ten AVRationals (red, green, blue, white, darkest, brightest), then two flags that say which are set."""
    if raw is None:
        return None
    numbers = np.frombuffer(raw[:88], np.int32)
    if not numbers[20:].all() or not numbers[1:20:2].all():
        return None
    return tuple(float(value) for value in numbers[0:20:2] / numbers[1:20:2])


def _light(raw: bytes | None) -> tuple[int, int] | None:
    if raw is None:
        return None
    brightest, average = np.frombuffer(raw[:8], np.uint32)
    return (int(brightest), int(average)) if brightest or average else None


def encoder_words(hdr: HDRMetadata, names: HDRWords) -> list[str]:
    """`hdr` as key=value, by the names that an encoder has for it."""
    words = []
    if hdr.mastering:
        words.append(f"{names.mastering}={_display(hdr.mastering, names.scaled)}")
    if hdr.light:
        words.append(f"{names.light}={hdr.light[0]},{hdr.light[1]}")
    return words


def _display(mastering: tuple[float, ...], scaled: bool) -> str:
    """The display as every encoder of the table takes it: G(x,y)B(x,y)R(x,y)WP(x,y)L(brightest,darkest)."""

    def number(value: float, scale: int) -> str:
        return str(round(value * scale)) if scaled else f"{value:.5f}"

    red, green, blue, white = (mastering[at : at + 2] for at in (0, 2, 4, 6))
    points = {"G": green, "B": blue, "R": red, "WP": white}
    colours = "".join(f"{name}({number(x, 50000)},{number(y, 50000)})" for name, (x, y) in points.items())
    return f"{colours}L({number(mastering[9], 10000)},{number(mastering[8], 10000)})"
