"""References: high-resolution pictures, their encoded features, and the cache that encodes each of them once."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ..frames import Frame, Size


class Side(NamedTuple):
    """A reference's low-resolution side: what the stream's camera made of the same moment.

    low:  [3,H/4,W/4] in [0,1], an array or a tensor: the stream's decoded frame, or a reduction of the reference.
    taps: float32 [2,24], along y and along x: the camera's reduction kernel, see camera/reduction.py.
    decoded: whether it is the decoded frame, equalised or not.
    """

    low: Any
    taps: np.ndarray
    decoded: bool = False


@dataclass(frozen=True)
class Reference:
    """A high-resolution picture and where it belongs. Equal keys are the same picture.

    key:    distinguishes the references of one run, e.g. ("track", 240).
    time:   seconds on the low-resolution stream's clock (for a light field: the distance that orders the views).
    origin: what the report calls it: "in.mp4#v:1", "stills/t1.5.png", "anchor".
    load:   gives its pixels, float32 [3,H,W] RGB in [0,1]: an array, or a tensor where an engine left it (an array of
            either: frames.on_host); called when the cache needs them, so a reference is cheap.
    aligned: True where it shows exactly the frame at its own time, so that its pixels may replace that frame's.
    generated: True where it was made from the stream itself (anchor mode) and holds no true detail.
    frame:  the stream's low-resolution frame on show at its time, where the stream has got there.
    side:   its low-resolution side; None: the papers' reduction of it.
    """

    key: tuple
    time: Fraction
    origin: str
    load: Callable[[], Any] = field(repr=False, compare=False)
    aligned: bool = field(default=True, compare=False)
    generated: bool = field(default=False, compare=False)
    frame: Frame | None = field(default=None, compare=False, repr=False)
    side: Side | None = field(default=None, compare=False, repr=False)

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, eq=False)
class EncodedReference:
    """What a method stores of a reference, computed once: its features on the device of the engine that made them.

    key:      of the reference; the reference itself, which may hold its pixels, is not kept.
    features: the method's own named tensors; the engine that made them owns them.
    size:     of the reference picture, which `Correspondence.positions` refer to.
    """

    key: tuple
    features: dict[str, Any]
    size: Size

    @property
    def nbytes(self) -> int:
        """Bytes of all its features."""
        return sum(tensor.nbytes for tensor in self.features.values())


@dataclass
class CacheStatistics:
    """How often a wanted reference was there already, and the most bytes ever held."""

    hits: int = 0
    misses: int = 0
    peak_bytes: int = 0

    @property
    def hit_rate(self) -> float:
        asked = self.hits + self.misses
        return self.hits / asked if asked else 0.0


class ReferenceCache:
    """Encodes each reference once; drops the least recently used ones beyond `capacity` bytes.

    The reference just asked for, and those that `keep` names, are kept even if they are larger than `capacity`.
    """

    def __init__(self, encode: Callable[[Reference], EncodedReference], capacity: int):
        self._encode = encode
        self._capacity = capacity
        self._held: OrderedDict[tuple, EncodedReference] = OrderedDict()
        self._bytes = 0
        self._kept: frozenset[tuple] = frozenset()
        self.statistics = CacheStatistics()

    def __getitem__(self, reference: Reference) -> EncodedReference:
        if reference.key in self._held:
            self.statistics.hits += 1
            self._held.move_to_end(reference.key)
            return self._held[reference.key]
        self.statistics.misses += 1
        encoded = self._encode(reference)
        self._held[reference.key] = encoded
        self._bytes += encoded.nbytes
        self._drop_oldest()
        self.statistics.peak_bytes = max(self.statistics.peak_bytes, self._bytes)
        return encoded

    def keep(self, references: Iterable[Reference]) -> None:
        """Drop none of these from now on: they serve the present frame, and as a rule the next."""
        self._kept = frozenset(reference.key for reference in references)

    def clear(self) -> None:
        """Let go of all that is held."""
        self._held.clear()
        self._bytes = 0

    def _drop_oldest(self) -> None:
        latest = next(reversed(self._held))
        for key in [key for key in self._held if key not in self._kept and key != latest]:
            if self._bytes <= self._capacity:
                return
            self._bytes -= self._held.pop(key).nbytes

    def __contains__(self, reference: Reference) -> bool:
        return reference.key in self._held

    def __len__(self) -> int:
        return len(self._held)
