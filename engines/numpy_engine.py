"""Runs classical methods: NumPy and OpenCV, no weights, no torch."""

from collections.abc import Sequence

import numpy as np

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Last, Matched, Precision
from lfvideo_sr.frames import Frame, on_host, size_of
from lfvideo_sr.method import Match, Method
from lfvideo_sr.references.reference import EncodedReference, Reference


class NumpyEngine:
    """The three verbs of a classical method on the host."""

    device = "cpu"
    precision = Precision.FP32

    def __init__(self, method: Method):
        self._method = method
        self.info = method.info

    def encode(self, reference: Reference) -> EncodedReference:
        pixels = on_host(reference.load())
        side = reference.side if self.info.own_frame else None
        given = () if side is None else (on_host(side.low)[None], side.taps)
        return EncodedReference(reference.key, dict(self._method.encoder(pixels[None], *given)), size_of(pixels))

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        positions, relevance = self._method.matcher(frame.pixels[None], reference.features, None)
        return Correspondence(positions, relevance, self._method.field_stride, reference.size)

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        found = [Match(one.reference.features, *_field(one.correspondence)) for one in matches]
        picture = self._method.restorer(frame.pixels[None], found)[0]
        return np.clip(picture, 0, 1).astype(np.float32, copy=False)

    def __enter__(self) -> "NumpyEngine":
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass


def _field(correspondence: Correspondence) -> tuple[np.ndarray, np.ndarray]:
    return correspondence.positions, correspondence.relevance
