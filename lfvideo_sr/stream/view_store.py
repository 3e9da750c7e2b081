"""The views of a light field that are done, safe on the disk, so that a run can go on where it was stopped.

Views depend on those before them: they take detail from their neighbours, and in a light-field video matches are
followed from frame to frame. So what counts as done is the views up to the first one that is missing or damaged.
"""

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from ..media.partial import partial_of, put_in_place
from .journal import Journal
from .pipeline import ReferenceUse
from .segmented_sink import Uses, recorded_uses, uses_of

ENDING = ".npz"
SAMPLE_BYTES = 4 * 3 + 2  # of a pixel that is kept: RGB in float32, and a luma of 16 bits


@dataclass(frozen=True)
class ViewCounts:
    """guided, searched: matches that were predicted, and that took a search. agreed: views that took something from
    their neighbours in the epipolar planes. fused, alone: views that took from all others, and that could not."""

    guided: int = 0
    searched: int = 0
    agreed: int = 0
    fused: int = 0
    alone: int = 0

    def __add__(self, other: "ViewCounts") -> "ViewCounts":
        return ViewCounts(*(count + more for count, more in zip(astuple(self), astuple(other))))

    def __sub__(self, other: "ViewCounts") -> "ViewCounts":
        return ViewCounts(*(count - less for count, less in zip(astuple(self), astuple(other))))


@dataclass(frozen=True, eq=False)
class StoredView:
    """A view as it came out.

    pixels: float32 [3,H,W] RGB in [0,1].
    luma:   uint16 [H,W], what later views take from this one; None where they take nothing.
    counts: up to this view.
    """

    pixels: np.ndarray
    luma: np.ndarray | None
    counts: ViewCounts


class ViewStore:
    """Views by their number in the order of the run, recorded by a journal.

    done:   how many there were at the start, from the first one on.
    warning: why nothing is kept any more; "" as long as views are kept.
    """

    def __init__(self, journal: Journal):
        self._journal, self.warning = journal, ""
        self.done = next(number for number in range(len(journal.done) + 1) if number not in journal.done)

    def add(self, number: int, view: StoredView, uses: Uses) -> None:
        """Keep a view. Where there is no room for it, all are given up, so that the output has the room."""
        if self.warning:
            return
        path = self._journal.path(number)
        unfinished = partial_of(path)
        arrays: dict[str, Any] = {"pixels": view.pixels, "counts": np.array(astuple(view.counts))}
        if view.luma is not None:
            arrays["luma"] = view.luma
        try:
            with unfinished.open("wb") as file:
                np.savez(file, **arrays)
            put_in_place(unfinished, path)
            self._journal.add(number, number, [(number, 1)], recorded_uses(uses))
        except OSError as error:
            self._journal.forget()
            self.warning = f"views are not kept for a run that goes on later ({error.strerror}): {path.parent}"

    def __getitem__(self, number: int) -> StoredView:
        """One that was done at the start."""
        with np.load(self._journal.path(number)) as arrays:
            counts = ViewCounts(*(int(count) for count in arrays["counts"]))
            return StoredView(arrays["pixels"], arrays.get("luma"), counts)

    def uses(self, number: int) -> dict[tuple, ReferenceUse]:
        """What references served in a view that was done at the start."""
        return uses_of(self._journal.done[number].uses)
