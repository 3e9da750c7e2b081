"""Random pictures with the statistics of natural ones and detail down to the pixel, to cover surfaces with."""

import math
import string
from collections.abc import Callable, Sequence

import cv2
import numpy as np

SILHOUETTES = ("rectangle", "ellipse", "blob")
Surface = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]  # of a shape -> float32 [h,w,3] in [0,1]


def silhouette(kind: str, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Alpha, float32 [h,w] in [0,1]: 'rectangle', 'ellipse' or 'blob' (a wavy outline), antialiased."""
    if kind == "rectangle":
        return np.ones(shape, np.float32)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    waves = np.arange(2, 9)
    strength = rng.normal(0, 0.35, waves.size) / waves if kind == "blob" else np.zeros(waves.size)
    radius = np.exp(strength @ np.sin(np.outer(waves, angle) + rng.uniform(0, 6.28, (waves.size, 1))))
    radius *= 0.97 / radius.max()
    outline = (np.stack([np.cos(angle), np.sin(angle)], 1) * radius[:, None] + 1) / 2 * shape[::-1]
    alpha = np.zeros(shape, np.uint8)
    cv2.fillPoly(alpha, [(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return alpha.astype(np.float32) / 255


def random_texture(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Float32 [h,w,3] in [0,1]: one of TEXTURES, or two side by side, with grain and a contrast of its own."""
    first, second = rng.choice(list(TEXTURES), 2)
    rgb = TEXTURES[first](rng, shape)
    if rng.random() < 0.4:
        rgb = np.where(fractal(rng, shape, 2.0)[..., None] > rng.uniform(-0.5, 1.5), TEXTURES[second](rng, shape), rgb)
    rgb = rgb * (1 + rng.uniform(0, 0.15) * fractal(rng, shape, 1.0)[..., None])
    contrast = rng.uniform(0.4, 1.1)
    return np.clip(rng.uniform(0.3, 0.6) + contrast * (rgb - 0.45), 0, 1).astype(np.float32)


def palette(rng: np.random.Generator, count: int) -> np.ndarray:
    """Colours that go together, float32 [count,3] in [0,1]: near hues, varied saturation and brightness."""
    hue = (rng.uniform(0, 360) + rng.normal(0, 40, count)) % 360
    hsv = np.stack([hue, rng.beta(1.5, 2.5, count), rng.uniform(0.08, 1, count)], 1)
    return cv2.cvtColor(hsv[None].astype(np.float32), cv2.COLOR_HSV2RGB)[0]


def fractal(rng: np.random.Generator, shape: tuple[int, int], slope: float) -> np.ndarray:
    """Noise whose amplitude falls as 1 / frequency^slope; float32 [h,w], mean 0, deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal(shape, np.float32)) / frequency**slope
    noise = np.fft.irfft2(spectrum, shape)
    return (noise / noise.std()).astype(np.float32)


def _leaves(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Dead leaves: overlapping ellipses, as many of each size as nature has."""
    colours = (palette(rng, 12) * 255).astype(int).tolist()
    canvas = np.full((*shape, 3), colours[0], np.uint8)
    for share in np.linspace(0.03, 1, int(np.prod(shape) ** 0.5 * 4)):  # the large ones tend to lie below
        radius = np.minimum(1.2 / np.sqrt(share * rng.uniform(1e-4, 1)), 60) * rng.uniform(0.5, 1, 2)
        centre = rng.uniform(0, shape[::-1])
        box = (tuple(centre), tuple(2 * radius), float(rng.uniform(0, 180)))
        cv2.ellipse(canvas, box, colours[rng.integers(12)], -1, cv2.LINE_AA)
    return canvas.astype(np.float32) / 255


def _clouds(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """1/f^a noise in three colours."""
    slope = rng.uniform(0.7, 1.8)
    share = [0.5 + 0.25 * fractal(rng, shape, slope)[..., None] for _ in range(2)]
    low, middle, high = palette(rng, 3)
    return np.clip(low + (middle - low) * share[0] + (high - low) * share[1] * 0.5, 0, 1)


def _grid_coordinates(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Two turned coordinates in texels, float32 [2,h,w]."""
    angle = rng.uniform(0, math.pi)
    y, x = np.indices(shape, np.float32)
    return np.stack([x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)])


def _grating(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Stripes of 2.5 to 20 texels at any angle, soft or sharp, slowly bent."""
    across = _grid_coordinates(rng, shape)[0]
    phase = across * 2 * np.pi / _log_uniform(rng, 2.5, 20)
    wave = np.sin(phase + rng.uniform(0, 3) * fractal(rng, shape, 2.5)) * rng.uniform(1, 3)
    return _between(palette(rng, 2), np.clip(wave / 2 + 0.5, 0, 1))


def _checker(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    cell = _log_uniform(rng, 3, 30)
    waves = np.sin(_grid_coordinates(rng, shape) * np.pi / cell) * cell / np.pi  # slope 1 at the edges: antialiased
    return _between(palette(rng, 2), np.clip(waves[0] * waves[1] + 0.5, 0, 1))


def _bricks(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Bricks with joints, each of its own shade, turned by any angle."""
    x, y = _grid_coordinates(rng, shape) / _log_uniform(rng, 5, 24)
    row = np.floor(y)
    x = x / 2 + row % 2 / 2
    shade = np.sin(row * 12.9898 + np.floor(x) * 78.233) * 43758.5 % 1
    joint = (y % 1 < 0.14) | (x % 1 < 0.07)
    brick, mortar, other = palette(rng, 3)
    return np.where(joint[..., None], mortar, _between((brick, 0.6 * brick + 0.4 * other), shade))


def _cells(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Voronoi cells, with or without dark joints."""
    count = int(np.prod(shape) / _log_uniform(rng, 30, 2000)) + 2
    seeds = np.ones(shape, np.uint8)
    seeds[rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)] = 0
    cell = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    rgb = palette(rng, 16)[rng.integers(0, 16, int(cell.max()) + 1)][cell]
    joints = cv2.Laplacian(cell.astype(np.float32), cv2.CV_32F) != 0
    return np.where(joints[..., None] & (rng.random() < 0.5), rgb * 0.3, rgb)


def _letters(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Lines of letters and digits in growing and shrinking sizes."""
    paper, *inks = (palette(rng, 5) * 255).astype(int).tolist()
    canvas = np.full((*shape, 3), paper, np.uint8)
    line = 0.0
    while line < shape[0]:
        height = _log_uniform(rng, 7, 40)
        line += height * 1.4
        words = "".join(rng.choice(list(string.ascii_letters + string.digits + "    "), 120))
        left = (int(rng.integers(-60, 10)), int(line))
        font, ink = int(rng.integers(0, 8)), inks[rng.integers(4)]
        cv2.putText(canvas, words, left, font, height / 22, ink, max(1, int(height / 12)), cv2.LINE_AA)
    return canvas.astype(np.float32) / 255


def _gradient(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A smooth change between two colours."""
    across = _grid_coordinates(rng, shape)[0] + 20 * fractal(rng, shape, 2.8)
    return _between(palette(rng, 2), (across - across.min()) / np.ptp(across))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return low * (high / low) ** rng.random()


def _between(colours: Sequence[np.ndarray] | np.ndarray, share: np.ndarray) -> np.ndarray:
    """Share [h,w] of the second colour [3], the rest of the first -> [h,w,3]."""
    return colours[0] + (colours[1] - colours[0]) * share[..., None]


TEXTURES: dict[str, Surface] = {
    "leaves": _leaves,
    "clouds": _clouds,
    "grating": _grating,
    "checker": _checker,
    "bricks": _bricks,
    "cells": _cells,
    "letters": _letters,
    "gradient": _gradient,
}
