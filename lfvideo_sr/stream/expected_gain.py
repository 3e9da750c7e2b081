"""What a frame is expected to gain by references that have some of its detail: a model, calibrated on clips."""

import numpy as np

# Fitted to stream_ref on training clips, as benchmarks/suggest_calibration.py does it. Errors are mean squares of 255.
_MISSED, _STEEPNESS = 0.0787, 1.389  # enlargement misses _MISSED * texture ** _STEEPNESS
_RESTORED, _CURVE = 0.995, 0.606  # of detail of which a share s can be had, _RESTORED * s ** _CURVE is restored
_FLOOR = 1.58  # what is always left
# What the low-resolution frames have lost by coding, b bits per pixel: _CODED * texture ** _BUSY / b ** _SPENT.
_CODED, _BUSY, _SPENT = 0.31, 0.75, 0.781
_HARM, _HARM_CURVE = 0.06, 1.416  # it leaves _HARM * lost ** _HARM_CURVE * sqrt(missed), whatever references have


def expected_gain(detail: np.ndarray, shares: np.ndarray, bits_per_pixel: float) -> np.ndarray:
    """Frames' gain of PSNR, dB [n].

    detail: energies of the finest texture, float [n,b], mean square of 255 in each of b blocks.
    shares: of that, which references have: uint8 [n,b], of 255.
    bits_per_pixel: that the low-resolution frames are coded with; inf: nothing was lost.
    """
    texture = detail.mean(1)
    missed = _MISSED * np.power(texture, _STEEPNESS)
    had = (detail * shares).sum(1) / (255 * np.maximum(detail.sum(1), 1e-9))
    lost = _CODED * np.power(texture, _BUSY) * max(bits_per_pixel, 1e-3) ** -_SPENT
    always = _FLOOR + _HARM * np.power(lost, _HARM_CURVE) * np.sqrt(missed)
    left = missed * (1 - _RESTORED * np.power(had, _CURVE))
    return 10 * np.log10((missed + always) / (left + always))
