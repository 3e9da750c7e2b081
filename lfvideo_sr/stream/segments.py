"""Where a run is cut: pieces that are restored and encoded apart, so that a run can go on where it was stopped.

At the start of a segment nothing is remembered of the frames before it but what their references say of the camera
(preparing.py). So a segment's pictures depend on the input alone, whether it is restored in one go with the others,
after a crash, or by another machine.
"""

from dataclasses import dataclass

from .pairing import Paired

MEMORY = 64  # frames: no picture depends on more of those before it
LEAST = 32  # frames of a segment, but for the last


@dataclass(frozen=True)
class SegmentSelection:
    """The segments of a stream that are restored, by number: all but those that are `done`, or only one."""

    done: frozenset[int] = frozenset()
    only: int | None = None

    def __contains__(self, number: int) -> bool:
        return number not in self.done and self.only in (None, number)

    def ends_before(self, number: int) -> bool:
        """Whether neither that segment nor any after it is restored, as far as that is known."""
        return self.only is not None and number > self.only


ALL = SegmentSelection()


class Segmenter:
    """Numbers the segments of a stream: give it every pair, in order.

    A segment of LEAST frames or more ends before a scene cut, a frame of a reference's moment, or a multiple of MEMORY
    frames: there a recurrent method starts afresh in any case. Where references are eased into the frames around them
    (`eased`), it ends after a reference's moment instead, since that frame needs the one before it.
    """

    def __init__(self, least: int = LEAST, eased: bool = False):
        self._least, self._eased = least, eased
        self._number, self._frames = -1, 0
        self._after_reference = False  # whether the last frame was of a reference's moment

    def number(self, pair: Paired) -> int:
        """The segment, from 0 on, that the next pair belongs to."""
        if self._number < 0 or (self._may_begin(pair) and self._frames >= self._least):
            self._number, self._frames = self._number + 1, 0
        self._frames += 1
        self._after_reference = pair.own is not None
        return self._number

    def _may_begin(self, pair: Paired) -> bool:
        if pair.frame.cut:
            return True
        if self._eased and pair.own is not None:
            return False
        at_reference = self._after_reference if self._eased else pair.own is not None
        return at_reference or pair.frame.index % MEMORY == 0
