"""The camera model of a stream: how a sharp picture becomes the stream's low-resolution frame."""

from dataclasses import dataclass, field

import numpy as np

from ..errors import ShapeError
from .kernels import SCALE, TAPS, nearest, taps_of
from .reduction import reduce_by

_KNOWN = 0.12  # taps that are further from every known kernel, as a share of their length, are called unknown
_STEP = 1 / 255


def _unchanged() -> np.ndarray:
    return np.eye(3, 4, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class CameraModel:
    """A separable reduction by four, then a change of colours.

    taps:    float32 [2,24], along y and along x; tap k of low-resolution pixel i weighs output pixel
             4*i + 1.5 + (k - 11.5), so that shape and phase are both in the taps. Each row sums to 1.
    colours: float32 [3,4]: the frame's RGB is colours[:, :3] @ RGB + colours[:, 3], in the stream's signal domain.
    """

    taps: np.ndarray
    colours: np.ndarray = field(default_factory=_unchanged)

    def __post_init__(self) -> None:
        if self.taps.shape != (2, TAPS) or self.colours.shape != (3, 4):
            raise ShapeError(
                f"camera taps {self.taps.shape} and colours {self.colours.shape}; [2,{TAPS}] and [3,4] are wanted"
            )

    @classmethod
    def papers(cls) -> "CameraModel":
        """The papers' reduction: antialiased bicubic (Keys, a = -0.5), centred, colours unchanged."""
        return cls.named("bicubic")

    @classmethod
    def named(cls, name: str, phase: float = 0.0) -> "CameraModel":
        """A known kernel (`kernels.NAMES`) with one phase, in low-resolution pixels, on both axes."""
        return cls(np.stack([taps_of(name, phase)] * 2).astype(np.float32))

    def reduce(self, picture: np.ndarray) -> np.ndarray:
        """Picture [3,4h,4w] in [0,1] -> the frame the camera would give, float32 [3,h,w], not rounded or clipped."""
        reduced = self.reduce_planes(picture)
        if np.array_equal(self.colours, _unchanged()):
            return reduced
        return np.tensordot(self.colours[:, :3], reduced, 1) + self.colours[:, 3, None, None]

    def reduce_planes(self, planes: np.ndarray) -> np.ndarray:
        """The reduction alone, of any number of planes [C,4h,4w] -> float32 [C,h,w]; colours stay the picture's."""
        height, width = planes.shape[-2:]
        if planes.ndim != 3 or height % SCALE or width % SCALE or not height or not width:
            raise ShapeError(f"a picture {planes.shape}; [C,4h,4w] is wanted: crop its sides to multiples of {SCALE}")
        return reduce_by(self.taps, planes)

    @property
    def phase(self) -> tuple[float, float]:
        """How far the kernel's centre of mass is beyond the pixel's centre, (y, x) in low-resolution pixels."""
        from_centre = (np.arange(TAPS) - (TAPS - 1) / 2) / SCALE
        down, across = self.taps @ from_centre
        return float(down), float(across)

    def __str__(self) -> str:
        """For reports, such as "area, phase 0.0, gain 0.87"."""
        (down, phase_y, off_y), (across, phase_x, off_x) = nearest(self.taps[0]), nearest(self.taps[1])
        kernel = _sigma_named(down)
        if _family(down) != _family(across) or max(off_y, off_x) > _KNOWN:
            kernel, (phase_y, phase_x) = "unknown kernel", self.phase
        return ", ".join(part for part in (kernel, _phase_text(phase_x, phase_y), self._colour_text()) if part)

    def _colour_text(self) -> str:
        linear, offset = self.colours[:, :3], self.colours[:, 3]
        gains = np.diag(linear)
        grey = linear.sum(1) * 0.5 + offset - 0.5  # what becomes of middle grey
        if max(np.abs(linear - np.eye(3)).max(), np.abs(grey).max()) < _STEP:
            return ""
        if np.abs(linear - np.diag(gains)).max() > 0.02:
            return "colours mixed"
        alike = np.ptp(gains) < 0.01
        text = f"gain {gains.mean():.2f}" if alike else "gains " + " ".join(f"{gain:.2f}" for gain in gains)
        return text if np.abs(offset).max() < _STEP else f"{text}, offset {255 * offset.mean():+.0f} of 255"


def _family(name: str) -> str:
    return name.split()[0]


def _sigma_named(name: str) -> str:
    return name.replace("gauss ", "gauss sigma ")


def _phase_text(across: float, down: float) -> str:
    if abs(across - down) < 0.05:
        return f"phase {(across + down) / 2 + 0.0:.1f}"
    return f"phase {across:.1f} across, {down:.1f} down"
