"""An engine that notes what it is handed, and frames to run it over."""

from fractions import Fraction

import numpy as np

from lfvideo_sr.engine import Last, OneByOne, Precision
from lfvideo_sr.frames import Frame, TimeStamp
from lfvideo_sr.method import MethodInfo
from lfvideo_sr.references.reference import ReferenceCache
from lfvideo_sr.stream.pairing import Paired
from lfvideo_sr.stream.pipeline import SuperResolver
from lfvideo_sr.stream.stopwatch import Stopwatch


class Remembering(OneByOne):
    """An engine that notes what it was handed, and restores a flat picture that names its frame."""

    name, device, precision = "remembering", "cpu", Precision.FP32

    def __init__(self, recurrent: bool = True):
        self.info = MethodInfo("remembering", "", references=0, recurrent=recurrent)
        self.handed: dict[int, Last | None] = {}

    def restore(self, frame, matches, last=None):
        self.handed[frame.index] = last
        height, width = (4 * side for side in frame.pixels.shape[1:])
        return np.full((3, height, width), frame.index / 1000, np.float32)


def frame(index: int, cut: bool = False) -> Frame:
    """Each index has pixels of its own."""
    return Frame(np.full((3, 8, 8), index / 1000, np.float32), index, TimeStamp(index, Fraction(1, 25)), cut)


def run(engine, frames, own=None, **options):
    resolver = SuperResolver(engine, ReferenceCache(lambda reference: None, 1), Stopwatch(), **options)
    return [resolver.restore(Paired(shown, (), (own or {}).get(shown.index))) for shown in frames]
