"""What films look like and rendered scenes do not: faint detail between strong edges, blur, and noise."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

AROUND = 4, 16  # pixels to each side of the surroundings that detail is compared with, least and most

Look = Callable[[np.ndarray], np.ndarray]  # picture f32 [3,h,w] in [0,1] -> the same in 256 levels


@dataclass(frozen=True)
class FilmSettings:
    """flat: least factor by which detail is reduced against the mean of its surroundings; small ones are as frequent as
    large ones. blur: largest deviation in pixels. noise: largest deviation, of 256 levels. All differ from sample to
    sample; the defaults change nothing."""

    flat: float = 1.0
    blur: float = 0.0
    noise: float = 0.0


def random_look(rng: np.random.Generator, settings: FilmSettings) -> Look:
    """One for all pictures of a sample, but for their noise."""
    keep, blur, noise = settings.flat ** rng.random(), settings.blur * rng.random(), settings.noise * rng.random()
    around = 2 * int(rng.integers(AROUND[0], AROUND[1] + 1)) + 1

    def seen(picture: np.ndarray) -> np.ndarray:
        pixels = np.ascontiguousarray(picture.transpose(1, 2, 0))
        if keep < 1:
            mean = cv2.blur(pixels, (around, around))
            pixels = mean + np.float32(keep) * (pixels - mean)
        if blur > 0.2:  # less is none
            pixels = cv2.GaussianBlur(pixels, (0, 0), blur)
        if noise:
            pixels = pixels + np.float32(noise / 255) * rng.standard_normal(pixels.shape, np.float32)
        levels = np.round(255 * pixels.clip(0, 1)) / np.float32(255)
        return np.ascontiguousarray(levels.transpose(2, 0, 1))

    return seen
