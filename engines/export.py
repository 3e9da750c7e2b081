"""Method -> ONNX: one graph for each verb, height and width dynamic, precision written into the graph.

The same modules run as in torch_engine; they ask `torch.compiler.is_exporting()` where a graph has to go another way.
What carries positions and the picture itself stays float32 in every precision.
"""

import logging
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lfvideo_sr.engine import Precision
from lfvideo_sr.errors import EngineError
from lfvideo_sr.matching.seed import FlowSeeder
from lfvideo_sr.method import Method

from .cache import make_folder, partial_for_us, write_description
from .graph_precision import typed, weigh_alike
from .graphs import About, Dim, paths
from .verbs import Verb, verbs_of

OPSET = 20  # the first whose GridSample is what TensorRT and ONNX Runtime both read
OPSET_BF16 = 22  # the first whose convolutions and samples may be bf16; nothing else in it differs for these graphs
SLOTS = 2  # references of a restore graph, where the method takes as many: as many as a stream gives by default
UNWANTED = {"DeformConv", "Col2Im"}  # TensorRT refuses them
_FOLDED = 1 << 26  # numbers of a constant that may be computed ahead: all weights
_SIDES = (8, 1 << 13)  # so that patches and their edges fit


def export_graphs(method: Method, folder: Path, weights: str, precision: Precision) -> About:
    """Write the method's graphs and their description into `folder`. `weights`: their fingerprint."""
    slots = min(SLOTS, method.info.references)
    with torch.enable_grad(), typed(precision):  # with gradients nothing runs that is not exported either
        verbs = verbs_of(method, slots)
    make_folder(folder)
    for name, path in paths(folder).items():
        try:
            program = traced(verbs[name], precision)
        except Exception as error:  # the exporter's errors have no common base
            reason = " ".join(str(error).split())[:400]
            raise EngineError(
                f"{name} of {method.info.name} cannot be exported ({reason}); pass --engine torch"
            ) from error
        write_graph(program, precision, path)
    about = About(
        replace(method.info, references=slots), weights, precision, method.field_stride, _seeder_arguments(method),
        method.warm, {name: verb.shapes for name, verb in verbs.items()},
    )  # fmt: skip
    write_description(about, folder)
    return about


def _seeder_arguments(method: Method) -> Mapping[str, int] | None:
    if method.seeder is None:
        return None
    assert isinstance(method.seeder, FlowSeeder), "graphs know of no other seeder"
    return {"scale": method.info.scale, "stride": method.seeder.stride, "level": method.seeder.level}


def traced(verb: Verb, precision: Precision):
    """The verb as an ONNX program."""
    from onnxscript.optimizer import optimize_ir

    sides = {symbol: torch.export.Dim(symbol, min=_SIDES[0], max=_SIDES[1]) for symbol in _symbols(verb)}
    dynamic = {name: _dynamic(shape, name, sides) for name, shape in verb.shapes.items()}
    with _quiet():
        with torch.no_grad(), typed(precision):
            exported = torch.export.export(
                verb.module.eval(), (verb.examples,), dynamic_shapes=(dynamic,), strict=False
            )
        with torch.no_grad():
            program = torch.onnx.export(
                exported, dynamo=True, opset_version=OPSET, input_names=list(verb.examples), output_names=verb.outputs,
                external_data=False, optimize=False, verbose=False,
            )  # fmt: skip
        assert program is not None
        optimize_ir(program.model, input_size_limit=_FOLDED, output_size_limit=_FOLDED)
    weigh_alike(program.model)
    return program


def _symbols(verb: Verb) -> list[str]:
    """Names of the sides that differ: h, w, and r, q of every slot."""
    symbols: dict[str, None] = {}
    for name, shape in verb.shapes.items():
        for dim in shape:
            if isinstance(dim, str) and not dim.startswith("~"):
                symbols[_symbol(dim, name)] = None
    return list(symbols)


def _symbol(dim: str, name: str) -> str:
    """h, w, r, q, or r0, q0, r1 ... for what belongs to a slot."""
    symbol, number = dim.split("*")[1], name.rsplit(".", 1)
    return symbol + number[1] if symbol in "rq" and len(number) == 2 and number[1].isdigit() else symbol


def _dynamic(shape: list[Dim], name: str, sides: Mapping[str, Any]) -> dict[int, Any]:
    """Which axes vary, and how, as torch.export needs it."""
    axes = {}
    for axis, dim in enumerate(shape):
        if isinstance(dim, str):
            factor = dim.split("*")[0]
            free = torch.export.Dim.DYNAMIC
            axes[axis] = free if factor.startswith("~") else int(factor) * sides[_symbol(dim, name)]
    return axes


@contextmanager
def _quiet():
    """The exporter reports its progress and what it does not know, on which no user can act."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def write_graph(program, precision: Precision, path: Path) -> None:
    """Whole or not at all; raises EngineError for what TensorRT refuses."""
    model = program.model
    for node in model.graph.all_nodes():  # where in which file of this machine each came from
        for part in (node, *node.outputs):
            part.metadata_props.clear()
    unwanted = UNWANTED & {node.op_type for node in model.graph.all_nodes()}
    if unwanted:
        raise EngineError(f"{path.stem} holds {', '.join(unwanted)}, which TensorRT refuses; pass --engine torch")
    if precision is Precision.BF16:
        model.opset_imports[""] = OPSET_BF16
    with partial_for_us(path) as partial:
        program.save(str(partial), include_initializers=True, external_data=False)
