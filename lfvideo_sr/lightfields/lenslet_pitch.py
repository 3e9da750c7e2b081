"""How many pixels a lens covers in a picture of a lenslet camera: from lens to lens the picture repeats itself."""

import numpy as np

_LINES = 512  # looked at, along each axis
_LARGEST = 64  # pixels
_TURNS = 6  # lenses that have to be in the picture
_AROUND = 3  # times the largest pitch: differences are seen relative to their mean over this
_CLEAR = 0.15  # of the variance: the least that a pitch explains
_AS_GOOD = 0.9  # of the best: a shorter pitch that explains as much is taken, since multiples explain it as well


def measured_pitch(samples: np.ndarray) -> tuple[int, int] | None:
    """Of a picture [H,W,channel]: pixels of a lens along y and x; None where the picture does not show it."""
    grey = samples.astype(np.float32).mean(-1)
    pitches = _pitch_along_x(grey.T), _pitch_along_x(grey)
    down, across = pitches[0] or pitches[1], pitches[1] or pitches[0]
    return (down, across) if down and across else None


def _pitch_along_x(grey: np.ndarray) -> int | None:
    """Views that lie behind one lens differ less from each other than the last of a lens from the first of the next."""
    lines = grey[:: -(-len(grey) // _LINES)]
    steps = np.abs(np.diff(lines, axis=1)).mean(0)
    largest = min(_LARGEST, len(steps) // _TURNS)
    if largest < 2 or not steps.any():
        return None
    steps = steps / np.maximum(_smoothed(steps, _AROUND * largest), 1e-6)
    explained = {pitch: _explained(steps, pitch) for pitch in range(2, largest + 1)}
    best = max(explained.values())
    if best < _CLEAR:
        return None
    return next(pitch for pitch, share in explained.items() if share >= _AS_GOOD * best)


def _smoothed(values: np.ndarray, width: int) -> np.ndarray:
    """The running mean; at the ends over what there is."""
    width = min(width, len(values))
    window = np.ones(width)
    return np.convolve(values, window, "same") / np.convolve(np.ones_like(values), window, "same")


def _explained(values: np.ndarray, period: int) -> float:
    """The share of the variance that the mean of each phase explains, adjusted for the number of phases (R squared)."""
    count = len(values)
    phases = np.arange(count) % period
    means = np.bincount(phases, values) / np.bincount(phases)
    left, total = float(((values - means[phases]) ** 2).sum()), float(((values - values.mean()) ** 2).sum())
    return 1 - (left / max(count - period, 1)) / max(total / (count - 1), 1e-12)
