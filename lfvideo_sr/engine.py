"""What runs a method: the same three verbs for torch, ONNX Runtime and TensorRT."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np

from .correspondence import Correspondence
from .frames import Frame
from .method import MethodInfo
from .references.reference import EncodedReference, Reference


class Precision(StrEnum):
    """The number format that convolutions run in; positions and the enlarged base picture are always float32."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


class Matched(NamedTuple):
    """A reference and where a frame was found in it."""

    reference: EncodedReference
    correspondence: Correspondence

    @property
    def relevance(self) -> float:
        """Mean relevance over the frame, 0 .. 1."""
        return float(self.correspondence.relevance.mean())


class Last(NamedTuple):
    """What was restored last: a low-resolution frame, and its picture as it came out, of scale times the size."""

    frame: Frame
    picture: Frame


class Engine(Protocol):
    """A context manager with the three verbs. `device` and `precision` are for the report."""

    @property
    def info(self) -> MethodInfo: ...

    @property
    def device(self) -> str: ...

    @property
    def precision(self) -> Precision: ...

    def encode(self, reference: Reference) -> EncodedReference: ...

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        """`previous` is the same reference's field of the frame before, or None."""

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        """float32 [3,scale*H,scale*W] in [0,1]. `last` is for methods whose info says `recurrent`."""

    def __enter__(self) -> "Engine": ...

    def __exit__(self, *exc_info: object) -> None: ...


def restore_frame(engine: Engine, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> Frame:
    """What `restore` gives, as a frame. An engine on a GPU may have a way of its own (`restore_there`), by which the
    picture stays where it was made: a DeviceFrame."""
    there = getattr(engine, "restore_there", None)
    if there is not None:
        return there(frame, matches, last)
    return frame.with_pixels(engine.restore(frame, matches, last))


def match_all(
    engine: Engine, frame: Frame, references: Sequence[EncodedReference], previous: Sequence[Correspondence | None]
) -> list[Correspondence]:
    """A frame's matches in several references, one after the other; at once where the engine has a way of its own."""
    at_once = getattr(engine, "match_all", None)
    if at_once is not None:
        return at_once(frame, references, previous)
    return [engine.match(frame, *one) for one in zip(references, previous)]
