"""The reduction kernel that second moments of places of a sharp picture and its low-resolution frame tell.

From them the misfit of any kernel follows at once: known kernels are compared at every phase, and free taps are found
along y and x in turn, held to the best known kernel where the data tell little.

A frame that went through an encoder has lost detail, and least squares would call that a blurrier kernel. But what a
decoder gives is close to the mean of all frames that it may have been: its error is uncorrelated with the *decoded*
frame rather than with the picture. So the kernel is asked to leave nothing that the decoded pixels about a place could
tell (instrumental variables), with a little of least squares to balance what encoders lose beyond that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .kernels import SHAPES, SIGMAS, TAPS, taps_of

PHASES = np.linspace(-1, 1, 81)  # low-resolution pixels
_LEAST_SQUARES = 0.05  # share of least squares; found on training clips at crf 28
_PREFERRED = 1.15  # a plain kernel is taken that leaves at most so many times what the best one leaves
_ROUNDS = 3
_RIDGE = 1e-4
_STIFFNESS = 1e7  # times the square of the noise, since what an encoder does is no noise that averages out


@dataclass(frozen=True, eq=False)
class Moments:
    """Second moments of places, about their means: of the 24x24 output pixels round each, [576,576]; of these with the
    low-resolution pixel, [576]; of that pixel."""

    pixels: np.ndarray
    cross: np.ndarray
    frame: float

    def along(self, other: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """What is left for the taps of one axis (0: y) where those of the other are known: [24,24] and [24]."""
        pixels, cross = self.pixels.reshape([TAPS] * 4), self.cross.reshape(TAPS, TAPS)
        if axis == 0:
            return np.tensordot(np.tensordot(pixels, other, (3, 0)), other, (1, 0)), cross @ other
        return np.tensordot(np.tensordot(pixels, other, (2, 0)), other, (0, 0)), cross.T @ other


def least_squares(places: np.ndarray, values: np.ndarray, weights: np.ndarray) -> Moments:
    """Per unit of weight: of output pixels [n,576] with low-resolution pixels [n]."""
    share = weights / weights.sum()
    places, values = places - share @ places, values - share @ values
    weighted = places * share[:, None]
    return Moments(weighted.T @ places, weighted.T @ values, float(share @ values**2))


def instrumented(places: np.ndarray, values: np.ndarray, around: np.ndarray, weights: np.ndarray) -> Moments:
    """The same of what the frame's own pixels about each place, [n,m], tell of both."""
    share = weights / weights.sum()
    places, values, around = places - share @ places, values - share @ values, around - share @ around
    weighted = around * share[:, None]
    normal = (weighted.T @ around).astype(np.float64)
    normal += _RIDGE * np.trace(normal) / len(normal) * np.eye(len(normal))
    pixels, frame = (weighted.T @ places).astype(np.float64), (weighted.T @ values).astype(np.float64)
    solved = np.linalg.solve(normal, pixels)
    variance = float(frame @ np.linalg.solve(normal, frame))
    return Moments((pixels.T @ solved).astype(np.float32), (solved.T @ frame).astype(np.float32), variance)


def combined(many: Sequence[Moments], shares: Sequence[float]) -> Moments:
    """One, each weighed by its share."""
    return Moments(
        sum(np.float32(share) * moments.pixels for share, moments in zip(shares, many)),  # type: ignore[arg-type]
        sum(np.float32(share) * moments.cross for share, moments in zip(shares, many)),  # type: ignore[arg-type]
        float(sum(share * moments.frame for share, moments in zip(shares, many))),
    )


def unexplained(moments: Moments, pixels: np.ndarray, cross: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Share of the frame's variation that taps [...,24] along one axis leave, whatever the gain."""
    explained = np.clip(taps @ cross, 0, None) ** 2 / np.maximum(((taps @ pixels) * taps).sum(-1), 1e-12)
    return 1 - explained / moments.frame


@dataclass(frozen=True)
class Known:
    """A known kernel: its name, its phases along y and x, and the share of the frame's variation that it leaves."""

    name: str
    phases: tuple[float, float]
    left: float

    def taps(self) -> np.ndarray:
        """Float64 [2,24]."""
        return np.stack([taps_of(self.name, phase) for phase in self.phases])


def at_best_phase(moments: Moments, name: str, start: tuple[float, float] = (0.0, 0.0), rounds: int = 3) -> Known:
    """A known kernel at the phases that leave least, searched along y and x in turn."""
    table = taps_of(name, PHASES)
    now, left = list(start), 1.0
    for axis in [0, 1] * rounds:
        shares = unexplained(moments, *moments.along(taps_of(name, now[1 - axis]), axis), table)
        at = int(shares.argmin())
        now[axis], left = _between(shares, at), float(shares[at])
    return Known(name, (now[0], now[1]), left)


def _between(shares: np.ndarray, at: int) -> float:
    """The phase at the lowest point of the parabola through a least share and its neighbours."""
    if not 0 < at < len(shares) - 1:
        return float(PHASES[at])
    before, here, after = shares[at - 1 : at + 2]
    bend = before - 2 * here + after
    step = 0.0 if bend <= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
    return float(PHASES[at] + step * (PHASES[1] - PHASES[0]))


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of a stream's kernel: moments by least squares and by instruments."""

    plain: Moments
    instrumented: Moments

    def kernel(self) -> np.ndarray:
        """Taps, float64 [2,24]."""
        known, noise = self._known()
        bending = np.diff(np.eye(TAPS), 2, axis=0)
        firmness = (np.eye(TAPS) + 4 * bending.T @ bending) * self.plain.frame
        return alternating(self.plain, known.taps(), _STIFFNESS * noise**2 * firmness)[0]

    def _known(self) -> tuple[Known, float]:
        """The known kernel that fits best, plain ones preferred, and the noise: the share that even free taps leave."""
        both = combined([self.instrumented, self.plain], [1 - _LEAST_SQUARES, _LEAST_SQUARES])
        start = at_best_phase(both, "bicubic")
        shapes = [at_best_phase(both, name, start.phases, rounds=1) for name in SHAPES]
        best = min([*shapes, _best_gauss(both, start.phases)], key=lambda known: known.left)
        noise = max(alternating(self.plain, best.taps(), 1e-6 * self.plain.frame * np.eye(TAPS))[1], 1e-7)
        floor = _LEAST_SQUARES * noise * self.plain.frame / both.frame
        near = [shape for shape in shapes if shape.left - floor < _PREFERRED * max(best.left - floor, 1e-6)]
        if not near:
            return best, noise
        return near[0] if near[0].name == "bicubic" else min(near, key=lambda known: known.left), noise


def _best_gauss(moments: Moments, phases: tuple[float, float]) -> Known:
    """Over SIGMAS: every fourth, then those about the best of them."""
    tried: dict[int, Known] = {}
    for step, reach in ((4, len(SIGMAS)), (1, 3)):
        best = min(tried, key=lambda k: tried[k].left) if tried else 0
        for k in range(max(0, best - reach), min(len(SIGMAS), best + reach + 1), step):
            if k not in tried:
                tried[k] = at_best_phase(moments, f"gauss {SIGMAS[k]:g}", phases, rounds=1)
    return min(tried.values(), key=lambda known: known.left)


def alternating(moments: Moments, start: np.ndarray, hold: np.ndarray) -> tuple[np.ndarray, float]:
    """Taps [2,24] that fit best while `hold` [24,24] holds them to `start`, and the share that they leave."""
    taps, left = start.copy(), 1.0
    for axis in [0, 1] * _ROUNDS:
        pixels, cross = moments.along(taps[1 - axis], axis)
        gain = float(taps[axis] @ cross) / max(float(taps[axis] @ pixels @ taps[axis]), 1e-12)
        new = np.linalg.solve(pixels + hold, cross / gain + hold @ start[axis])
        taps[axis] = new / new.sum()
        left = float(unexplained(moments, pixels, cross, taps[axis]))
    return taps, left
