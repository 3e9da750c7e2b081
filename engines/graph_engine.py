"""What engines that run exported graphs share: seeds and slots for references. Arrays on the host are NumPy's."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Last, Matched, OneByOne, Precision
from lfvideo_sr.frames import Frame, on_host, size_of
from lfvideo_sr.matching.seed import FlowSeeder, pixel_grid
from lfvideo_sr.method import Match, MethodInfo
from lfvideo_sr.references.reference import EncodedReference, Reference, Side
from lfvideo_sr.references.side import papers_side

from .graphs import FRAME, LAST, LOW, PICTURE, POSITIONS, REFERENCE, RELEVANCE, SEED, TAPS, About, slot
from .seeding import FrameSeeder

COLD_ROUNDS = 4  # a warm-started graph runs so often where there is no field to start from
_LEAST = 16  # low-resolution pixels along a side of the reference that stands in for none


class Held(Protocol):
    """An output of a graph, wherever it lies."""

    @property
    def nbytes(self) -> int: ...

    def numpy(self) -> np.ndarray:
        """A copy on the host, or the array itself where it is there."""


class Graph(Protocol):
    """A verb that can be run: inputs are arrays or what another graph of the engine gave."""

    def __call__(self, inputs: Mapping[str, Any]) -> Mapping[str, Held]: ...


class GraphEngine(OneByOne):
    """A method over its three graphs. A reference's features stay where the graphs put them; fields are arrays."""

    name = "graphs"

    def __init__(self, about: About, graphs: Mapping[str, Graph], device: str):
        self.about, self._graphs, self.device = about, graphs, device
        self.info: MethodInfo = about.info
        self.precision: Precision = about.precision
        self._seeder = None if about.seeder is None else FrameSeeder(_seeder_of(about.seeder))
        self._none: EncodedReference | None = None

    def encode(self, reference: Reference) -> EncodedReference:
        return self._encoded(reference.key, on_host(reference.load()), reference.side)

    def _encoded(self, key: tuple, pixels: np.ndarray, side: Side | None = None) -> EncodedReference:
        inputs = {REFERENCE: padded(pixels, self.info.scale)}
        if self.info.own_frame:
            low, taps, _ = side or papers_side(inputs[REFERENCE][0])
            inputs |= {LOW: batch(on_host(low)), TAPS: taps[None]}
        features: dict[str, Any] = dict(self._graphs["encode"](inputs))
        if self._seeder is not None:
            low = inputs[LOW] if LOW in inputs else features.pop(LOW).numpy()
            features[SEED] = self._seeder.prepare(low[0])
        return EncodedReference(key, features, size_of(pixels))

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        before = self._fitting(previous, frame, reference)
        if self._seeder is not None:
            start = None if before is None else before[0]
            seed = self._seeder.seed(frame, reference.features[SEED], start)[None]
            return self._run_match(frame, reference, seed)
        if before is not None or not self.about.warm:
            return self._run_match(frame, reference, before)
        field = self._run_match(frame, reference, self._start(frame, reference))
        for _ in range(COLD_ROUNDS - 1):
            field = self._run_match(frame, reference, field.positions)
        return field

    def _run_match(self, frame: Frame, reference: EncodedReference, seed: np.ndarray | None) -> Correspondence:
        names = self.about.inputs["match"]
        inputs = {name: feature for name, feature in reference.features.items() if name in names}
        inputs |= {FRAME: batch(frame.pixels), SEED: seed}  # a feature of that name is the seeder's own
        outputs = self._graphs["match"](inputs)
        positions, relevance = (np.array(outputs[name].numpy()) for name in (POSITIONS, RELEVANCE))
        return Correspondence(positions, relevance, self.about.field_stride, reference.size)

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        inputs: dict[str, Any] = {FRAME: batch(frame.pixels)}
        for number, match in enumerate(self._filled(frame, matches)):
            inputs |= {slot(name, number): match.features[name] for name in self._features()}
            inputs |= {slot(POSITIONS, number): match.positions, slot(RELEVANCE, number): match.relevance}
        if self.info.recurrent:
            inputs |= self._slot_of_last(frame, last)
        picture = self._graphs["restore"](inputs)[PICTURE].numpy()
        return np.array(picture[0], np.float32)

    def _slot_of_last(self, frame: Frame, last: Last | None) -> dict[str, np.ndarray]:
        """What was restored last, and where the frame is found in it by the classical search alone; nothing restored
        yet has relevance zero, which changes nothing."""
        height, width = self._field_size(frame)
        if last is None:
            size = frame.size.scaled(self.info.scale)
            picture = np.zeros((1, 3, size.height, size.width), np.float32)
            low, positions = batch(frame.pixels), np.zeros((1, height, width, 2), np.float32)
        else:
            picture, low = batch(last.picture.pixels), batch(last.frame.pixels)
            positions = self._followed(frame, last.frame)
        relevance = np.full((1, height, width), float(last is not None), np.float32)
        inputs = {PICTURE: picture, FRAME: low, POSITIONS: positions, RELEVANCE: relevance}
        return {slot(name, LAST): array for name, array in inputs.items()}

    def _features(self) -> list[str]:
        """Names of the features that `restore` reads."""
        first = (name[:-2] for name in self.about.inputs["restore"] if name.endswith(".0"))
        return [name for name in first if name not in (POSITIONS, RELEVANCE)]

    def _filled(self, frame: Frame, matches: Sequence[Matched]) -> list[Match]:
        """One match for every slot: a reference of relevance zero changes nothing."""
        filled = [
            Match(reference.features, on_host(field.positions), on_host(field.relevance))
            for reference, field in matches
        ]
        if len(filled) < self.info.references:
            features = filled[0].features if filled else self._no_reference().features
            height, width = self._field_size(frame)
            empty = [np.zeros((self.fields, height, width, *axes), np.float32) for axes in ((2,), ())]
            filled += [Match(features, *empty)] * (self.info.references - len(filled))
        return filled

    def _no_reference(self) -> EncodedReference:
        if self._none is None:
            side = _LEAST * self.info.scale
            self._none = self._encoded(("none",), np.zeros((3, side, side), np.float32))
        return self._none

    @property
    def fields(self) -> int:
        """How many fields a match has: one for each scale that is searched."""
        return int(self.about.inputs["restore"][slot(POSITIONS, 0)][0])

    def _field_size(self, frame: Frame) -> tuple[int, int]:
        """Height and width."""
        size = frame.size.scaled(self.info.scale // self.about.field_stride)
        return size.height, size.width

    def _fitting(self, previous: Correspondence | None, frame: Frame, reference: EncodedReference) -> np.ndarray | None:
        """The field of the frame before where it is of the same sizes."""
        if previous is None or previous.reference_size != reference.size:
            return None
        if previous.stride != self.about.field_stride:
            return None
        positions = on_host(previous.positions)
        return positions if positions.shape[1:3] == self._field_size(frame) else None

    def _followed(self, frame: Frame, before: Frame) -> np.ndarray:
        """Where the frame is found in the one before it, by the classical search alone."""
        assert self._seeder is not None, "recurrent methods have one"
        return self._seeder.follow(frame, before)[None]

    def _start(self, frame: Frame, reference: EncodedReference) -> np.ndarray:
        """Every place at its own place in the reference, whatever its size: where a scene stands still."""
        height, width = self._field_size(frame)
        ratio = np.array([reference.size.width / width, reference.size.height / height], np.float32)
        positions = ((pixel_grid(height, width) + 0.5) * ratio - 0.5).astype(np.float32)
        return np.stack([positions] * self.fields)

    def __exit__(self, *exc_info: object) -> None:
        """Lets go of the graphs and of the memory they run in."""
        self._graphs, self._none = {}, None
        if self._seeder is not None:
            self._seeder.forget()


def _seeder_of(arguments: Mapping[str, int]) -> FlowSeeder:
    return FlowSeeder(arguments["scale"], arguments["stride"], arguments["level"])


def batch(pixels: np.ndarray) -> np.ndarray:
    """[3,H,W] -> float32 [1,3,H,W], C-contiguous."""
    return np.ascontiguousarray(pixels[None], np.float32)


def padded(pixels: np.ndarray, multiple: int) -> np.ndarray:
    """[3,H,W] -> float32 [1,3,H',W'], both sides multiples, the edge repeated at the right and at the bottom."""
    height, width = pixels.shape[1:]
    return batch(np.pad(pixels, ((0, 0), (0, -height % multiple), (0, -width % multiple)), mode="edge"))
