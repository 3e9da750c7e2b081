"""Method -> ONNX: one graph for each verb, height and width dynamic, precision written into the graph.

The same modules run as in torch_engine; they ask `torch.compiler.is_exporting()` where a graph has to go another way.
Precision is autocast's, with each of its casts written out (`_Typed`): so a graph is strongly typed, and what carries
positions and the picture itself stays float32.
"""

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from lfvideo_sr.engine import Precision
from lfvideo_sr.errors import EngineError
from lfvideo_sr.media.seed import FlowSeeder
from lfvideo_sr.method import Match, Method
from lfvideo_sr.nn.resize import BicubicReduce

from .graphs import (
    FRAME,
    KEY,
    LOW,
    PICTURE,
    POSITIONS,
    REFERENCE,
    RELEVANCE,
    SEED,
    About,
    Dim,
    paths,
    slot,
)  # fmt: skip
from .resident import DTYPES

OPSET = 20  # the first whose GridSample is what TensorRT and ONNX Runtime both read
SLOTS = 2  # references of a restore graph, where the method takes as many: as many as a stream gives by default
OPSET_BF16 = 22  # the first whose convolutions and samples may be bf16; nothing else in it differs for these graphs
UNWANTED = {"DeformConv", "Col2Im"}  # TensorRT refuses them
_FOLDED = 1 << 26  # numbers of a constant that may be computed ahead: all weights

# Sizes a graph is traced at, each side another number: quarter reference sides r, q and frame sides h, w.
_TRACED = {"h": 20, "w": 24, "r": 22, "q": 26}
_BESIDE = {"r": 34, "q": 38}  # of a second reference, which shows how sides follow
_SIDES = (8, 1 << 13)  # so that patches and their edges fit


@dataclass(frozen=True)
class _Verb:
    """A verb as a module: example inputs by name, their shapes as `Dim`, and the names of what it gives."""

    module: nn.Module
    given: dict[str, torch.Tensor]
    shapes: dict[str, list[Dim]]
    outputs: list[str]


def export_graphs(method: Method, folder: Path, weights: str, precision: Precision) -> dict[str, About]:
    """Write the method's graphs into `folder`, each whole or not at all. `weights`: fingerprint, for their metadata."""
    slots = min(SLOTS, method.info.references)
    with torch.enable_grad(), _typed(precision):  # with gradients nothing runs that is not exported either
        verbs = _verbs(method, slots)
    folder.mkdir(parents=True, exist_ok=True)
    told = {}
    for name, path in paths(folder).items():
        verb = verbs[name]
        about = About(
            name, replace(method.info, references=slots), weights, precision, method.field_stride,
            _seeder_arguments(method), method.warm, verb.shapes,
        )  # fmt: skip
        try:
            program = _traced(verb, precision)
        except Exception as error:  # the exporter's errors have no common base
            said = " ".join(str(error).split())[:400]
            raise EngineError(
                f"{name} of {method.info.name} cannot be exported ({said}); pass --engine torch"
            ) from error
        _write(program, about, path)
        told[name] = about
    return told


def never_exact(method: Method) -> None:
    """Let the method search as its graphs do, so that the two can be compared."""
    for part in method.matcher.modules():
        if hasattr(part, "exact_until"):
            part.exact_until = 0


def _seeder_arguments(method: Method) -> Mapping[str, int] | None:
    if method.seeder is None:
        return None
    assert isinstance(method.seeder, FlowSeeder), "graphs know of no other seeder"
    return {"scale": method.info.scale, "stride": method.seeder.stride}


class _Encode(nn.Module):
    def __init__(self, method: Method, names: Sequence[str]):
        super().__init__()
        self.encoder, self.names, self.seeded = method.encoder, names, method.seeder is not None
        self.reduce = BicubicReduce(method.info.scale)

    def forward(self, given: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        features = self.encoder(given[REFERENCE])
        # what is kept as given becomes a value of its own, for inputs and outputs have names of their own
        found = [features[name] for name in self.names]
        kept = tuple(one.clone() if one is given[REFERENCE] else one.contiguous() for one in found)
        return (*kept, self.reduce(given[REFERENCE])) if self.seeded else kept


class _Match(nn.Module):
    def __init__(self, method: Method):
        super().__init__()
        self.matcher = method.matcher

    def forward(self, given: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        positions, relevance = self.matcher(given[FRAME], given, given.get(SEED))
        return positions, relevance.float()


class _Restore(nn.Module):
    def __init__(self, method: Method, names: Sequence[str], slots: int):
        super().__init__()
        self.restorer, self.names, self.slots = method.restorer, names, slots

    def forward(self, given: dict[str, torch.Tensor]) -> torch.Tensor:
        return (
            self.restorer(given[FRAME], [self._match(given, number) for number in range(self.slots)])
            .float()
            .clamp(0, 1)
        )

    def _match(self, given: dict[str, torch.Tensor], number: int) -> Match:
        features = {name: given[slot(name, number)] for name in self.names}
        return Match(features, given[slot(POSITIONS, number)], given[slot(RELEVANCE, number)])


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


def _verbs(method: Method, slots: int) -> dict[str, _Verb]:
    """The three verbs with examples, made by running them once."""
    multiple, stride = method.info.size_multiple, method.field_stride
    places = method.info.scale // stride
    height, width, high, wide = (_TRACED[side] * multiple for side in "hwrq")
    frame, reference = torch.rand(1, 3, height, width), torch.rand(1, 3, 4 * high, 4 * wide)
    features = {name: one.detach() for name, one in method.encoder(reference).items()}
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
    for number in range(slots):
        own = {name: features[name] for name in restoring.names} | {POSITIONS: positions, RELEVANCE: relevance.float()}
        to_restore |= {slot(name, number): one.clone() for name, one in own.items()}  # one tensor would be one input
        restore_shapes |= {slot(name, number): shapes[name] for name in restoring.names}
        restore_shapes |= {slot(POSITIONS, number): [*field, 2], slot(RELEVANCE, number): field}
    names = list(features)
    return {
        "encode": _Verb(
            _Encode(method, names), {REFERENCE: reference}, {REFERENCE: [1, 3, "4*r", "4*q"]},
            [*names, *([LOW] if method.seeder is not None else [])],
        ),
        "match": _Verb(_Match(method), to_match, match_shapes, [POSITIONS, RELEVANCE]),
        "restore": _Verb(_Restore(method, restoring.names, slots), to_restore, restore_shapes, [PICTURE]),
    }  # fmt: skip


def _example_seed(method: Method, frame: torch.Tensor, features: Mapping[str, torch.Tensor], height: int, width: int):
    """Positions [S,h,w,2]; S fields where a method searches at several scales."""
    if method.seeder is None:
        return method.matcher(frame, features, None)[0].detach().clone()
    return torch.rand(1, height, width, 2) * torch.tensor([4.0 * width, 4.0 * height])


def _feature_shapes(method: Method, features: Mapping[str, torch.Tensor]) -> dict[str, list[Dim]]:
    """How the sides of features follow a reference's, seen at two sizes."""
    multiple = method.info.size_multiple
    other = method.encoder(torch.rand(1, 3, *(4 * multiple * _BESIDE[side] for side in "rq")))
    found: dict[str, list[Dim]] = {}
    for name, one in features.items():
        sides = zip("rq", one.shape[2:], other[name].shape[2:])
        found[name] = [1, one.shape[1], *(_follows(*side, multiple) for side in sides)]
    return found


def _follows(symbol: str, first: int, second: int, multiple: int) -> Dim:
    ratios = first / (multiple * _TRACED[symbol]), second / (multiple * _BESIDE[symbol])
    if ratios[0] == ratios[1] and ratios[0].is_integer():
        return f"{int(ratios[0])}*{symbol}"
    return f"~{sum(ratios) / 2:.4f}*{symbol}"


class _Typed(TorchFunctionMode):
    """Does what autocast does, in the open: inputs of convolutions and products are cast by operators that a graph
    keeps, and nothing else is. Where autocast is off it does nothing."""

    SHORT = frozenset(
        {
            torch.conv2d, torch.matmul, torch.bmm, torch.einsum, torch.Tensor.matmul, torch.Tensor.__matmul__,
            nn.functional.conv2d, nn.functional.linear, torch.prelu,
        }
    )  # fmt: skip

    def __torch_function__(self, function: Callable, types: Any, args=(), kwargs=None) -> Any:
        kwargs = kwargs or {}
        if not torch.is_autocast_enabled("cpu"):
            return function(*args, **kwargs)
        torch.set_autocast_enabled("cpu", False)
        try:
            if function in self.SHORT:
                args, kwargs = torch.utils._pytree.tree_map(_short, (args, kwargs))
            return function(*args, **kwargs)
        finally:
            torch.set_autocast_enabled("cpu", True)


def _short(one: Any) -> Any:
    floating = isinstance(one, torch.Tensor) and one.is_floating_point()
    return one.to(torch.get_autocast_dtype("cpu")) if floating else one


@contextmanager
def _typed(precision: Precision):
    if precision is Precision.FP32:
        yield
        return
    with torch.autocast("cpu", DTYPES[precision]), _Typed():
        yield


def _traced(verb: _Verb, precision: Precision):
    """The verb as an ONNX program."""
    from onnxscript.optimizer import optimize_ir

    sides = {symbol: torch.export.Dim(symbol, min=_SIDES[0], max=_SIDES[1]) for symbol in _symbols(verb)}
    dynamic = {name: _dynamic(shape, name, sides) for name, shape in verb.shapes.items()}
    with _quiet():
        with torch.no_grad(), _typed(precision):
            traced = torch.export.export(verb.module.eval(), (verb.given,), dynamic_shapes=(dynamic,), strict=False)
        with torch.no_grad():
            program = torch.onnx.export(
                traced, dynamo=True, opset_version=OPSET, input_names=list(verb.given), output_names=verb.outputs,
                external_data=False, optimize=False, verbose=False,
            )  # fmt: skip
        assert program is not None
        optimize_ir(program.model, input_size_limit=_FOLDED, output_size_limit=_FOLDED)
    _weigh_alike(program.model)
    return program


def _weigh_alike(model) -> None:
    """Give every convolution weights of its input's type: where the optimiser takes a normalisation into one, it leaves
    them in float32."""
    import onnx_ir

    for node in model.graph.all_nodes():
        if node.op_type != "Conv":
            continue
        kind = node.inputs[0].dtype
        for value in node.inputs[1:]:
            if value is not None and value.const_value is not None and value.dtype != kind:
                value.const_value = onnx_ir.tensor(value.const_value.numpy().astype(kind.numpy()), name=value.name)
                value.dtype = kind


def _symbols(verb: _Verb) -> list[str]:
    """Names of the sides that differ: h, w, and r, q of every slot."""
    found: dict[str, None] = {}
    for name, shape in verb.shapes.items():
        for dim in shape:
            if isinstance(dim, str) and not dim.startswith("~"):
                found[_symbol(dim, name)] = None
    return list(found)


def _symbol(dim: str, name: str) -> str:
    """h, w, r, q, or r0, q0, r1 ... for what belongs to a slot."""
    symbol, number = dim.split("*")[1], name.rsplit(".", 1)
    return symbol + number[1] if symbol in "rq" and len(number) == 2 and number[1].isdigit() else symbol


def _dynamic(shape: list[Dim], name: str, sides: Mapping[str, Any]) -> dict[int, Any]:
    """Which axes vary, and how, as torch.export wants it."""
    found = {}
    for axis, dim in enumerate(shape):
        if isinstance(dim, str):
            factor = dim.split("*")[0]
            free = torch.export.Dim.DYNAMIC
            found[axis] = free if factor.startswith("~") else int(factor) * sides[_symbol(dim, name)]
    return found


@contextmanager
def _quiet():
    """The exporter tells of its own progress and of what it does not know, none of which a user can act on."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _write(program, about: About, path: Path) -> None:
    model = program.model
    for node in model.graph.all_nodes():  # where in which file of this machine each came from
        for told in (node, *node.outputs):
            told.metadata_props.clear()
    found = UNWANTED & {node.op_type for node in model.graph.all_nodes()}
    if found:
        raise EngineError(f"{about.verb} of {about.info.name} holds {', '.join(found)}, which TensorRT refuses")
    if about.precision is Precision.BF16:
        model.opset_imports[""] = OPSET_BF16
    model.metadata_props[KEY] = about.to_text()
    temporary = path.with_suffix(".partial")
    try:
        program.save(str(temporary), include_initializers=True, external_data=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
