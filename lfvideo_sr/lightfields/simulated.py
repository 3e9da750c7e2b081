"""The papers' protocol on a grid: its views are the truth, their reduced versions the input; and the truth itself."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..frames import Frame, Size, View
from ..media.resize import crop_to_multiple, degrade
from .field import FieldInfo, FieldSink, LightField
from .grid import Grid

SCALE = 4


@dataclass(eq=False)
class SimulatedField:
    """Every view of a sharp light field cropped to multiples of 4, then reduced by 8-bit bicubic."""

    sharp: LightField
    info: FieldInfo = field(init=False)

    def __post_init__(self) -> None:
        size = self.sharp.info.size
        if min(size) < SCALE:
            raise InputError(f"{self.sharp.info.name} has views of {size}; at least {SCALE}x{SCALE} is wanted")
        self.info = replace(self.sharp.info, size=Size(size.width // SCALE, size.height // SCALE))

    def read(self, view: View, frame: int = 0) -> np.ndarray:
        return degrade(self.truth(view, frame), SCALE)

    def truth(self, view: View, frame: int = 0) -> np.ndarray:
        """The sharp view, cropped: float32 [3,4h,4w]."""
        return crop_to_multiple(self.sharp.read(view, frame), SCALE)

    def place_in_file(self, view: View) -> tuple[int, int]:
        return self.sharp.place_in_file(view)

    def target(self, path: Path, size: Size, views: Grid, frames: int) -> FieldSink:
        return self.sharp.target(path, size, views, frames)

    def close(self) -> None:
        self.sharp.close()


class GridTruth:
    """The true views of a light field, each read when it is compared.

    size: of the results; a truth up to 3 pixels larger is cropped at the right and bottom, as the degradation does.
    """

    def __init__(self, sharp: LightField, grid: Grid, size: Size):
        sharp_size = sharp.info.size
        if not (0 <= sharp_size.width - size.width < SCALE and 0 <= sharp_size.height - size.height < SCALE):
            raise InputError(
                f"the truth {sharp.info.name} has views of {sharp_size}, the result {size}; give one of that size"
            )
        for view in grid:
            sharp.info.grid.check(view, "the truth: view")
        self._sharp, self._size, self._views = sharp, size, len(grid)

    def of(self, frame: Frame) -> np.ndarray:
        """The true pixels [3,H,W] of a view; its index says which frame of a light-field video it is of."""
        assert isinstance(frame.stamp, View)
        pixels = self._sharp.read(frame.stamp, frame.index // self._views)
        return pixels[:, : self._size.height, : self._size.width]

    def close(self) -> None:
        self._sharp.close()
