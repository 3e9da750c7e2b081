"""What became of the stills that were given: how many served a frame, and why the others did not."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..media.part import Part
from ..references.still_references import StillReferences
from .pipeline import ReferenceUse

USED = "used"
_ELSEWHERE = "shows something else than the frames around it"
_NO_DETAIL = "has no detail that the frames lack"
_THINNED = "is left out by --ref-every"
_NOT_NEEDED = "was not needed: nearer ones served every frame"
_NO_FRAMES = "belongs to no frame that was restored"


@dataclass(frozen=True)
class StillUse:
    """One picture of those given.

    time:    seconds since the clip's first frame, and what it was taken from; None where it has none.
    outcome: USED, or why it was not, to be read after its name.
    at_frame: whether its time is exactly that of a frame, so that its own pixels may replace that frame's.
    """

    path: Path
    outcome: str
    time: float | None = None
    by: str | None = None
    sure: float | None = None
    at_frame: bool = False

    def reported(self) -> dict[str, Any]:
        """For the report."""
        report: dict[str, Any] = {
            "source": str(self.path), "used": self.outcome == USED, "outcome": self.outcome, "at_frame": self.at_frame
        }  # fmt: skip
        if self.time is not None:
            report |= {"time": round(self.time, 4), "by": self.by}
        if self.sure is not None:
            report["sure"] = round(self.sure, 3)
        return report


def still_uses(
    source: StillReferences, uses: Mapping[tuple, ReferenceUse], frames: int, thinned: bool, part: Part | None = None
) -> list[StillUse]:
    """What became of every picture given, after a run.

    uses:    by the keys of references, of those that were matched or passed on.
    frames:  up to which frame of the clip was restored.
    thinned: the user asked for a cadence.
    part:    of the clip that was restored.
    """
    by_origin = {use.origin: use for use in uses.values()}
    rows = []
    for still in source.stills:
        seconds = source.seconds_of(still)
        use = by_origin.get(str(still.path))
        if use is not None:
            outcome = USED if use.frames_served else _ELSEWHERE if use.adds_detail else _NO_DETAIL
        elif not source.is_within(still, frames) or (part is not None and still.time < part.start):
            outcome = _NO_FRAMES
        else:
            outcome = _THINNED if thinned else _NOT_NEEDED
        rows.append(StillUse(still.path, outcome, seconds, still.by, still.sure, source.is_at_frame(still)))
    return rows + [StillUse(path, why) for path, why in source.left_out.items()]


def shown_uses(uses: Iterable[StillUse]) -> str:
    """One line: "4 of 5 stills used, 3 at a frame; IMG_2.jpg fits nowhere in the clip"; those that share a reason are
    counted."""
    uses = list(uses)
    used = [use for use in uses if use.outcome == USED]
    line = f"{len(used)} of {len(uses)} still{'s' * (len(uses) > 1)} used"
    if used:
        line += f", {sum(use.at_frame for use in used)} at a frame"
    reasons = Counter(use.outcome for use in uses if use.outcome != USED)
    for reason, count in reasons.items():
        name = next(use.path.name for use in uses if use.outcome == reason)
        line += f"; {name}{f' and {count - 1} more: each' if count > 1 else ''} {reason}"
    return line
