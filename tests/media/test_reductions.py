"""MATLAB's reduction against its own definition, weight by weight, and beside Pillow's."""

import numpy as np
import pytest

from lfvideo_sr.media.reductions import REDUCTIONS
from lfvideo_sr.media.resize import to_float, to_uint8


def picture(width: int, height: int) -> np.ndarray:
    return to_float(np.random.default_rng(0).integers(0, 256, (3, height, width), np.uint8))


def imresized(levels: np.ndarray, length: int) -> np.ndarray:
    """One pass over the last axis as imresize documents it: centres in numbers from 1, a cubic widened by the factor,
    mirrored beyond the edges, 8-bit levels after it."""
    count = levels.shape[-1]
    factor = count / length
    mirrored = [*range(count), *reversed(range(count))]
    out = np.empty((*levels.shape[:-1], length))
    for place in range(1, length + 1):
        centre = place * factor + 0.5 * (1 - factor)
        index = np.floor(centre - 2 * factor) + np.arange(np.ceil(4 * factor) + 2)
        x = np.abs((centre - index) / factor)
        near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        weights = np.where(x <= 1, near, np.where(x <= 2, far, 0))
        samples = levels[..., [mirrored[int(number - 1) % (2 * count)] for number in index]]
        out[..., place - 1] = (samples * weights).sum(-1) / weights.sum()
    return np.clip(np.floor(out + 0.5), 0, 255)


@pytest.mark.parametrize("size", [(40, 32), (4, 8), (12, 52)])
def test_matlabs_reduction_is_imresizes(size):
    levels = to_uint8(picture(*size)).astype(float)
    by_rows = imresized(levels.swapaxes(1, 2), size[1] // 4).swapaxes(1, 2)
    made = REDUCTIONS["matlab"](picture(*size), 4)
    assert np.array_equal(np.round(made * 255), imresized(by_rows, size[0] // 4))


def test_the_two_differ_only_near_the_edges_but_for_rounding():
    made, other = (REDUCTIONS[name](picture(80, 64), 4) * 255 for name in ("matlab", "pillow"))
    assert np.abs(made - other)[:, 2:-2, 2:-2].max() < 1.5 and np.abs(made - other).max() > 2
