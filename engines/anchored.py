"""Frames without references restored by a single-image network of somebody else's: anchors, from which a method carries
detail to the frames around them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import AroundAnother, Engine, Last, Matched
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Frame, Size, size_of
from lfvideo_sr.references.reference import EncodedReference, Reference

from .picture_networks import PictureNetwork, open_network


class Anchored(AroundAnother):
    """Runs an engine for frames that have references, and a picture network for those that have none."""

    def __init__(self, engine: Engine, network: PictureNetwork):
        self._engine, self._network = engine, network

    def encode(self, reference: Reference) -> EncodedReference:
        return self._engine.encode(reference)

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        return self._engine.match(frame, reference, previous)

    def match_all(
        self, frame: Frame, references: Sequence[EncodedReference], previous: Sequence[Correspondence | None]
    ) -> list[Correspondence]:
        return self._engine.match_all(frame, references, previous)

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        return self._engine.restore(frame, matches, last) if matches else self._enlarged(frame)

    def restore_frame(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> Frame:
        if matches:
            return self._engine.restore_frame(frame, matches, last)
        return frame.with_pixels(self._enlarged(frame))

    def nearest_size(self, size: Size) -> Size:
        return self._engine.nearest_size(size)

    def _enlarged(self, frame: Frame) -> np.ndarray:
        picture, expected = self._network(frame.pixels), frame.size.scaled(self.info.scale)
        if size_of(picture) != expected:
            raise EngineError(
                f"the anchor model made {size_of(picture)} of {frame.size}, not {expected}; give one of scale "
                f"{self.info.scale}"
            )
        return np.clip(picture, 0, 1)

    def __enter__(self) -> "Anchored":
        self._engine.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._engine.__exit__(*exc_info)


def with_anchor_model(engine: Engine, path: Path) -> Engine:
    """The engine, with frames that have no reference restored by the network in a file; see `open_network`."""
    return Anchored(engine, open_network(path, engine.device, engine.info.scale))
