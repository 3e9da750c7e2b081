"""Frames between two references: their fields are corrected by the motion from one reference to the other."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from ..camera.reduction import reduce_by
from ..correspondence import Correspondence, like
from ..frames import Frame, on_host
from ..matching.bracket import Bracket
from ..matching.flow import gray
from ..matching.seed import FlowSeeder
from ..media.clock import seconds_of
from ..media.luma import luma
from ..references.reference import Reference

_NEGLIGIBLE = 0.02  # output pixels squared: an error of a search that is not worth correcting
_ROUNDED = 1 / 255  # root mean square error of a decoded frame at which half of what a search misses may be coding


class Bracketing:
    """Corrects the fields of one stream's frames; it keeps what it knows of the two references used last."""

    def __init__(self, scale: int):
        self._scale = scale
        self._kept: tuple[tuple, Bracket] | None = None

    def __call__(
        self, frame: Frame, references: Sequence[Reference], fields: Sequence[Correspondence]
    ) -> list[Correspondence]:
        """Fields of a frame in its references, as these were prepared; in their order. They stay as they are unless
        two references are around the frame, of its framing, and the decoded frame of its moment is each one's side."""
        share = _share_between(frame, references)
        if share is None or not all(self._fits(frame, *each) for each in zip(references, fields)):
            return list(fields)
        bracket = self._bracket(references, fields[0].stride)
        if bracket.error.max() < _NEGLIGIBLE:
            return list(fields)
        first, second = (on_host(field.positions)[0] for field in fields)
        corrected = bracket.corrected(first, second, float(share))
        return [
            replace(field, positions=like(positions[None], field.positions))
            for field, positions in zip(fields, corrected)
        ]

    def _fits(self, frame: Frame, reference: Reference, field: Correspondence) -> bool:
        side, shown = reference.side, reference.frame
        decoded = side is not None and shown is not None and side.low is shown.picture
        large = frame.size.scaled(self._scale)
        on_grid = tuple(field.positions.shape[:3]) == (1, large.height // field.stride, large.width // field.stride)
        return decoded and not reference.generated and field.reference_size == large and on_grid

    def _bracket(self, references: Sequence[Reference], stride: int) -> Bracket:
        key = (stride, *(reference.key for reference in references))
        if self._kept is None or self._kept[0] != key:
            seeder = FlowSeeder(self._scale, stride)
            sharp = tuple(_reduced_luma(on_host(reference.load()), stride) for reference in references)
            low = tuple(seeder.prepare(on_host(reference.side.low)) for reference in references)  # type: ignore[union-attr]
            coded = min(_coded(reference) for reference in references)
            self._kept = key, Bracket.of(seeder, sharp, low, coded)  # type: ignore[arg-type]
        return self._kept[1]


def _coded(reference: Reference) -> float:
    """How much of what a search misses may be an encoder's doing, in [0,1): next to nothing where the decoded frame is
    what the camera makes of the reference."""
    side = reference.side
    assert side is not None, "references without one are not bracketed"
    error = luma(reduce_by(side.taps, on_host(reference.load())) - on_host(side.low))
    squared = float((error * error).mean())
    return squared / (squared + _ROUNDED**2)


def _share_between(frame: Frame, references: Sequence[Reference]) -> Fraction | None:
    """How much of the time from the first of two references to the second has passed; None unless some has, and some
    is left."""
    if len(references) != 2 or any(reference.frame is None for reference in references):
        return None
    start, end = (seconds_of(reference.frame) for reference in references)  # type: ignore[arg-type]
    share = (seconds_of(frame) - start) / (end - start) if start < end else Fraction(0)
    return share if 0 < share < 1 else None


def _reduced_luma(picture: np.ndarray, stride: int) -> np.ndarray:
    """Of a reference [3,H,W] on a field's grid, uint8 [H/stride,W/stride]."""
    height, width = (side // stride for side in picture.shape[1:])
    return cv2.resize(gray(picture), (width, height), interpolation=cv2.INTER_AREA)
