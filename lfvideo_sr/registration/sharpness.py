"""Whether a sharp picture has detail that a low-resolution frame lacks, or is an enlargement, blurred, or empty."""

from typing import NamedTuple

import cv2
import numpy as np

from ..camera.kernels import SCALE
from ..frames import Size
from ..media.luma import luma

# Measured on 54 photographs (Set14, BSD100, holiday photos), energies of their sharpest places: detail over texture
# is 0.09 to 2.2 of sharp ones, at most 0.013 of enlarged ones, saved as JPEG or not, and 0.005 of ones blurred by 2
# pixels. Texture over the frame's is 1.03 to 1.3 where both show the same, 0.06 to 0.3 of pictures shaken by 17 pixels.
_DETAIL = 0.012  # of the texture: less is none
# Where both show the same, shares of the frame's texture: with less the picture is blurred, unless it has so much
# detail, and with more it is as sharp as the frame, so that there is no detail to be had.
_SHAKEN, _SOME_DETAIL, _AS_SHARP = 0.4, 0.1, 0.85
_BLOCKY = 0.05  # of the detail: what is left of it beside repeated pixels
_BLOCK = 8  # low-resolution pixels to a side, over which energies are averaged
_SHARPEST = 0.1  # share of the blocks that count
_PART, _PARTS = 64, 5  # of large pictures: low-resolution pixels to a side of a part, and parts along each side


class Sharpness(NamedTuple):
    """Energies of the sharpest places of a picture, in [0,1] squared.

    detail: finer than a low-resolution version shows. texture: the finest that one shows.
    """

    detail: float
    texture: float


def adds_detail(frame: np.ndarray, picture: np.ndarray, same: bool) -> bool:
    """Whether a picture [3,H,W] of any size has detail for a frame [3,h,w], float32 RGB in [0,1] both.

    same: whether both are known to show the same, so that their sharpness can be compared.
    """
    seen = texture_of(luma(frame))
    sharpness = sharpness_of(_of_the_output(luma(picture), frame.shape[2] * SCALE, frame.shape[1] * SCALE))
    if sharpness.detail < _DETAIL * max(sharpness.texture, seen):
        return same and sharpness.texture > _AS_SHARP * seen
    shaken = sharpness.texture < _SHAKEN * seen and sharpness.detail < _SOME_DETAIL * seen
    return not (same and shaken)


def sharpness_of(plane: np.ndarray) -> Sharpness:
    """Of a luma [H,W], float32 in [0,1], whose low-resolution version is smaller by SCALE."""
    height, width = (side - side % SCALE for side in plane.shape)
    if not (height and width):
        return Sharpness(0.0, 0.0)
    detail, beside, texture = [], [], []
    for part in _parts(plane[:height, :width], SCALE):
        low = cv2.resize(part, (part.shape[1] // SCALE, part.shape[0] // SCALE), interpolation=cv2.INTER_AREA)
        repeated = cv2.resize(low, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_NEAREST)
        detail.append(_energies(_finest(part), SCALE * _BLOCK))
        beside.append(_energies(part - repeated, SCALE * _BLOCK))
        texture.append(_energies(_finest(low), _BLOCK))
    most = _sharpest(detail)
    return Sharpness(0.0 if _sharpest(beside) < _BLOCKY * most else most, _sharpest(texture))


def texture_of(low: np.ndarray) -> float:
    """Energy of the finest texture in the sharpest places of a low-resolution luma [h,w], float32 in [0,1]."""
    return _sharpest([_energies(_finest(part), _BLOCK) for part in _parts(low, 1)])


def _of_the_output(plane: np.ndarray, width: int, height: int) -> np.ndarray:
    """A luma reduced by area to about the density of the output, where it is denser."""
    ratio = min(plane.shape[1] / width, plane.shape[0] / height)
    size = Size(*(max(1, round(side / ratio)) for side in plane.shape[::-1]))
    return plane if ratio <= 1 else cv2.resize(plane, size, interpolation=cv2.INTER_AREA)


def _parts(plane: np.ndarray, scale: int) -> list[np.ndarray]:
    """The plane, or if it is large, evenly spread parts of it, each of whole low-resolution pixels."""
    side = scale * _PART
    if min(plane.shape) < side or plane.size <= (_PARTS * side) ** 2:
        return [plane]
    tops, lefts = (
        [scale * int(at) for at in np.linspace(0, (length - side) // scale, _PARTS)] for length in plane.shape
    )
    return [plane[top : top + side, left : left + side] for top in tops for left in lefts]


def _finest(plane: np.ndarray) -> np.ndarray:
    """What two blurs by a pixel take away: little of waves longer than eight pixels, most of those of three."""
    for _ in range(2):
        plane = plane - cv2.GaussianBlur(plane, (0, 0), 1.0)
    return plane


def _energies(plane: np.ndarray, side: int) -> np.ndarray:
    """Mean squares over square blocks; what is left at the right and below is not looked at."""
    side = min(side, *plane.shape)
    rows, columns = (length // side for length in plane.shape)
    blocks = plane[: rows * side, : columns * side] ** 2
    return cv2.resize(blocks, (columns, rows), interpolation=cv2.INTER_AREA).ravel()


def _sharpest(energies: list[np.ndarray]) -> float:
    """Mean over the blocks that have most."""
    all_blocks = np.sort(np.concatenate(energies))
    return float(all_blocks[-max(1, round(_SHARPEST * all_blocks.size)) :].mean())
