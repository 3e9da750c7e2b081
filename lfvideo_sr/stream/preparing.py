"""References on their way to the engine: each gets its low-resolution side."""

from dataclasses import replace

from ..media.clock import seconds_of
from ..media.reduction import papers_taps
from ..references import Reference, Side


def with_side(reference: Reference, scale: int) -> Reference:
    """A reference beside the decoded frame of its own moment, where it shows exactly that; else as it is, so that the
    engine takes its reduction."""
    frame = reference.frame
    if frame is None or not reference.aligned or seconds_of(frame) != reference.time:
        return reference
    wanted = frame.size.scaled(scale)
    if (wanted.height, wanted.width) != tuple(reference.load().shape[1:]):
        return reference
    return replace(reference, side=Side(frame.picture, papers_taps()))
