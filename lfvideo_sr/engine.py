"""What runs a method: the same contract for NumPy, torch, ONNX Runtime and TensorRT."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from .correspondence import Correspondence
from .frames import Frame, Size
from .method import MethodInfo
from .references.reference import EncodedReference, Reference

E = TypeVar("E")


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
    """Runs a method; a context manager that frees its memory when it is left.

    An engine raises EngineError for what its device cannot do. `OneByOne` implements three of the verbs for an engine
    that has no faster way.

    name:      what the report calls it: "torch", "onnx", "tensorrt", "numpy".
    device:    "cpu", "cuda:0" ...
    precision: of its convolutions.
    """

    @property
    def name(self) -> str: ...

    @property
    def info(self) -> MethodInfo: ...

    @property
    def device(self) -> str: ...

    @property
    def precision(self) -> Precision: ...

    def encode(self, reference: Reference) -> EncodedReference:
        """A reference's features, which only this engine can read."""

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        """Where a low-resolution frame is found in a reference. `previous` is the same reference's field of the frame
        before, or None; its arrays may be of any kind and are only read."""

    def match_all(
        self, frame: Frame, references: Sequence[EncodedReference], previous: Sequence[Correspondence | None]
    ) -> list[Correspondence]:
        """One field for each reference, in order, equal to those of `match`; `previous` has one entry for each."""

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        """float32 [3,scale*H,scale*W] in [0,1], the caller's own. Fields may come from elsewhere, such as another
        engine of the same method: arrays or tensors. `last` is for methods whose info says `recurrent`."""

    def restore_frame(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> Frame:
        """What `restore` gives, as a frame of the same moment; on a GPU it may be a DeviceFrame, whose pixels stay
        there until they are asked for."""

    def nearest_size(self, size: Size) -> Size:
        """The low-resolution frame size nearest to `size` that the engine takes."""

    def __enter__(self: E) -> E: ...

    def __exit__(self, *exc_info: object) -> None: ...


class OneByOne:
    """For an engine on the host that takes frames of any size: matches are found one after the other, and a restored
    frame is an array."""

    def match_all(
        self: Engine, frame: Frame, references: Sequence[EncodedReference], previous: Sequence[Correspondence | None]
    ) -> list[Correspondence]:
        pairs = zip(references, previous, strict=True)
        return [self.match(frame, reference, start) for reference, start in pairs]

    def restore_frame(self: Engine, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> Frame:
        return frame.with_pixels(self.restore(frame, matches, last))

    def nearest_size(self, size: Size) -> Size:
        return size

    def __enter__(self: E) -> E:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass


class AroundAnother:
    """For an engine that hands its work to another one, `_engine`, and is what that is. Its verbs are the other one's
    until they are overridden; it is entered and left with the other one."""

    _engine: Engine

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def info(self) -> MethodInfo:
        return self._engine.info

    @property
    def device(self) -> str:
        return self._engine.device

    @property
    def precision(self) -> Precision:
        return self._engine.precision

    def encode(self, reference: Reference) -> EncodedReference:
        return self._engine.encode(reference)

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        return self._engine.match(frame, reference, previous)

    def match_all(
        self, frame: Frame, references: Sequence[EncodedReference], previous: Sequence[Correspondence | None]
    ) -> list[Correspondence]:
        return self._engine.match_all(frame, references, previous)

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        return self._engine.restore(frame, matches, last)

    def restore_frame(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> Frame:
        return self._engine.restore_frame(frame, matches, last)

    def nearest_size(self, size: Size) -> Size:
        return self._engine.nearest_size(size)

    def __enter__(self: E) -> E:
        self._engine.__enter__()  # type: ignore[attr-defined]
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._engine.__exit__(*exc_info)
