"""A picture brought into a frame's geometry by one global transform, and the search for that transform.

Transforms are those of `global_motion`: float64 [3,3], from output pixels to pixels of the picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ..camera.kernels import SCALE
from ..camera.model import CameraModel
from ..frames import Size, size_of
from ..media.luma import luma
from .agreement import Comparison, compare
from .global_motion import FROM_LOW, TO_LOW, by_features, by_phase, centred, refined, stretched

_LARGER = 1.25  # times a picture may be larger than the output before it is reduced by area first
_SCALES, _SKEW = (0.2, 12.0), 0.15  # of a transform that is believed: picture pixels per output pixel; sheer and aspect
_ALIKE = 0.6  # share of tiles that show the same, from which on no other start is tried


@dataclass(frozen=True, eq=False)
class Framed:
    """A picture in a frame's geometry.

    transform:  that brought it there; None where it was not moved.
    picture:    [3,4h,4w]; inside: bool [4h,4w] where it shows anything, None where everywhere.
    reduced:    as the camera reduces it, colours unchanged, [3,h,w]; comparison: with the frame.
    """

    transform: np.ndarray | None
    picture: np.ndarray
    inside: np.ndarray | None
    reduced: np.ndarray
    comparison: Comparison


class Framing:
    """Looks for where a picture [3,H,W] is in a frame [3,h,w]."""

    def __init__(self, frame: np.ndarray, picture: np.ndarray, camera: CameraModel):
        self._picture, self._camera = picture, camera
        self._low, self._out = size_of(frame), size_of(frame).scaled(SCALE)
        self._frame = with_luma(frame)
        self._luma = luma(picture)

    def unmoved(self) -> Framed | None:
        """The picture unmoved; None where it has another size."""
        return self._framed(None, self._picture, None) if size_of(self._picture) == self._out else None

    def moved(self) -> Framed | None:
        """At the global transform that was found; None where none was."""
        start = self._coarse()
        if start is None:
            return None
        smaller = _reduction(self._picture, start)
        to_smaller = stretched(smaller, size_of(self._picture))
        picture = self._picture if smaller == size_of(self._picture) else _by_area(self._picture, smaller)
        transform = refined(self._frame[3], self._fine_warp(luma(picture)), to_smaller @ start, blurs=(0.0,), rounds=2)
        if not believable(transform):
            return None
        inside = covered(transform, smaller, self._out)
        return self._framed(np.linalg.inv(to_smaller) @ transform, warped(picture, transform, self._out), inside)

    def _framed(self, transform: np.ndarray | None, picture: np.ndarray, inside: np.ndarray | None) -> Framed:
        reduced = self._camera.reduce_planes(picture)
        return Framed(transform, picture, inside, reduced, compare(self._frame, with_luma(reduced), low_mask(inside)))

    def _fine_warp(self, luma: np.ndarray):
        """The picture's luma [4h,4w] as the camera would see it under a transform."""

        def warp(transform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            inside = low_mask(covered(transform, _size(luma), self._out))
            framed = warped(luma[None], transform, self._out)
            return self._camera.reduce_planes(framed)[0], self._all_or(inside)

        return warp

    def _coarse(self) -> np.ndarray | None:
        """Found on low-resolution lumas, from the first start that leads to a frame that shows the same."""
        size = _size(self._luma)
        ratio = SCALE * max(1.0, min(size.width / self._out.width, size.height / self._out.height))
        small = _by_area(self._luma[None], Size(*(max(1, round(side / ratio)) for side in size)))[0]
        to_small = stretched(_size(small), size)

        def warp(transform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            onto = to_small @ transform @ FROM_LOW
            return warped(small[None], onto, self._low)[0], self._all_or(covered(onto, _size(small), self._low))

        best, most = None, 0.0
        for start, blurs in self._starts(small, to_small, warp):
            transform = refined(self._frame[3], warp, start, blurs, rounds=8)
            if believable(transform):
                share = self._alike(*warp(transform))
                best, most = (transform, share) if share > most else (best, most)
            if most > _ALIKE:
                break
        return best

    def _starts(self, small: np.ndarray, to_small: np.ndarray, warp) -> Iterator[tuple[np.ndarray, tuple[float, ...]]]:
        """Transforms to start from, likely ones first, and the blurs under which each is refined."""
        features = by_features(_eight_bit(self._frame[3]), _eight_bit(small))
        if features is not None:
            yield np.linalg.inv(to_small) @ features @ TO_LOW, (1.0, 0.0)
        plain = centred(size_of(self._picture), self._out)
        yield plain, (4.0, 2.0, 0.0)
        yield plain @ FROM_LOW @ by_phase(self._frame[3], warp(plain)[0]) @ TO_LOW, (2.0, 0.0)
        if not np.allclose(plain, stretched(size_of(self._picture), self._out)):
            yield stretched(size_of(self._picture), self._out), (4.0, 2.0, 0.0)

    def _alike(self, luma: np.ndarray, inside: np.ndarray) -> float:
        planes = np.repeat(luma[None], 4, 0)
        return compare(np.repeat(self._frame[3:], 4, 0), planes, inside).alike

    def _all_or(self, inside: np.ndarray | None) -> np.ndarray:
        return np.ones((self._low.height, self._low.width), bool) if inside is None else inside


def with_luma(picture: np.ndarray) -> np.ndarray:
    """RGB [3,H,W] -> R G B and luma, [4,H,W]."""
    return np.concatenate([picture, luma(picture)[None]])


def warped(planes: np.ndarray, transform: np.ndarray, size: Size) -> np.ndarray:
    """Planes [C,H,W] seen through a transform from pixels of `size` to theirs, bicubic; edges go on."""
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REPLICATE
    return np.stack([cv2.warpAffine(plane, transform[:2], size, flags=flags, borderMode=border) for plane in planes])


def covered(transform: np.ndarray, size: Size, onto: Size) -> np.ndarray | None:
    """Which pixels of `onto` are within a picture of `size` under a transform, bool; None where all do."""
    x, y = np.arange(onto.width), np.arange(onto.height)[:, None]
    inside = np.ones((onto.height, onto.width), bool)
    for row, side in zip(transform[:2], size):
        at = row[0] * x + row[1] * y + row[2]
        inside &= (at > -0.5 - _EDGE) & (at < side - 0.5 + _EDGE)
    return None if inside.all() else inside


_EDGE = 0.05  # pixels that a picture may fall short of a frame's edge and still cover it


def low_mask(inside: np.ndarray | None) -> np.ndarray | None:
    """Bool [4h,4w] -> [h,w], True where all output pixels that a low-resolution pixel covers are."""
    if inside is None:
        return None
    height, width = (side // SCALE for side in inside.shape)
    return np.asarray(inside.reshape(height, SCALE, width, SCALE).all((1, 3)))


def believable(transform: np.ndarray) -> bool:
    """Whether a camera at a slightly different place would cause a transform."""
    linear = transform[:2, :2]
    ratio = float(np.sqrt(abs(np.linalg.det(linear))))
    if not np.isfinite(transform).all() or not _SCALES[0] < ratio < _SCALES[1]:
        return False
    large, small = np.linalg.svd(linear / ratio, compute_uv=False)
    return bool(np.linalg.det(linear) > 0 and large / small < 1 + _SKEW)


def _reduction(picture: np.ndarray, transform: np.ndarray) -> Size:
    """The size to which a picture is reduced first, so that a warp does not pass over its pixels."""
    ratio = float(np.sqrt(abs(np.linalg.det(transform[:2, :2]))))
    size = size_of(picture)
    return size if ratio < _LARGER else Size(*(max(1, round(side / ratio)) for side in size))


def _by_area(planes: np.ndarray, size: Size) -> np.ndarray:
    return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes])


def _size(plane: np.ndarray) -> Size:
    return Size(plane.shape[1], plane.shape[0])


def _eight_bit(plane: np.ndarray) -> np.ndarray:
    return (np.clip(plane, 0, 1) * 255 + 0.5).astype(np.uint8)
