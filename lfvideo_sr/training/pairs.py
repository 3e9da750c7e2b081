"""Samples of pairs of still pictures: an input and a reference that shows something like it.

Samples are pure functions of (seed, number). Pictures are uint8 [3,H,W] unless stated otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..frames import Size
from ..media.resize import bicubic, degrade, to_float
from .exposure import random_exposure
from .sources import LoadPair


@dataclass(frozen=True)
class PairSettings:
    """What a sample looks like.

    side:    of the target, in its pixels; a smaller part of the input is cut at random, the reference stays whole.
    reference_side: references are resized to it, without keeping their aspect (as C2-Matching's code does).
    no_reference: share of samples without; the papers have none, but a stream has.
    seen_from_elsewhere, exposure_change: shares of samples whose reference is seen in another perspective, or under
        another exposure: what photos of one place differ by, and moments of a clip do not. The papers do neither.
    wrong_reference: share of samples whose reference belongs to another pair.
    turned:  give a part of the reference too, which RRSR restores in turn (section 3.1): seen from elsewhere, or
        without `perspective` as it is, which lets training collapse.
    """

    side: int = 160
    reference_side: int = 160
    no_reference: float = 0.0
    seen_from_elsewhere: float = 0.0
    exposure_change: float = 0.0
    wrong_reference: float = 0.0
    turned: bool = False
    perspective: bool = True


def pair_sample(pairs: Sequence[LoadPair], rng: np.random.Generator, settings: PairSettings) -> dict[str, np.ndarray]:
    """Of one of the pairs: target u8 [3,s,s] and its low-resolution frame f32 [3,s/4,s/4], reference u8 [3,r,r],
    present f32 [] (1 or 0); with `turned`: turned u8 [3,s,s], cut where the target is so that the two show much the
    same, and its low-resolution turned_frame f32 [3,s/4,s/4]."""
    target, reference = pairs[int(rng.integers(len(pairs)))]()
    if happens(rng, settings.wrong_reference):
        reference = pairs[int(rng.integers(len(pairs)))]()[1]
    side = Size(settings.reference_side, settings.reference_side)
    if reference.shape[1:] != (side.height, side.width):
        reference = bicubic(reference, side)
    target, reference = flipped(rng, target, reference)
    if happens(rng, settings.seen_from_elsewhere):
        reference = perspective(rng, reference)
    if happens(rng, settings.exposure_change):
        reference = random_exposure(rng)[reference]
    place = _place(rng, target, settings.side)
    target = _part(target, place, settings.side)
    sample: dict[str, np.ndarray] = {
        "target": target,
        "frame": reduced(target),
        "reference": reference,
        "present": np.array(rng.random() >= settings.no_reference, np.float32),
    }
    if settings.turned:
        seen = perspective(rng, reference) if settings.perspective else reference
        turned = _part(seen, place, settings.side)
        sample |= {"turned": turned, "turned_frame": reduced(turned)}
    return sample


def perspective(rng: np.random.Generator, picture: np.ndarray, least: float = 5, most: float = 20) -> np.ndarray:
    """The picture with its corners moved by `least` to `most` pixels along both axes, either way (RRSR, section 4.2),
    cut to its own box; beyond its edge it is mirrored."""
    return warped(picture, corners_moved(rng, picture.shape[1:], least, most))


def corners_moved(rng: np.random.Generator, shape: Sequence[int], least: float, most: float) -> np.ndarray:
    """A homography, float64 [3,3], from a picture's pixels to where they move when its corners move so far."""
    height, width = shape
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    moved = rng.uniform(least, most, (4, 2)) * rng.choice([-1, 1], (4, 2))
    return cv2.getPerspectiveTransform(corners, (corners + moved).astype(np.float32))


def warped(picture: np.ndarray, homography: np.ndarray, border: int = cv2.BORDER_REFLECT_101) -> np.ndarray:
    """The picture as the homography moves it, in its own box; beyond its edge it is mirrored, or what OpenCV's `border`
    says."""
    size = picture.shape[2], picture.shape[1]
    pixels = np.ascontiguousarray(picture.transpose(1, 2, 0))
    moved = cv2.warpPerspective(pixels, homography, size, flags=cv2.INTER_CUBIC, borderMode=border)
    return np.ascontiguousarray(moved.transpose(2, 0, 1))


def happens(rng: np.random.Generator, share: float) -> bool:
    """Whether something that happens in such a share of samples happens in this one. Draws only where there is a
    choice, so that a new share leaves the samples of runs without it as they were."""
    return share > 0 and rng.random() < share


def cut(rng: np.random.Generator, picture: np.ndarray, side: int) -> np.ndarray:
    """A square of the picture at a random place; a smaller picture is mirrored at its edges first."""
    return _part(picture, _place(rng, picture, side), side)


def _place(rng: np.random.Generator, picture: np.ndarray, side: int) -> tuple[int, int]:
    top, left = (int(rng.integers(max(length - side, 0) + 1)) for length in picture.shape[1:])
    return top, left


def _part(picture: np.ndarray, place: tuple[int, int], side: int) -> np.ndarray:
    top, left = (min(first, max(length - side, 0)) for first, length in zip(place, picture.shape[1:]))
    part = picture[:, top : top + side, left : left + side]
    missing = [side - length for length in part.shape[1:]]
    if any(missing):
        part = np.pad(part, ((0, 0), (0, missing[0]), (0, missing[1])), mode="symmetric")
    return np.ascontiguousarray(part)


def flipped(rng: np.random.Generator, *pictures: np.ndarray) -> list[np.ndarray]:
    """Pictures [3,H,W], all of them flipped and turned alike: along each axis and about the diagonal, or not."""
    for axis in (1, 2):
        if rng.random() < 0.5:
            pictures = tuple(np.flip(picture, axis) for picture in pictures)
    if rng.random() < 0.5:
        pictures = tuple(picture.swapaxes(1, 2) for picture in pictures)
    return [np.ascontiguousarray(picture) for picture in pictures]


def reduced(picture: np.ndarray, scale: int = 4) -> np.ndarray:
    """What a low-resolution camera shows of a picture u8 [3,H,W], f32 [3,H/scale,W/scale]."""
    return degrade(to_float(picture), scale)
