"""Where a run is cut: pieces that are restored and encoded apart, so that a run can go on where it was stopped.

At the start of a segment nothing is remembered of the frames before it but what their references say of the camera
(preparing.py). So a segment's pictures depend on the input alone, whether it is restored in one go with the others,
after a crash, or by another machine.
"""

from .pairing import Paired

MEMORY = 64  # frames: no picture depends on more of those before it
LEAST = 32  # frames of a segment, but for the last


class Segmenter:
    """Numbers the segments of a stream: give it every pair, in order.

    A segment ends before a scene cut, a frame that shows the moment of a reference, or a multiple of MEMORY frames,
    whichever comes first after LEAST frames: there a recurrent method starts afresh in any case.
    """

    def __init__(self, least: int = LEAST):
        self._least, self._number, self._frames = least, -1, 0

    def number(self, pair: Paired) -> int:
        """The segment, from 0 on, that the next pair belongs to."""
        fresh = pair.frame.cut or pair.own is not None or pair.frame.index % MEMORY == 0
        if self._number < 0 or (fresh and self._frames >= self._least):
            self._number, self._frames = self._number + 1, 0
        self._frames += 1
        return self._number
