"""The classical search between frames and references; what it makes of a frame is made once."""

from collections import deque

import numpy as np

from lfvideo_sr.frames import Frame
from lfvideo_sr.method import Seeder

_KEPT = 2  # the frame and the one before it


class FrameSeeder:
    """A method's seeder over frames; it remembers what it made of the last two."""

    def __init__(self, seeder: Seeder):
        self._seeder = seeder
        self._kept: deque[tuple[Frame, np.ndarray]] = deque(maxlen=_KEPT)

    def prepare(self, low: np.ndarray) -> np.ndarray:
        """What to keep of a reference's low-resolution side [3,h,w]."""
        return self._seeder.prepare(low)

    def seed(self, frame: Frame, reference: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
        """Positions f32 [h',w',2] of the frame in a reference that is prepared, from the field of the frame before."""
        return self._seeder(self._prepared(frame), reference, previous)

    def follow(self, frame: Frame, before: Frame) -> np.ndarray:
        """Positions f32 [h',w',2] of the frame in the one before it, in output pixels."""
        return self._seeder.follow(self._prepared(frame), self._prepared(before))

    def forget(self) -> None:
        """Let go of all frames."""
        self._kept.clear()

    def _prepared(self, frame: Frame) -> np.ndarray:
        for kept, prepared in self._kept:
            if kept is frame:
                return prepared
        prepared = self._seeder.prepare(frame.pixels)
        self._kept.append((frame, prepared))
        return prepared
