"""Training samples of E2ENT2 from single photos: two crops of one picture show similar content (section 4.1)."""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..frames import Size
from .pairs import cut, perspective, reduced
from .sources import LoadPhoto


@dataclass(frozen=True)
class CropSettings:
    """side: of both crops, in pixels, a multiple of 4; reference_side: of the second, if another. apart: most pixels
    between their corners along each axis; at least half of it where a photo holds no more. no_reference, turned,
    perspective: as in PairSettings."""

    side: int = 160
    apart: int = 80
    no_reference: float = 0.0
    turned: bool = False
    perspective: bool = True
    reference_side: int | None = None


class PhotoTooSmall(InputError):
    """A photo holds no two crops that are far enough apart."""


def two_crops(load: LoadPhoto, rng: np.random.Generator, settings: CropSettings) -> dict[str, np.ndarray]:
    """target u8 [3,s,s] and its low-resolution frame f32 [3,s/4,s/4], reference u8 [3,r,r], present f32 []; with
    `turned` also turned and turned_frame, as pair_sample gives them. Crops are moved, not flipped, as in the paper.

    Raises PhotoTooSmall for a photo that holds no two crops half of `apart` from each other.
    """
    side, photo = settings.side, load()
    sides = side, settings.reference_side or side
    room = min(photo.shape[1:]) - max(sides)
    if room < settings.apart / 2:
        least = max(sides) + -(-settings.apart // 2)
        raise PhotoTooSmall(
            f"a photo is {Size(photo.shape[2], photo.shape[1])}, and two crops of it take {least} pixels a side; give "
            "larger photos, or a smaller `side` or `apart`"
        )
    apart = min(settings.apart, room)
    around = cut(rng, photo, max(sides) + apart)
    corners = rng.integers(0, apart + 1, (2, 2))
    target, reference = (around[:, y : y + length, x : x + length].copy() for (y, x), length in zip(corners, sides))
    sample = {
        "target": target,
        "frame": reduced(target),
        "reference": reference,
        "present": np.array(rng.random() >= settings.no_reference, np.float32),
    }
    if settings.turned:
        turned = cut(rng, perspective(rng, reference) if settings.perspective else reference, side)
        sample |= {"turned": turned, "turned_frame": reduced(turned)}
    return sample
