"""Frames without references restored by a single-image network of somebody else's: anchors, from which a method carries
detail to the frames around them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lfvideo_sr.engine import AroundAnother, Engine, Last, Matched
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Frame, size_of

from .picture_networks import PictureNetwork, open_network


class Anchored(AroundAnother):
    """Runs an engine for frames that have references, and a picture network for those that have none."""

    def __init__(self, engine: Engine, network: PictureNetwork):
        self._engine, self._network = engine, network

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        return self._engine.restore(frame, matches, last) if matches else self._enlarged(frame)

    def restore_frame(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> Frame:
        if matches:
            return self._engine.restore_frame(frame, matches, last)
        return frame.with_pixels(self._enlarged(frame))

    def _enlarged(self, frame: Frame) -> np.ndarray:
        picture, expected = self._network(frame.pixels), frame.size.scaled(self.info.scale)
        if size_of(picture) != expected:
            raise EngineError(
                f"the anchor model made {size_of(picture)} of {frame.size}, not {expected}; give one of scale "
                f"{self.info.scale}"
            )
        return np.clip(picture, 0, 1)


def with_anchor_model(engine: Engine, path: Path) -> Engine:
    """The engine, with frames that have no reference restored by the network in a file; see `open_network`."""
    return Anchored(engine, open_network(path, engine.device, engine.info.scale))
