"""One picture's colours brought to another's: the plainest change that explains them, found from colours of the same
places in both, robustly against places that show something else."""

from dataclasses import dataclass

import cv2
import numpy as np

DARKEST, BRIGHTEST = 0.02, 0.98  # beyond these a colour may have been clipped and is of little use
_ROUNDS = 6
_LEAST = 24  # colours, below which nothing is fitted
_GAINS = (0.25, 4.0)
_NOTICED = 2 / 255  # a change that is less than this is not made: encoders and rounding do as much


@dataclass(frozen=True, eq=False)
class ColourTransfer:
    """RGB in [0,1] -> RGB: first a gamma, then a matrix and an offset.

    matrix: float32 [3,4]; the new RGB is matrix[:, :3] @ RGB^gamma + matrix[:, 3].
    gamma:  1.0 where brightness changes in proportion.
    """

    matrix: np.ndarray
    gamma: float = 1.0

    @property
    def identity(self) -> bool:
        return self.gamma == 1 and np.array_equal(self.matrix, np.eye(3, 4))

    def of_colours(self, colours: np.ndarray) -> np.ndarray:
        """RGB [n,3] -> [n,3]."""
        powers = colours if self.gamma == 1 else np.clip(colours, 0, None) ** np.float32(self.gamma)
        return powers @ self.matrix[:, :3].T + self.matrix[:, 3]

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Float32 [3,H,W] -> the same in the other colours, within [0,1]; the same array where nothing changes."""
        if self.identity:
            return picture
        powers = picture if self.gamma == 1 else cv2.pow(np.clip(picture, 0, None), self.gamma)
        flat = self.matrix[:, :3].astype(np.float32) @ powers.reshape(3, -1)
        flat += self.matrix[:, 3:].astype(np.float32)
        return np.clip(flat, 0, 1, out=flat).reshape(picture.shape)

    def __str__(self) -> str:
        """For reports: "gain 0.87", "gains 1.10 1.00 0.85", "gamma 1.20", "a colour matrix"; "none"."""
        if self.identity:
            return "none"
        linear, offset = self.matrix[:, :3], self.matrix[:, 3]
        gains = np.diag(linear)
        parts = [f"gamma {self.gamma:.2f}"] if self.gamma != 1 else []
        if np.abs(linear - np.diag(gains)).max() > 1e-6:
            parts.append("a colour matrix")
        elif np.abs(gains - 1).max() > 0.005:
            same = np.ptp(gains) < 1e-6
            parts.append(f"gain {gains[0]:.2f}" if same else "gains " + " ".join(f"{gain:.2f}" for gain in gains))
        if np.abs(offset).max() > 0.002:
            parts.append("offset " + " ".join(f"{255 * value:+.0f}" for value in offset))
        return ", ".join(parts)


IDENTITY = ColourTransfer(np.eye(3, 4, dtype=np.float32))


def fit_colours(source: np.ndarray, target: np.ndarray, margin: float = 0.9) -> ColourTransfer:
    """The plainest change of colours that takes source [n,3] to target [n,3] (RGB in [0,1], same places).

    From plain to free: none, one gain, gain and gamma, a gain and an offset per channel, a matrix. A freer one is taken
    only where it lowers the median difference to `margin` of the plainer one's, and none that nobody would see. Clipped
    colours are left out.
    """
    inside = ((source > DARKEST) & (source < BRIGHTEST) & (target > DARKEST) & (target < BRIGHTEST)).all(1)
    source, target = source[inside].astype(np.float64), target[inside].astype(np.float64)
    if len(source) < _LEAST:
        return IDENTITY
    best, least = IDENTITY, typical_difference(source, target)
    for fit in (_gain, _gain_and_gamma, _per_channel, _mixed):
        transfer = fit(source, target)
        if transfer is None:
            continue
        left = typical_difference(transfer.of_colours(source), target)
        if left < margin * least:
            best, least = transfer, left
    return IDENTITY if typical_difference(best.of_colours(source), source) < _NOTICED else best


def block_colours(picture: np.ndarray, side: int) -> np.ndarray:
    """Mean colours [n,C] of the squares of `side` pixels of a picture [C,H,W], from the top left."""
    rows, columns = picture.shape[1] // side, picture.shape[2] // side
    if not rows or not columns:
        return np.empty((0, len(picture)), np.float32)
    whole = picture[:, : rows * side, : columns * side]
    means = [cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA) for plane in whole]
    return np.stack(means, -1).reshape(-1, len(whole))


def unclipped_blocks(picture: np.ndarray, side: int) -> np.ndarray:
    """Which of these squares hold no clipped pixel, bool [n]: the mean of one that does is useless."""
    clipped = ((picture.max(0) >= BRIGHTEST) | (picture.max(0) <= DARKEST)).astype(np.float32)
    return block_colours(clipped[None], side)[:, 0] == 0


def typical_difference(colours: np.ndarray, others: np.ndarray) -> float:
    """The median over places of the largest difference of a channel."""
    return float(np.median(np.abs(colours - others).max(1))) if len(colours) else 0.0


def robust_fit(columns: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Coefficients [k] or [k,m] for columns [n,k] and wanted [n] or [n,m]; places that do not fit count for nothing in
    the end (Tukey's weights)."""
    weights = np.ones(len(columns))
    for _ in range(_ROUNDS):
        weighted = columns * weights[:, None]
        ridge = 1e-9 * np.trace(weighted.T @ columns) * np.eye(columns.shape[1])
        solution = np.linalg.solve(weighted.T @ columns + ridge, weighted.T @ target)
        off = np.abs(target - columns @ solution).reshape(len(columns), -1).max(1)
        weights = tukey(off)
    return solution


def tukey(off: np.ndarray, floor: float = 1 / 1024) -> np.ndarray:
    """Tukey's weights of misfits, for the spread that their median implies."""
    width = 4.685 * max(1.48 * float(np.median(off)), floor)
    return np.clip(1 - (off / width) ** 2, 0, None) ** 2


def _gain(source: np.ndarray, target: np.ndarray) -> ColourTransfer | None:
    gain = float(robust_fit(source.reshape(-1, 1), target.reshape(-1))[0])
    return _sound(np.diag([gain] * 3), np.zeros(3))


def _gain_and_gamma(source: np.ndarray, target: np.ndarray) -> ColourTransfer | None:
    logarithms = np.log(source.reshape(-1))
    columns = np.stack([logarithms, np.ones_like(logarithms)], 1)
    gamma, log_gain = robust_fit(columns, np.log(target.reshape(-1)))
    if not 0.4 < gamma < 2.5:
        return None
    return _sound(np.diag([np.exp(log_gain)] * 3), np.zeros(3), float(gamma))


def _per_channel(source: np.ndarray, target: np.ndarray) -> ColourTransfer | None:
    """A gain for each channel; with an offset for each only where that helps."""
    gains, offsets = np.empty(3), np.empty(3)
    plain = np.array([robust_fit(source[:, c, None], target[:, c])[0] for c in range(3)])
    for c in range(3):
        gains[c], offsets[c] = robust_fit(np.stack([source[:, c], np.ones(len(source))], 1), target[:, c])
    simple, free = _sound(np.diag(plain), np.zeros(3)), _sound(np.diag(gains), offsets)
    if simple is None or free is None:
        return simple or free
    left = typical_difference(simple.of_colours(source), target), typical_difference(free.of_colours(source), target)
    return free if left[1] < 0.9 * left[0] else simple


def _mixed(source: np.ndarray, target: np.ndarray) -> ColourTransfer | None:
    solution = robust_fit(np.concatenate([source, np.ones((len(source), 1))], 1), target)
    return _sound(solution[:3].T, solution[3])


def _sound(linear: np.ndarray, offset: np.ndarray, gamma: float = 1.0) -> ColourTransfer | None:
    """None for a change that no camera makes: colours thrown away, multiplied or moved beyond measure."""
    if not np.isfinite(linear).all() or not _GAINS[0] < np.diag(linear).min() <= np.diag(linear).max() < _GAINS[1]:
        return None
    if np.abs(linear - np.diag(np.diag(linear))).max() > 1 or np.abs(offset).max() > 0.3:
        return None
    return ColourTransfer(np.concatenate([linear, offset[:, None]], 1).astype(np.float32), gamma)
