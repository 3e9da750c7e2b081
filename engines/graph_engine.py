"""What engines that run exported graphs share: padding, seeds, slots for references. Arrays on the host are NumPy's."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from lfvideo_sr.correspondence import Correspondence
from lfvideo_sr.engine import Last, Matched, Precision
from lfvideo_sr.errors import EngineError
from lfvideo_sr.frames import Frame, on_host, size_of
from lfvideo_sr.matching.seed import FlowSeeder, pixel_grid
from lfvideo_sr.method import Match, MethodInfo
from lfvideo_sr.references.reference import EncodedReference, Reference, Side
from lfvideo_sr.references.side import papers_side

from .graphs import FRAME, LAST, LOW, PICTURE, POSITIONS, REFERENCE, RELEVANCE, SEED, TAPS, VERBS, About, slot

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

    about: About

    def __call__(self, given: Mapping[str, Any]) -> Mapping[str, Held]: ...


class GraphEngine:
    """The three verbs over three graphs. A reference's features stay where the graphs put them."""

    def __init__(self, graphs: Mapping[str, Graph], device: str):
        self._graphs = graphs
        abouts = [graphs[verb].about for verb in VERBS]
        self.about = abouts[0]
        if len({(about.info, about.weights, about.precision) for about in abouts}) > 1:
            raise EngineError("the three graphs are not of one method and one precision; build them again")
        self.info: MethodInfo = self.about.info
        self.precision: Precision = self.about.precision
        self.device = device
        seeder = self.about.seeder
        self._seeder = None if seeder is None else FlowSeeder(seeder["scale"], seeder["stride"])
        self._none: EncodedReference | None = None

    def encode(self, reference: Reference) -> EncodedReference:
        return self._encoded(reference.key, on_host(reference.load()), reference.side)

    def _encoded(self, key: tuple, pixels: np.ndarray, side: Side | None = None) -> EncodedReference:
        size = size_of(pixels)
        given = {REFERENCE: padded(pixels, self.info.size_multiple * self.info.scale)}
        if self.info.own_frame:
            given |= self._side_of(given[REFERENCE], side)
        features: dict[str, Any] = dict(self._graphs["encode"](given))
        if self._seeder is not None:
            low = given[LOW] if LOW in given else features.pop(LOW).numpy()
            features["seed"] = self._seeder.prepare(low[0])
        return EncodedReference(key, features, size)

    def _side_of(self, picture: np.ndarray, side: Side | None) -> dict[str, np.ndarray]:
        """The low-resolution side of a padded picture [1,3,H,W]; the papers' reduction where it has none."""
        low, taps = side or papers_side(picture[0])
        return {LOW: padded(on_host(low), self.info.size_multiple), TAPS: taps[None]}

    def match(self, frame: Frame, reference: EncodedReference, previous: Correspondence | None) -> Correspondence:
        picture = padded(frame.pixels, self.info.size_multiple)
        before = self._fitting(previous, picture, reference)
        if self._seeder is not None:
            return self._run_match(picture, reference, self._searched(frame, picture, reference, before))
        if before is not None or not self.about.warm:
            return self._run_match(picture, reference, before)
        found = self._run_match(picture, reference, self._start(picture, reference))
        for _ in range(COLD_ROUNDS - 1):
            found = self._run_match(picture, reference, found.positions)
        return found

    def _run_match(self, picture: np.ndarray, reference: EncodedReference, seed: np.ndarray | None) -> Correspondence:
        wanted = self._graphs["match"].about.inputs
        given = {name: feature for name, feature in reference.features.items() if name in wanted}
        given |= {FRAME: picture, SEED: seed}  # a feature of that name is the seeder's own
        found = self._graphs["match"](given)
        positions, relevance = (np.array(found[name].numpy()) for name in (POSITIONS, RELEVANCE))
        return Correspondence(positions, relevance, self.about.field_stride, reference.size)

    def restore(self, frame: Frame, matches: Sequence[Matched], last: Last | None = None) -> np.ndarray:
        picture = padded(frame.pixels, self.info.size_multiple)
        given: dict[str, Any] = {FRAME: picture}
        for number, match in enumerate(self._filled(picture, matches)):
            of_slot = {name: match.features[name] for name in self._features()} if match.features else {}
            given |= {slot(name, number): one for name, one in of_slot.items()}
            given |= {slot(POSITIONS, number): match.positions, slot(RELEVANCE, number): match.relevance}
        if self.info.recurrent:
            given |= self._slot_of_last(frame, picture, last)
        result = self._graphs["restore"](given)[PICTURE].numpy()
        height, width = (side * self.info.scale for side in frame.pixels.shape[1:])
        return np.array(result[0, :, :height, :width], np.float32)

    def _slot_of_last(self, frame: Frame, picture: np.ndarray, last: Last | None) -> dict[str, np.ndarray]:
        """What was restored last, and where the frame is found in it by the classical search alone; nothing restored
        yet has relevance zero, which changes nothing."""
        height, width = self._field_size(picture)
        if last is None:
            large = np.zeros((1, 3, *(self.info.scale * side for side in picture.shape[2:])), np.float32)
            low, positions = picture, np.zeros((1, height, width, 2), np.float32)
        else:
            multiple = self.info.size_multiple
            large, low = padded(last.picture.pixels, multiple * self.info.scale), padded(last.frame.pixels, multiple)
            positions = self._followed(frame, picture, last.frame)
        relevance = np.full((1, height, width), float(last is not None), np.float32)
        named = {PICTURE: large, FRAME: low, POSITIONS: positions, RELEVANCE: relevance}
        return {slot(name, LAST): one for name, one in named.items()}

    def _features(self) -> list[str]:
        """Names of the features that `restore` reads."""
        first = (name[:-2] for name in self._graphs["restore"].about.inputs if name.endswith(".0"))
        return [name for name in first if name not in (POSITIONS, RELEVANCE)]

    def _filled(self, picture: np.ndarray, matches: Sequence[Matched]) -> list[Match]:
        """One match for every slot: a reference of relevance zero changes nothing."""
        found = [
            Match(one.reference.features, one.correspondence.positions, one.correspondence.relevance) for one in matches
        ]
        if len(found) < self.info.references:
            features = found[0].features if found else self._no_reference().features
            height, width = self._field_size(picture)
            empty = [np.zeros((self.fields, height, width, *last), np.float32) for last in ((2,), ())]
            found += [Match(features, *empty)] * (self.info.references - len(found))
        return found

    def _no_reference(self) -> EncodedReference:
        if self._none is None:
            side = _LEAST * self.info.scale * self.info.size_multiple
            self._none = self._encoded(("none",), np.zeros((3, side, side), np.float32))
        return self._none

    @property
    def fields(self) -> int:
        """How many fields a match has: one for each scale that is searched."""
        return int(self._graphs["restore"].about.inputs[slot(POSITIONS, 0)][0])

    def _field_size(self, picture: np.ndarray) -> tuple[int, int]:
        places = self.info.scale // self.about.field_stride
        return places * picture.shape[2], places * picture.shape[3]

    def _fitting(
        self, previous: Correspondence | None, picture: np.ndarray, reference: EncodedReference
    ) -> np.ndarray | None:
        """The field of the frame before where it is of the same sizes."""
        if previous is None or previous.reference_size != reference.size:
            return None
        if previous.stride != self.about.field_stride:
            return None
        positions = np.asarray(previous.positions)
        return positions if positions.shape[1:3] == self._field_size(picture) else None

    def _searched(self, frame: Frame, picture: np.ndarray, reference: EncodedReference, before) -> np.ndarray:
        """The classical search's field, continued to the padded frame's grid."""
        assert self._seeder is not None
        places = self.info.scale // self.about.field_stride
        height, width = (places * side for side in frame.pixels.shape[1:])
        start = None if before is None else before[0, :height, :width]
        found = self._seeder(self._seeder.prepare(frame.pixels), reference.features["seed"], start)
        return self._continued(found, picture)

    def _followed(self, frame: Frame, picture: np.ndarray, before: Frame) -> np.ndarray:
        """Where the frame is found in the one before it, by the classical search alone."""
        assert self._seeder is not None, "recurrent methods have one"
        found = self._seeder.follow(*(self._seeder.prepare(one.pixels) for one in (frame, before)))
        return self._continued(found, picture)

    def _continued(self, found: np.ndarray, picture: np.ndarray) -> np.ndarray:
        """A field [kh,kw,2] on the padded frame's grid."""
        below, right = (whole - part for whole, part in zip(self._field_size(picture), found.shape[:2]))
        return extended(found, below, right, step=self.about.field_stride)[None]

    def _start(self, picture: np.ndarray, reference: EncodedReference) -> np.ndarray:
        """Every place at its own place in the reference, whatever its size: where a scene stands still."""
        height, width = self._field_size(picture)
        ratio = np.array([reference.size.width / width, reference.size.height / height], np.float32)
        one = ((pixel_grid(height, width) + 0.5) * ratio - 0.5).astype(np.float32)
        return np.stack([one] * self.fields)

    def __enter__(self) -> "GraphEngine":
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Lets go of the graphs and of the memory they run in."""
        self._graphs, self._none = {}, None


def padded(pixels: np.ndarray, multiple: int) -> np.ndarray:
    """[3,H,W] -> float32 [1,3,H',W'], both sides multiples, the edge repeated at the right and at the bottom."""
    height, width = pixels.shape[1:]
    edges = ((0, 0), (0, -height % multiple), (0, -width % multiple))
    return np.ascontiguousarray(np.pad(pixels, edges, mode="edge")[None], np.float32)


def extended(positions: np.ndarray, below: int, right: int, step: float) -> np.ndarray:
    """Continue a field [h,w,2] beyond its lower and right edge with the edge's displacement."""
    if right:
        more = positions[:, -1:] + np.array([step, 0], np.float32) * np.arange(1, right + 1)[:, None]
        positions = np.concatenate([positions, more], 1)
    if below:
        more = positions[-1:] + np.array([0, step], np.float32) * np.arange(1, below + 1)[:, None, None]
        positions = np.concatenate([positions, more], 0)
    return positions.astype(np.float32, copy=False)
