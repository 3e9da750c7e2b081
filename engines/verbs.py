"""A method's verbs as modules that can be traced, with example inputs and how their sides follow one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from lfvideo_sr.camera.reduction import papers_taps
from lfvideo_sr.method import Match, Method
from lfvideo_sr.nn.resize import BicubicReduce

from .graphs import FRAME, LAST, LOW, PICTURE, POSITIONS, REFERENCE, RELEVANCE, SEED, TAPS, Dim, slot

# Sizes a graph is traced at, each side another number: quarter reference sides r, q and frame sides h, w.
_TRACED = {"h": 20, "w": 24, "r": 22, "q": 26}
_BESIDE = {"r": 34, "q": 38}  # of a second reference, which shows how sides follow


@dataclass(frozen=True)
class Verb:
    """A verb as a module: example inputs by name, their shapes as `Dim`, and the names of what it gives."""

    module: nn.Module
    examples: dict[str, torch.Tensor]
    shapes: dict[str, list[Dim]]
    outputs: list[str]


def verbs_of(method: Method, slots: int) -> dict[str, Verb]:
    """The three verbs with examples, made by running them once."""
    stride = method.field_stride
    places = method.info.scale // stride
    height, width, high, wide = (_TRACED[side] for side in "hwrq")
    frame, reference = torch.rand(1, 3, height, width), torch.rand(1, 3, 4 * high, 4 * wide)
    features = {name: feature.detach() for name, feature in method.encoder(reference).items()}
    shapes = _feature_shapes(method, features)
    picture: dict[str, list[Dim]] = {FRAME: [1, 3, "1*h", "1*w"]}
    seed = _example_seed(method, frame, features, places * height, places * width)
    field: list[Dim] = [len(seed), f"{places}*h", f"{places}*w"]

    matching, restoring = _Read(features), _Read(features)
    positions, relevance = (part.detach() for part in method.matcher(frame, matching, seed))
    method.restorer(frame, [Match(restoring, positions, relevance.float())] * slots)
    to_match = {FRAME: frame} | {name: features[name] for name in matching.names}
    match_shapes = picture | {name: shapes[name] for name in matching.names}
    if method.seeder is not None or method.warm:
        to_match, match_shapes = to_match | {SEED: seed}, match_shapes | {SEED: [*field, 2]}
    to_restore, restore_shapes = {FRAME: frame}, dict(picture)
    field_of_slot = {POSITIONS: positions, RELEVANCE: relevance.float()}
    for number in range(slots):
        of_slot = {name: features[name] for name in restoring.names} | field_of_slot
        to_restore |= {slot(name, number): value.clone() for name, value in of_slot.items()}  # else they were one input
        restore_shapes |= {slot(name, number): shapes[name] for name in restoring.names}
        restore_shapes |= {slot(POSITIONS, number): [*field, 2], slot(RELEVANCE, number): field}
    if method.info.recurrent:
        to_restore |= {slot(name, LAST): value for name, value in _example_last(frame, positions, relevance).items()}
        restore_shapes |= {slot(PICTURE, LAST): [1, 3, "4*h", "4*w"], slot(FRAME, LAST): picture[FRAME]}
        restore_shapes |= {slot(POSITIONS, LAST): [*field, 2], slot(RELEVANCE, LAST): field}
    return {
        "encode": _encode_verb(method, reference, list(features)),
        "match": Verb(_Match(method), to_match, match_shapes, [POSITIONS, RELEVANCE]),
        "restore": Verb(_Restore(method, restoring.names, slots), to_restore, restore_shapes, [PICTURE]),
    }  # fmt: skip


def _encode_verb(method: Method, reference: torch.Tensor, names: list[str]) -> Verb:
    """A method that takes the reference's low-resolution side is given it; for the seeder of another it is made."""
    examples = {REFERENCE: reference}
    shapes: dict[str, list[Dim]] = {REFERENCE: [1, 3, "4*r", "4*q"]}
    if method.info.own_frame:
        low = BicubicReduce(method.info.scale)(reference)
        examples |= {LOW: low, TAPS: torch.from_numpy(papers_taps())[None]}
        shapes |= {LOW: [1, 3, "1*r", "1*q"], TAPS: [*examples[TAPS].shape]}
    made = method.seeder is not None and not method.info.own_frame
    return Verb(_Encode(method, names, made), examples, shapes, [*names, *([LOW] if made else [])])


def _example_last(frame: torch.Tensor, positions: torch.Tensor, relevance: torch.Tensor) -> dict[str, torch.Tensor]:
    picture = torch.rand(1, 3, *(4 * side for side in frame.shape[2:]))
    return {
        PICTURE: picture, FRAME: frame.clone(), POSITIONS: positions.clone(), RELEVANCE: relevance.float().clone()
    }  # fmt: skip


class _Encode(nn.Module):
    """The reference [1,3,R,Q] and, where the method takes it, its low-resolution side -> the features named and, if it
    is to be `reduced`, the reference made small."""

    def __init__(self, method: Method, names: Sequence[str], reduced: bool):
        super().__init__()
        self.encoder, self.names, self.reduced = method.encoder, names, reduced
        self.beside = (LOW, TAPS) if method.info.own_frame else ()
        self.reduce = BicubicReduce(method.info.scale)

    def forward(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        reference = inputs[REFERENCE]
        features = self.encoder(reference, *(inputs[name] for name in self.beside))
        named = [features[name] for name in self.names]
        # a feature that is the reference itself is cloned, for an output is no input
        kept = tuple(feature.clone() if feature is reference else feature.contiguous() for feature in named)
        return (*kept, self.reduce(reference)) if self.reduced else kept


class _Match(nn.Module):
    """The frame, features by name and, where there is one, a seed -> positions, relevance."""

    def __init__(self, method: Method):
        super().__init__()
        self.matcher = method.matcher

    def forward(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        positions, relevance = self.matcher(inputs[FRAME], inputs, inputs.get(SEED))
        return positions, relevance.float()


class _Restore(nn.Module):
    """The frame and, for each slot, features, positions and relevance by name, and what was restored last -> the
    picture [1,3,4h,4w] in [0,1]."""

    def __init__(self, method: Method, names: Sequence[str], slots: int):
        super().__init__()
        self.restorer, self.names, self.slots = method.restorer, names, slots
        self.recurrent = method.info.recurrent

    def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        matches = [self._match(inputs, self.names, number) for number in range(self.slots)]
        last = [self._match(inputs, (PICTURE, FRAME), LAST)] if self.recurrent else []
        return self.restorer(inputs[FRAME], matches, *last).float().clamp(0, 1)

    def _match(self, inputs: dict[str, torch.Tensor], names: Sequence[str], number: int | str) -> Match:
        features = {name: inputs[slot(name, number)] for name in names}
        return Match(features, inputs[slot(POSITIONS, number)], inputs[slot(RELEVANCE, number)])


class _Read(dict):
    """Remembers which features were asked for: a graph takes no others."""

    def __init__(self, features: Mapping[str, torch.Tensor]):
        super().__init__(features)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> torch.Tensor:
        self.asked.add(name)
        return super().__getitem__(name)

    @property
    def names(self) -> list[str]:
        return [name for name in self if name in self.asked]


def _example_seed(method: Method, frame: torch.Tensor, features: Mapping[str, torch.Tensor], height: int, width: int):
    """Positions [S,h,w,2]; S fields where a method searches at several scales."""
    if method.seeder is None:
        return method.matcher(frame, features, None)[0].detach().clone()
    return torch.rand(1, height, width, 2) * torch.tensor([4.0 * width, 4.0 * height])


def _feature_shapes(method: Method, features: Mapping[str, torch.Tensor]) -> dict[str, list[Dim]]:
    """How the sides of features follow a reference's, seen at two sizes."""
    other = method.encoder(torch.rand(1, 3, *(4 * _BESIDE[side] for side in "rq")))
    shapes: dict[str, list[Dim]] = {}
    for name, feature in features.items():
        sides = zip("rq", feature.shape[2:], other[name].shape[2:])
        shapes[name] = [1, feature.shape[1], *(_follows(*side) for side in sides)]
    return shapes


def _follows(symbol: str, first: int, second: int) -> Dim:
    """How a side follows a reference's, of which it has this length and that: by a factor, or "~", by rounding."""
    ratios = first / _TRACED[symbol], second / _BESIDE[symbol]
    if ratios[0] == ratios[1] and ratios[0].is_integer():
        return f"{int(ratios[0])}*{symbol}"
    return f"~{sum(ratios) / 2:.4f}*{symbol}"
