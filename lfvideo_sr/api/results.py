"""What a stream gives for each frame: the picture, and which references it was made with."""

from dataclasses import dataclass, replace
from fractions import Fraction

from ..correspondence import Correspondence
from ..frames import Frame, on_host
from ..stream.pipeline import Restored


@dataclass(frozen=True, eq=False)
class UsedReference:
    """A reference that served a frame.

    origin:    the file, or what else the report calls it.
    time:      seconds on the stream's clock; of a light field its frame.
    relevance: mean over the frame, 0 to 1; None where the frame is the reference's own picture, which is not matched.
    correspondence: where each place of the frame was found in the reference, as NumPy arrays; None likewise.
    """

    origin: str
    time: Fraction
    relevance: float | None = None
    correspondence: Correspondence | None = None


@dataclass(frozen=True, eq=False)
class RestoredFrame:
    """A frame x4, on the host.

    frame:      the result: pixels float32 [3,4h,4w] RGB in [0,1]; its stamp is a time, or a light field's view.
    low:        the low-resolution frame.
    references: those that served it; one that shows something else is not among them.
    passed:     the pixels are those of a reference that stands at this very moment.
    """

    frame: Frame
    low: Frame
    references: tuple[UsedReference, ...]
    passed: bool


def on_the_host(restored: Restored) -> RestoredFrame:
    """What the pipeline gives, with everything that is on a device brought to the host."""
    unmatched = (None,) * len(restored.references)
    matched = zip(
        restored.references, restored.relevances or unmatched, restored.correspondences or unmatched, strict=True
    )
    used = tuple(
        UsedReference(reference.origin, reference.time, relevance, _held(field))
        for reference, relevance, field in matched
    )
    return RestoredFrame(restored.frame.fetched(), restored.source, used, restored.passed)


def _held(field: Correspondence | None) -> Correspondence | None:
    if field is None:
        return None
    return replace(field, positions=on_host(field.positions), relevance=on_host(field.relevance))
