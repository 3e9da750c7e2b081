"""Where in the reference each place of the frame is found, and how far to trust it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ShapeError
from .frames import Size


@dataclass(frozen=True, eq=False)
class Correspondence:
    """A field of matches. NumPy arrays or torch tensors; the engine that made them owns them.

    positions: float32 [B,h,w,2], (x, y) in pixels *of the reference picture*, 0 at the centre of its first pixel.
    relevance: [B,h,w] in [0,1]: how likely the reference's detail is right there.
    stride:    output pixels between two neighbouring places of the field; place (j, i) stands for the output
               position (stride * i + (stride - 1) / 2, stride * j + (stride - 1) / 2).
    reference_size: size of the picture that `positions` point into.
    """

    positions: Any
    relevance: Any
    stride: int
    reference_size: Size

    def __post_init__(self) -> None:
        if self.positions.ndim != 4 or self.positions.shape[-1] != 2 or "float32" not in str(self.positions.dtype):
            raise ShapeError(
                f"positions are {self.positions.dtype} {list(self.positions.shape)}; float32 [B,h,w,2] is wanted "
                "(half precision cannot hold a coordinate beyond 2048)"
            )
        if tuple(self.relevance.shape) != tuple(self.positions.shape[:3]):
            raise ShapeError(f"relevance {list(self.relevance.shape)} does not fit {list(self.positions.shape)}")


def like(values: np.ndarray, other: Any) -> Any:
    """An array as what `other` is: an array, or a tensor of its device and type."""
    return values if isinstance(other, np.ndarray) else other.new_tensor(values)
