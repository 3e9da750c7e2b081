"""Runs classical methods: NumPy and OpenCV, no weights, no torch."""

from collections.abc import Sequence

import numpy as np

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Last, Matched, OneByOne, Precision
from lfvideo_sr.frames import Frame, on_host, size_of
from lfvideo_sr.method import Match, Method
from lfvideo_sr.references.reference import EncodedReference, Reference


class NumpyEngine(OneByOne):
    """A classical method on the host."""

    name = "numpy"
    device = "cpu"
    precision = Precision.FP32

    def __init__(self, method: Method):
        self._method = method
        self.info = method.info

    def encode(self, reference: Reference) -> EncodedReference:
        pixels = on_host(reference.load())
        side = reference.side if self.info.own_frame else None
        arguments = () if side is None else (on_host(side.low)[None], side.taps)
        return EncodedReference(reference.key, dict(self._method.encoder(pixels[None], *arguments)), size_of(pixels))

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        positions, relevance = self._method.matcher(frame.pixels[None], reference.features, None)
        return Correspondence(positions, relevance, self._method.field_stride, reference.size)

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        picture = self._method.restorer(frame.pixels[None], [_on_host(match) for match in matches])[0]
        return np.clip(picture, 0, 1).astype(np.float32, copy=False)


def _on_host(match: Matched) -> Match:
    field = match.correspondence
    return Match(match.reference.features, on_host(field.positions), on_host(field.relevance))
