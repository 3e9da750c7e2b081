"""Frames between two references: their fields are corrected by the motion from one reference to the other."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from ..camera.reduction import reduce_by
from ..correspondence import Correspondence, like
from ..frames import Frame, on_host
from ..matching.bracket import Bracket
from ..matching.seed import FlowSeeder
from ..media.clock import seconds_of
from ..media.luma import luma
from ..references.reference import Reference

_ROUNDED = 1 / 255  # root mean square error of a decoded frame at which half of what a search misses may be coding
_CLEAN = 0.1  # share of what a search misses, below which the stream is taken for clean
_NEGLIGIBLE = 0.02  # output pixels squared: an error of a search that is not worth correcting


class Bracketing:
    """Corrects the fields of one stream's frames; it keeps what it knows of the two references used last.

    prepared: gives a reference as engines take it, with its side (preparing.py); asked once for each two references.
    """

    def __init__(self, scale: int, prepared: Callable[[Reference], Reference]):
        self._scale, self._prepared = scale, prepared
        self._kept: tuple[tuple, Bracket | None] | None = None

    def __call__(
        self, frame: Frame, references: Sequence[Reference], fields: Sequence[Correspondence]
    ) -> list[Correspondence]:
        """Fields of a frame in its references, in their order. They stay as they are unless two references of its
        framing are around the frame, each with the decoded frame of its moment as its side, and coding has moved
        things."""
        share = _share_between(frame, references)
        if share is None or not all(self._fits(frame, field) for field in fields):
            return list(fields)
        bracket = self._between(references, fields[0].stride)
        if bracket is None:
            return list(fields)
        first, second = (on_host(field.positions)[0] for field in fields)
        corrected = bracket.corrected(first, second, float(share))
        return [
            replace(field, positions=like(positions[None], field.positions))
            for field, positions in zip(fields, corrected)
        ]

    def _fits(self, frame: Frame, field: Correspondence) -> bool:
        """Whether the reference has the frame's framing, and the field is a single one."""
        large = frame.size.scaled(self._scale)
        grid = (1, large.height // field.stride, large.width // field.stride)
        return field.reference_size == large and tuple(field.positions.shape[:3]) == grid

    def _between(self, references: Sequence[Reference], stride: int) -> Bracket | None:
        key = (stride, *(reference.key for reference in references))
        if self._kept is None or self._kept[0] != key:
            self._kept = key, self._bracket([self._prepared(reference) for reference in references], stride)
        return self._kept[1]

    def _bracket(self, references: Sequence[Reference], stride: int) -> Bracket | None:
        """None where the fields between two prepared references are to stay as they are."""
        if not all(_has_decoded_side(reference) for reference in references):
            return None
        coded = min(_coded(reference) for reference in references)
        if coded < _CLEAN:
            return None
        seeder = FlowSeeder(self._scale, stride)
        sharp = tuple(seeder.prepare_large(on_host(reference.load())) for reference in references)
        low = tuple(seeder.prepare(on_host(reference.side.low)) for reference in references)  # type: ignore[union-attr]
        bracket = Bracket.of(seeder, sharp, low, coded)  # type: ignore[arg-type]
        return None if bracket.error.max() < _NEGLIGIBLE else bracket


def _has_decoded_side(reference: Reference) -> bool:
    """Whether a reference holds true detail, and its side is the decoded frame of its moment."""
    return not reference.generated and reference.side is not None and reference.side.decoded


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
