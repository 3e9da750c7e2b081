"""Pictures of an output: their formats, how many bits each holds, and the bytes of a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..errors import OutputError
from ..frames import Frame, Size
from .colour import ColourSpec, Layout
from .film_pictures import exr_bytes
from .output_format import ToPlanes, planes_on_host
from .quiet import quiet_libraries
from .resize import resized

WRITABLE = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".exr")
_EIGHT_BIT = (".jpg", ".jpeg")
_OPAQUE = (*_EIGHT_BIT, ".exr")
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


class OutputPixels(NamedTuple):
    """A frame of an output of pictures: planes R, G, B and perhaps transparency [H,W], uint8, uint16 or float32; its
    number among the restored frames; and the number of its segment."""

    planes: tuple[np.ndarray, ...]
    number: int
    segment: int = 0


class PictureFormat:
    """How pictures are written: `ending` chooses the format, `bit_depth` of the source how many bits.

    turns: quarters, counter-clockwise, by which a frame is turned to be upright.
    alpha: the frames may have transparency; loses_alpha says whether the format has no place for it.
    """

    def __init__(self, ending: str, bit_depth: int, size: Size, turns: int = 0, alpha: bool = False):
        self.ending, self.size = ending.lower(), size
        deep = bit_depth > 8 and self.ending not in _EIGHT_BIT
        self.bits = 16 if deep or self.ending == ".exr" else 8
        self.colour = ColourSpec(Layout.RGB, self.bits, full_range=True)
        self.loses_depth = bit_depth > 8 and self.bits == 8
        self.loses_alpha = alpha and self.ending in _OPAQUE
        self._alpha = alpha and not self.loses_alpha
        self._turns = turns % 4

    def converted(self, frame: Frame, to_planes: ToPlanes = planes_on_host) -> OutputPixels:
        """The samples of a frame as a file holds them; may be asked for in another thread than `encoded` runs in."""
        if frame.size != self.size:
            raise OutputError(f"frame {frame.index} is {frame.size}; this output was opened for {self.size}")
        planes = tuple(frame.pixels) if self.ending == ".exr" else tuple(to_planes(frame, self.colour))
        if self._alpha:
            planes = (*planes, self._transparency(frame))
        return OutputPixels(tuple(np.rot90(plane, self._turns) for plane in planes), frame.index)

    def _transparency(self, frame: Frame) -> np.ndarray:
        """As samples of the picture's own kind; opaque where the frame has none."""
        alpha = np.ones((1, 1), np.float32) if frame.alpha is None else frame.alpha
        alpha = np.clip(resized(alpha[None], self.size)[0], 0, 1) * self.colour.peak
        return (alpha + 0.5).astype(np.uint8 if self.bits == 8 else np.uint16)

    def encoded(self, planes: Sequence[np.ndarray]) -> bytes:
        """The bytes of a file. Raises OutputError where the format cannot hold the picture."""
        if self.ending == ".exr":
            return exr_bytes(np.stack(planes))
        red, green, blue, *alpha = (np.ascontiguousarray(plane) for plane in planes)
        options = _JPEG if self.ending in _EIGHT_BIT else ()
        try:
            with quiet_libraries():
                whole, data = cv2.imencode(self.ending, cv2.merge([blue, green, red, *alpha]), options)
        except cv2.error:
            whole = False
        if not whole:
            raise OutputError(f"a picture of {self.size} cannot be written as {self.ending[1:].upper()}; write PNG")
        return data.tobytes()


def check_writable(path: Path) -> None:
    """Refuse an ending of pictures that are not written here."""
    if path.suffix.lower() not in WRITABLE:
        raise OutputError(f"{path}: pictures are written as {', '.join(WRITABLE)}; end -o in one of them")
