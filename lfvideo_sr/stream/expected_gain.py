"""What a frame is expected to gain by references that have some of its detail: a model, calibrated on clips."""

import numpy as np

# Fitted to measured frames to stream_ref by benchmarks/suggest_calibration.py, on training clips.
_MISSED, _STEEPNESS = 0.055, 1.456  # enlargement misses _MISSED * texture ** _STEEPNESS, mean square of 255
_RESTORED, _CURVE = 0.995, 0.64  # of detail of which a share s can be had, _RESTORED * s ** _CURVE is restored
_FLOOR = 1.4  # mean square of 255 that is always left: below it nothing is seen


def expected_gain(detail: np.ndarray, shares: np.ndarray, floor: float = _FLOOR) -> np.ndarray:
    """Frames' gain of PSNR, dB [n]: energies of the finest texture float [n,b] (mean square of 255), and the shares of
    them that references have, uint8 [n,b], of 255."""
    texture = detail.mean(1)
    missed = _MISSED * np.power(texture, _STEEPNESS)
    had = (detail * shares).sum(1) / (255 * np.maximum(detail.sum(1), 1e-9))
    left = missed * (1 - _RESTORED * np.power(had, _CURVE))
    return 10 * np.log10((missed + floor) / (left + floor))
