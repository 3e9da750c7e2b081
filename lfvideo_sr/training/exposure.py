"""Another exposure of a picture, as two photos of one place have."""

import numpy as np


def random_exposure(rng: np.random.Generator) -> np.ndarray:
    """A look-up table, uint8 [256], for `picture = table[picture]`."""
    return exposure(*rng.uniform([0.8, -0.05, 0.85], [1.2, 0.05, 1.15]))


def exposure(gain: float, offset: float, gamma: float) -> np.ndarray:
    """gain * value ** gamma + offset of values in [0,1], as such a table."""
    levels = np.linspace(0, 1, 256) ** gamma * gain + offset
    return np.round(np.clip(levels, 0, 1) * 255).astype(np.uint8)
