"""Frames that repeat the one before them, as in animation, slides and recorded screens."""

import numpy as np

from ..frames import DeviceFrame, Frame
from .pairing import Paired


class RepeatDetector:
    """Whether a pair of a stream asks for the picture of the pair before it: give it every pair, in order.

    The same references serve both, and the pixels are equal to the last bit. Frames on a device count as different,
    since to compare them is to wait for the device.
    """

    def __init__(self) -> None:
        self._before: Paired | None = None

    def repeats(self, pair: Paired) -> bool:
        before, self._before = self._before, pair
        return before is not None and pair.own is None and _same_references(before, pair) and _same(before, pair)


def _same_references(before: Paired, pair: Paired) -> bool:
    return [each.key for each in before.references] == [each.key for each in pair.references]


def _same(before: Paired, pair: Paired) -> bool:
    return _on_host(before.frame) and _on_host(pair.frame) and np.array_equal(before.frame.pixels, pair.frame.pixels)


def _on_host(frame: Frame) -> bool:
    return not isinstance(frame, DeviceFrame)
