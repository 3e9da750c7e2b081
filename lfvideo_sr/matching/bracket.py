"""Fields of a compressed frame, corrected by what the two sharp references around it show.

An encoder leaves what it spends no bits on where it was, or takes it along with its surroundings. A field found on
decoded frames therefore errs by a pixel or more, in patches of some ten low-resolution pixels, however well it is
searched for. Between two references more is known: their own pixels give the motion from one to the other without that
error, edges of things and parallax included, and the same search on the decoded frames of their moments shows how large
the error is. So a frame's two fields are explained as a share of that motion, sped up or slowed down, and a drift, both
of which change slowly over the picture and are fitted to what was found. A field is replaced by its explanation as far
as the error of the search accounts for what is left (Wiener's weight): on clean frames it stays as it is.

Displacements are in output pixels; fields have one place every `stride` output pixels. What is averaged over the
picture is averaged on cells of 16 output pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .seed import FlowSeeder, in_pixels, on_grid, pixel_grid

_CELL = 16  # output pixels along a side
_REACH = 10.0  # cells: standard deviation of the window in which motion is fitted
_NEAR = 5.0  # cells: the same, of the window in which errors are averaged
_APART = 2.0  # output pixels by which the two fields may disagree, where they are trusted by 1/e
_STILL = 4.0  # output pixels squared: motion that varies by less says nothing of its speed
_FASTER = 0.5  # of the motion between the references, by which a place may be ahead or behind
_OUTLIER = 9.0  # times the median squared error: what is beyond it is an occlusion, no error of the search
_STEPS = 3  # of the inversion of a field
_SPARSE = 4  # output pixels between places that are averaged


@dataclass(frozen=True, eq=False)
class Bracket:
    """What two references show of the motion between their moments.

    forth, back: float32 [h,w,2], displacements from the first to the second, and from the second to the first.
    error:       float32 [h',w'] on cells, mean squared error of a field that is searched for on the decoded frames.
    """

    stride: int
    forth: np.ndarray
    back: np.ndarray
    error: np.ndarray

    @classmethod
    def of(
        cls, seeder: FlowSeeder, sharp: tuple[np.ndarray, np.ndarray], low: tuple[np.ndarray, np.ndarray], coded: float
    ) -> "Bracket":
        """Of two references uint8 [h,w], luma reduced to the field's grid, and the decoded frames of their moments, as
        the seeder prepares them, of the same size. coded: how much of what the search misses there an encoder may have
        caused, in [0,1]."""
        first, second = sharp
        grid = _places(first.shape, seeder.stride)
        there = seeder(first, second, None)
        missed = ((seeder(*low, there) - there) ** 2).sum(-1)
        capped = np.minimum(missed, _OUTLIER * np.median(missed))
        cells = tuple(max(1, round(side * seeder.stride / _CELL)) for side in first.shape[::-1])
        error = np.float32(coded) * _blurred(_resized(capped, cells, cv2.INTER_AREA), _NEAR)
        return cls(seeder.stride, there - grid, seeder(second, first, None) - grid, error)

    def corrected(self, first: np.ndarray, second: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Positions float32 [h,w,2] of a frame in the first and in the second reference, as they were found -> the
        same corrected. share: of the time from the first to the second that has passed, in (0,1)."""
        grid = _places(first.shape, self.stride)
        even = self._part_of(self.forth, share, grid), self._part_of(self.back, 1 - share, grid)
        drifts = [found - grid - expected for found, expected in zip((first, second), even)]
        drift, motion = (drifts[0] + drifts[1]) / 2, even[1] - even[0]
        sparse = (slice(None, None, max(1, _SPARSE // self.stride)),) * 2  # enough for means over cells
        apart = ((drifts[0][sparse] - drifts[1][sparse]) ** 2).sum(-1)
        weight = np.exp(-apart / _APART**2) + np.float32(1e-4)
        ahead, rest = self._fitted(drift[sparse], motion[sparse], weight)
        fitted = _on_places(ahead, drift.shape)[..., None] * motion + _on_places(rest, drift.shape)
        left = ((drift[sparse] - fitted[sparse]) ** 2).sum(-1)
        unexplained = self._averaged(left[..., None], weight, _NEAR)[..., 0] + np.float32(1e-6)
        agreed = np.exp(-self._on_cells(apart) / _APART**2)
        first, second = (
            found + self._weight(gap, unexplained, agreed, found.shape) * (fitted - mine)
            for found, mine, gap in zip((first, second), drifts, (share, 1 - share))
        )
        return first, second

    def _part_of(self, motion: np.ndarray, share: float, grid: np.ndarray) -> np.ndarray:
        """Where a share of a reference's motion has taken its places, seen from where they are: the displacement d
        with d(x) = -share * motion(x + d(x))."""
        moved = -share * motion
        for _ in range(_STEPS):
            at, nearest = on_grid(grid + moved, self.stride), cv2.BORDER_REPLICATE
            there = cv2.remap(motion, at, None, cv2.INTER_LINEAR, borderMode=nearest)  # type: ignore[call-overload]
            moved = -share * there
        return moved

    def _fitted(self, drift: np.ndarray, motion: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The drift as a slowly varying share of the motion between the references [h',w'] and a slowly varying rest
        [h',w',2], on cells: weighted least squares in a window around each."""
        along, square = (drift * motion).sum(-1), (motion * motion).sum(-1)
        means = self._averaged(np.dstack([drift, motion, along, square]), weight, _REACH)
        mean_drift, mean_motion = means[..., :2], means[..., 2:4]
        varies = means[..., 5] - (mean_motion**2).sum(-1)
        together = means[..., 4] - (mean_drift * mean_motion).sum(-1)
        ahead = _blurred(np.clip(together / (varies + _STILL), -_FASTER, _FASTER), _REACH)
        return ahead, mean_drift - ahead[..., None] * mean_motion

    def _weight(self, gap: float, unexplained: np.ndarray, agreed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """How far the explanation replaces what was found, [h,w,1] in [0,1]: Wiener's weight from the mean squares of
        the search's error, which grows with the `gap` in time, and of what the explanation leaves."""
        return _on_places(np.minimum(1, gap * self.error / unexplained) * agreed, shape)[..., None]

    def _averaged(self, parts: np.ndarray, weight: np.ndarray, reach: float) -> np.ndarray:
        """Weighted means around each cell: [h,w,C] -> [h',w',C]."""
        total = _blurred(self._on_cells(weight), reach)[..., None]
        return _blurred(self._on_cells(parts * weight[..., None]), reach) / total

    def _on_cells(self, values: np.ndarray) -> np.ndarray:
        """Means over the cells of `error`: [h,w] or [h,w,C] -> [h',w'] or [h',w',C]."""
        return _resized(values, self.error.shape[::-1], cv2.INTER_AREA)


def _places(shape: tuple[int, ...], stride: int) -> np.ndarray:
    """(x, y) of a field's places in output pixels, float32 [h,w,2]."""
    return in_pixels(pixel_grid(*shape[:2]), stride)


def _on_places(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """From cells to the places of a field of this shape."""
    return _resized(values, (shape[1], shape[0]), cv2.INTER_LINEAR)


def _resized(values: np.ndarray, size: tuple[int, ...], way: int) -> np.ndarray:
    """Plane by plane: OpenCV resizes no more than four together."""
    if values.ndim == 2:
        return cv2.resize(values, size, interpolation=way)
    return np.dstack([cv2.resize(plane, size, interpolation=way) for plane in np.moveaxis(values, -1, 0)])


def _blurred(values: np.ndarray, reach: float) -> np.ndarray:
    return cv2.GaussianBlur(values, (0, 0), reach).reshape(values.shape)  # OpenCV drops a last axis of one
